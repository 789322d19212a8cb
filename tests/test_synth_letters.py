"""Letters in places of their own, along curves: lengths are exact, outlines hold the ink."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipstr.fonts import SIZE, FontFace, load_font
from clipstr.synth.letters import Liveliness, inked, lettered, outline
from clipstr.synth.paths import ROUNDEST, SHARPEST, Path, arc, free_curve, straight, wave

FONT = load_font(FontFace(":pillow:"))
RNG = np.random.default_rng


def turned(path: Path) -> float:
    return float(path.headings[-1] - path.headings[0])


@given(st.floats(0.5, 30), st.floats(-9, 9), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_curves_have_the_length_they_are_given_and_never_turn_sharper_than_letters_bear(
    length: float, turn: float, seed: int
) -> None:
    curves = (arc(length, turn), wave(length, turn / 9, 1.5, turn), free_curve(length, RNG(seed)))
    for path in (straight(length), *curves):
        points, _ = path.places(np.linspace(0, length, 2000))
        assert np.linalg.norm(np.diff(points, axis=0), axis=1).sum() == pytest.approx(length, rel=1e-3)
        assert np.abs(np.diff(path.headings)).max() * len(path.headings) / length <= SHARPEST * 1.02
        assert abs(turned(arc(length, turn))) <= ROUNDEST + 1e-9


def test_an_arc_lies_on_a_circle() -> None:
    """Of 10 ems and 2 radians: its radius is 5 ems, to a hundredth."""
    points, _ = arc(10.0, 2.0).places(np.linspace(0, 10, 50))
    middle = points[0] + 5 * np.array([-np.sin(-1.0), np.cos(-1.0)])
    assert np.linalg.norm(points - middle, axis=1) == pytest.approx(np.full(50, 5.0), abs=0.05)


def test_beyond_its_ends_a_curve_goes_on_straight() -> None:
    points, headings = arc(4.0, 1.0).places(np.array([-1.0, 0.0, 4.0, 5.0]))
    assert np.linalg.norm(points[1] - points[0]) == pytest.approx(1)
    assert np.linalg.norm(points[3] - points[2]) == pytest.approx(1)
    assert headings[0] == headings[1]
    assert headings[2] == headings[3]


def test_a_word_without_any_liveliness_is_the_fonts_own() -> None:
    """Pillow draws the same letters at once; kerning aside they stand in the same places."""
    ink, letters = lettered("house", FONT, RNG(0))
    alone, _ = inked("house", FONT)
    assert [letter.character for letter in letters] == list("house")
    assert abs((ink > 127).sum() - (alone > 127).sum()) < 0.05 * (ink > 127).sum()
    assert ink.shape[1] - 4 == pytest.approx(alone.shape[1], abs=3)


@pytest.mark.parametrize("course", [straight, partial(arc, turn=5.0), partial(arc, turn=-2.0)])
def test_the_outline_holds_the_ink(course: object) -> None:
    for seed in range(6):
        ink, letters = lettered("Brasserie", FONT, RNG(seed), course=course)  # type: ignore[arg-type]
        inside = np.zeros_like(ink)
        cv2.fillPoly(inside, [np.round(outline(letters)).astype(np.int32)], 1)
        inside = cv2.dilate(inside, np.ones((3, 3)))
        assert ink[inside == 0].astype(float).sum() <= 0.01 * ink.astype(float).sum()
        assert len(outline(letters)) == 2 * 9 + 2


def test_each_kind_of_liveliness_moves_letters_by_what_it_says() -> None:
    def frames(lively: Liveliness) -> np.ndarray:
        return np.array([letter.frame for letter in lettered("nnnnnnnn" * 8, FONT, RNG(1), lively=lively)[1]])

    still = frames(Liveliness())
    assert np.allclose(np.diff(still[:, 0, 2]), FONT.getlength("n"), atol=0.01)
    sizes = np.linalg.norm(frames(Liveliness(size=0.2))[:, :, 0], axis=1)
    assert np.log(sizes).std() == pytest.approx(0.2, rel=0.35)
    turns = np.arcsin(frames(Liveliness(turn=0.1))[:, 1, 0])
    assert turns.std() == pytest.approx(0.1, rel=0.35)
    levels = frames(Liveliness(level=0.1))[:, 1, 2]
    assert levels.std() == pytest.approx(0.1 * SIZE, rel=0.35)
    apart = np.diff(frames(Liveliness(spacing=0.3))[:, 0, 2]) - FONT.getlength("n")
    assert apart == pytest.approx(np.full(63, 0.3 * SIZE), abs=0.01)
    gaps = np.diff(frames(Liveliness(gap=0.1))[:, 0, 2]) - FONT.getlength("n")
    assert gaps.std() == pytest.approx(0.1 * SIZE, rel=0.35)


def test_a_text_without_ink_gives_an_empty_mask() -> None:
    ink, letters = lettered("  ", FONT, RNG(0))
    assert not ink.any()
    assert not letters


def test_fattened_letters_have_more_ink() -> None:
    thin, bold = (lettered("bold", FONT, RNG(0), stroke=stroke)[0] for stroke in (0, 2))
    assert (bold > 127).sum() > 1.3 * (thin > 127).sum()
