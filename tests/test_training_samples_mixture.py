"""Which sample comes when: every crop once an epoch, sources by their weights."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipstr.errors import RecipeError, TrainingError
from clipstr.training.samples.mixture import SYNTHETIC, Mixture
from clipstr.training.samples.stream import Slice


@settings(max_examples=30, deadline=None)
@given(count=st.integers(1, 2500), seed=st.integers(0, 5))
def test_every_crop_comes_once_before_any_comes_again(count: int, seed: int) -> None:
    mixture = Mixture({"a": count}, {"a": 1.0}, seed=seed)
    for epoch in range(2):
        items = [mixture.place(epoch * count + index).item for index in range(count)]
        assert sorted(items) == list(range(count))


def test_each_source_passes_over_its_own_crops_at_its_own_pace() -> None:
    mixture = Mixture({"a": 300, "b": 700}, {"a": 3.0, SYNTHETIC: 5.0, "b": 2.0}, seed=1)
    places = [mixture.place(index) for index in range(7000)]
    assert Counter(place.source for place in places) == {"a": 2100, SYNTHETIC: 3500, "b": 1400}
    for name, count in (("a", 300), ("b", 700)):
        items = [place.item for place in places if place.source == name]
        for start in range(0, len(items), count):
            assert sorted(items[start : start + count]) == list(range(count))
    assert mixture.shares == {"a": 0.3, SYNTHETIC: 0.5, "b": 0.2}
    assert mixture.samples_an_epoch == 3500


def test_any_thousand_samples_hold_each_sources_share() -> None:
    mixture = Mixture({"a": 10**6, "b": 10}, {"a": 2.0, "b": 1.0}, seed=0)
    for block in range(3):
        names = Counter(mixture.place(1000 * block + index).source for index in range(1000))
        assert names == {"a": 667, "b": 333}


def test_a_place_depends_on_its_number_and_the_seed_alone() -> None:
    first, second, other = (
        Mixture({"a": 50, "b": 60}, {"a": 1.0, "b": 1.0}, seed=seed) for seed in (0, 0, 1)
    )
    forwards = [first.place(index) for index in range(3000)]
    assert [second.place(index) for index in reversed(range(3000))] == forwards[::-1]
    assert [other.place(index) for index in range(3000)] != forwards


def test_orders_differ_from_epoch_to_epoch() -> None:
    mixture = Mixture({"a": 100}, {"a": 1.0}, seed=0)
    first, second = ([mixture.place(100 * epoch + n).item for n in range(100)] for epoch in (0, 1))
    assert first != second
    assert first != sorted(first)


def test_a_weight_too_small_to_be_kept_is_an_error() -> None:
    with pytest.raises(RecipeError, match="the weight of b is below a thousandth"):
        Mixture({"a": 5, "b": 5}, {"a": 1.0, "b": 1e-4}, seed=0)


@settings(max_examples=50, deadline=None)
@given(processes=st.integers(1, 5), parts=st.integers(1, 4), each=st.integers(1, 6), first=st.integers(0, 99))
def test_all_processes_and_parts_together_take_each_sample_of_a_step_once(
    processes: int, parts: int, each: int, first: int
) -> None:
    size = processes * parts * each
    taken = [
        index
        for process in range(processes)
        for part in range(parts)
        for index in Slice(size, parts, process, processes).part(first, part)
    ]
    assert taken == list(range(first, first + size))


def test_a_step_that_cannot_be_divided_is_an_error() -> None:
    with pytest.raises(TrainingError, match="a batch of 10 cannot be shared by 3 processes in 2 parts"):
        Slice(10, 2, 0, 3)
