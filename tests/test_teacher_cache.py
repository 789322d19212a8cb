"""The features of a label: the same whatever stands beside it, and whether computed or remembered."""

from __future__ import annotations

import random
from collections import OrderedDict
from pathlib import Path

import pytest
import torch

import clips
from clipstr.teacher import Guidance, Teacher
from clipstr.teacher.cache import TextCache, TextFeatures

TEXT = [f"text {number}" for number in range(5)]
TOLERANCE = 1e-5  # absolute, float32: other batches, other order of sums
CHANNELS = 4
TOKEN_BYTES = 4 * CHANNELS  # what one float32 row of a stage takes


def features(labels: list[str], *stages: int) -> TextFeatures:
    """Made-up features that tell label, token and stage; the rows of padding are not numbers."""
    lengths = torch.tensor([len(label) + 2 for label in labels])
    readable = torch.arange(int(lengths.max())) < lengths[:, None]
    found = {}
    for stage in stages:
        if stage == 4:
            rows = torch.tensor([float(sum(map(ord, label)) % 997) for label in labels])
        else:
            first = torch.tensor([float(sum(map(ord, label)) % 997) for label in labels])
            rows = first[:, None] + 1000 * stage + torch.arange(readable.shape[1])
            rows = rows.masked_fill(~readable, torch.nan)
        found[stage] = rows[..., None].repeat(*[1] * rows.ndim, CHANNELS)
    return TextFeatures(found, readable)


def ask(cache: TextCache, labels: list[str], *stages: int) -> TextFeatures:
    """The features of ``labels``, computed if need be, as `Teacher` asks for them."""
    unknown = cache.unknown(labels, stages)
    if unknown:
        cache.add(unknown, features(unknown, *stages))
    return cache.gather(labels, stages)


def guide(teacher: Teacher, labels: list[str], names: list[str] = TEXT, *, padding: bool = False) -> Guidance:
    return teacher.guide(torch.zeros(len(labels), 3, 32, 64), labels, names, padding=padding)


def test_what_was_added_comes_back_with_zeros_behind_each_end() -> None:
    labels = ["abc", "z", ""]
    got, given = ask(TextCache(limit=1 << 20), labels, 1, 4), features(labels, 1, 4)
    assert torch.equal(got.readable, given.readable)
    assert got.readable.sum(1).tolist() == [5, 3, 2]
    assert torch.equal(got.stages[1], given.stages[1].nan_to_num(0))
    assert torch.equal(got.stages[4], given.stages[4])


def test_every_label_asked_for_is_a_hit_or_a_miss() -> None:
    cache = TextCache(limit=1 << 20)
    assert cache.unknown(["a", "b", "a"], [1]) == ["a", "b"]
    cache.add(["a", "b"], features(["a", "b"], 1))
    assert (cache.hits, cache.misses) == (1, 2)  # the second a costs nothing
    assert cache.unknown(["b", "c"], [1]) == ["c"]
    assert (cache.hits, cache.misses) == (2, 3)


def test_the_label_asked_for_least_recently_goes_first() -> None:
    cache = TextCache(limit=2 * 3 * TOKEN_BYTES)  # two labels of one character
    ask(cache, ["a", "b"], 1)
    ask(cache, ["a"], 1)
    ask(cache, ["c"], 1)
    assert len(cache) == 2
    assert cache.unknown(["a", "b", "c"], [1]) == ["b"]


def test_bytes_never_pass_the_limit_and_no_more_is_forgotten_than_needed() -> None:
    chance = random.Random(3)
    limit = 40 * TOKEN_BYTES
    cache, oracle = TextCache(limit=limit), OrderedDict[str, int]()
    words = [chr(97 + n) * (1 + n % 7) for n in range(26)]
    for _ in range(200):
        labels = chance.choices(words, k=chance.randint(1, 4))
        missing = [label for label in dict.fromkeys(labels) if label not in oracle]
        for label in labels:
            if label in oracle:
                oracle.move_to_end(label)
        oracle |= {label: (len(label) + 2) * TOKEN_BYTES for label in missing}
        assert cache.unknown(labels, [2]) == missing
        if missing:
            cache.add(missing, features(missing, 2))
        got = cache.gather(labels, [2])
        assert torch.equal(got.stages[2], features(labels, 2).stages[2].nan_to_num(0))
        while sum(oracle.values()) > limit:
            oracle.popitem(last=False)
        assert cache.bytes == sum(oracle.values()) <= limit
        assert len(cache) == len(oracle)
    assert cache.hits > 0


@pytest.mark.parametrize("limit", [0, 1])
def test_a_batch_larger_than_the_limit_is_answered_and_forgotten(limit: int) -> None:
    cache = TextCache(limit=limit)
    for _ in range(2):
        got = ask(cache, ["abc", "de"], 1, 4)
        assert torch.equal(got.stages[1], features(["abc", "de"], 1).stages[1].nan_to_num(0))
        assert (len(cache), cache.bytes) == (0, 0)
    assert (cache.hits, cache.misses) == (0, 4)


def test_a_stage_not_asked_for_before_is_missing_and_then_remembered_beside_the_others() -> None:
    cache = TextCache(limit=1 << 20)
    ask(cache, ["ab", "c"], 1)
    assert cache.unknown(["ab", "c"], [1, 4]) == ["ab", "c"]
    cache.add(["ab"], features(["ab"], 1, 4))
    assert cache.bytes == (4 + 3 + 1) * TOKEN_BYTES  # stage 1 of ab counts once
    assert cache.unknown(["ab", "c"], [4]) == ["c"]
    cache.add(["c"], features(["c"], 4))
    assert cache.unknown(["ab", "c"], [1, 4]) == []
    assert set(cache.gather(["ab", "c"], [4]).stages) == {4}
    assert set(cache.gather(["ab", "c"], [1, 4]).stages) == {1, 4}


def test_nobody_can_change_what_is_remembered() -> None:
    cache, given = TextCache(limit=1 << 20), features(["ab"], 1, 4)
    cache.unknown(["ab"], [1, 4])
    cache.add(["ab"], given)
    expected = {stage: value.clone() for stage, value in given.stages.items()}
    got = cache.gather(["ab"], [1, 4])
    for value in (*given.stages.values(), *got.stages.values()):
        value.zero_()
    again = cache.gather(["ab"], [1, 4])
    assert all(torch.equal(again.stages[stage], value) for stage, value in expected.items())


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Teacher:
    return clips.teacher(tmp_path_factory.mktemp("clip"))


@pytest.fixture
def teacher(clip: Teacher) -> Teacher:
    """The small teacher, which knows no label yet."""
    clip.cache = TextCache(limit=1 << 20)
    return clip


@pytest.mark.parametrize("limit", [0, 500, 1 << 20])
def test_a_labels_features_depend_on_it_alone(teacher: Teacher, limit: int) -> None:
    words = ["a", "ab", "abc", "zebra", "0123456789", "Ab", "!?"]
    alone = {word: guide(teacher, [word], padding=True).stages for word in words}
    teacher.cache = TextCache(limit=limit)
    chance = random.Random(0)
    for _ in range(8):
        labels = chance.choices(words, k=4)
        got = guide(teacher, labels)
        assert got.readable.sum(1).tolist() == [len(label) + 2 for label in labels]
        for row, label in enumerate(labels):
            for name in TEXT[:4]:
                own, behind = got.stages[name][row].split(
                    [len(label) + 2, got.readable.shape[1] - len(label) - 2]
                )
                torch.testing.assert_close(own, alone[label][name][0], rtol=0, atol=TOLERANCE)
                assert not behind.any()
            torch.testing.assert_close(
                got.stages["text 4"][row], alone[label]["text 4"][0], rtol=0, atol=TOLERANCE
            )
    assert (teacher.cache.hits > teacher.cache.misses) == (limit == 1 << 20)


def test_labels_asked_for_again_are_remembered_to_the_bit(teacher: Teacher) -> None:
    first = guide(teacher, ["abc", "abc", "de", "f"])
    again = guide(teacher, ["f", "abc", "de", "abc"])
    assert (teacher.cache.hits, teacher.cache.misses, len(teacher.cache)) == (5, 3, 3)
    for name in TEXT:
        assert torch.equal(again.stages[name][[1, 3, 2, 0]], first.stages[name]), name


def test_the_cache_counts_the_bytes_of_what_it_holds(teacher: Teacher) -> None:
    guide(teacher, ["abc", "z"], ["text 1", "text 4"])
    width, embedding = teacher.sizes.text_width, teacher.sizes.embedding
    assert teacher.cache.bytes == 4 * ((5 + 3) * width + 2 * embedding)


def test_other_stages_of_a_known_label_are_computed(teacher: Teacher) -> None:
    expected = guide(teacher, ["abc", "new"]).stages
    teacher.cache = TextCache(limit=1 << 20)
    guide(teacher, ["abc"], ["text 1"])
    for names in (["text 4"], ["text 2", "text 4"], ["text 1"]):
        got = guide(teacher, ["abc", "new"], names).stages
        assert set(got) == set(names)
        for name in names:
            torch.testing.assert_close(got[name], expected[name], rtol=0, atol=TOLERANCE)


def test_with_padding_nothing_is_remembered(teacher: Teacher) -> None:
    guidance = guide(teacher, ["abc", "z"], padding=True)
    assert (len(teacher.cache), teacher.cache.hits, teacher.cache.misses) == (0, 0, 0)
    assert guidance.readable.tolist() == [[True] * 5, [True] * 3 + [False] * 2]
    assert guidance.stages["text 1"][1, 3:].abs().sum() > 0  # what CLIP makes of padding


def test_a_moved_teacher_forgets_the_features_of_before(tmp_path: Path) -> None:
    teacher = clips.teacher(tmp_path, cache_mib=3)
    guide(teacher, ["abc"])
    teacher.to(torch.device("cpu"), torch.float32)
    assert (len(teacher.cache), teacher.cache.limit) == (0, 3 << 20)
