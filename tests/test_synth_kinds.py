"""Test sets of the appendix: shuffled, random, and with one letter covered."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest

from clipstr.synth import KindRenderer, SynthConfig, WordRenderer, find_fonts, settings_of_kind
from clipstr.synth.drawing import Lettering, draw_word
from clipstr.synth.kinds import KINDS
from clipstr.synth.occlusion import cover_letter
from clipstr.wordlists import our_list

KNOWN = {"".join(sorted(word.lower())) for name in ("english", "signs") for word in our_list(name)}


def of_kind(kind: str) -> KindRenderer:
    config = settings_of_kind(kind, SynthConfig(characters="36"))
    return KindRenderer(WordRenderer(config, fonts=find_fonts()[:20]), kind)


def test_shuffled_words_have_the_characters_of_words_in_another_order() -> None:
    renderer = of_kind("shuffle")
    labels = [renderer.sample(0, index).label.lower() for index in range(60)]
    assert all("".join(sorted(label)) in KNOWN for label in labels)
    words = set(our_list("english")) | set(our_list("signs"))
    assert sum(label in words for label in labels) < 15


def test_random_strings_have_all_characters_alike() -> None:
    renderer = of_kind("random")
    texts = [renderer.renderer.vocabulary.text(np.random.default_rng(seed)) for seed in range(3000)]
    counts = Counter("".join(texts))
    assert set("0123456789abcxyzABCXYZ") <= set(counts)
    assert max(counts.values()) < 1.8 * min(counts.values())


def test_repeats_are_repeats_numbers_and_codes() -> None:
    config = settings_of_kind("repeats", SynthConfig())
    renderer = KindRenderer(WordRenderer(config, fonts=find_fonts()[:5]), "repeats")
    labels = [renderer.sample(1, index).label for index in range(150)]
    repeated = [label for label in labels if re.search(r"(.)\1", label)]
    assert len(repeated) > 50
    assert sum(label.isdigit() and len(label) > 9 for label in labels) > 10
    assert sum(not label.isalnum() for label in labels) > 10
    assert len(set(labels)) > 120


@pytest.mark.parametrize(
    ("kind", "least", "most"), [("occluded-weak", 0.3, 0.7), ("occluded-heavy", 0.97, 1.0)]
)
def test_one_letter_is_covered_by_half_or_wholly(kind: str, least: float, most: float) -> None:
    ink = np.full((30, 90), 255, np.uint8)
    drawn = Lettering(ink, lambda: [(0.0, 30.0), (30.0, 60.0), (60.0, 90.0)])
    for seed in range(12):
        mask = cover_letter(drawn, np.random.default_rng(seed), heavy=kind == "occluded-heavy")
        shares = sorted((mask[:, left : left + 30] > 0).mean() for left in (0, 30, 60))
        assert least <= shares[2] <= most
        assert shares[1] < 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_the_same_for_a_seed_and_has_words_that_can_be_read(kind: str) -> None:
    one, other = of_kind(kind).sample(5, 3), of_kind(kind).sample(5, 3)
    assert one.label == other.label
    assert np.array_equal(one.image, other.image)
    if kind.startswith("occluded"):
        assert one.label.isalpha()
        assert len(one.label) >= 4


def test_the_covered_picture_differs_from_the_plain_one_within_the_letter_alone() -> None:
    renderer = of_kind("words").renderer
    face = find_fonts()[0]
    config = renderer.config
    drawn = draw_word("EXIT", face, np.random.default_rng(0), 0.0, config.layout, config.looks)
    spans = list(drawn.spans())
    assert len(spans) == 4
    assert all(left < right for left, right in spans)
    assert abs(spans[-1][1] - drawn.ink.shape[1]) < 8
