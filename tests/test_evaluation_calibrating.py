"""`clipstr.evaluation.calibrating`: curves found again, and figures of words that they were not fitted on."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import toy
from clipstr.calibration import Calibration, Curve
from clipstr.charset import Charset
from clipstr.data import LabelRule, write_lmdb
from clipstr.errors import DataError
from clipstr.evaluation.calibrating import LEAST_WORDS, Calibrated, calibrated, curve_of
from clipstr.evaluation.calibration_report import HEADING, section, with_section
from clipstr.evaluation.results import CONFIDENCE_BINS
from clipstr.models import ModelConfig
from clipstr.reading import CharacterReading, Reading

RULE = LabelRule(Charset.named("36"))
TRUE = Curve(slope=0.6, offset=-0.9)


def drawn(count: int, truth: Curve, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Confidences, and which of the words are right if ``truth`` says how often they are."""
    random = np.random.default_rng(seed)
    confidences = random.beta(3, 0.7, count)
    return confidences, random.random(count) < [truth(float(c)) for c in confidences]


@pytest.mark.parametrize("truth", [TRUE, Curve(), Curve(slope=1.7, offset=0.5)])
def test_the_curve_that_words_were_drawn_by_is_found_again(truth: Curve) -> None:
    found = curve_of(*drawn(40_000, truth))
    assert found.slope == pytest.approx(truth.slope, abs=0.03)
    assert found.offset == pytest.approx(truth.offset, abs=0.06)


def test_what_few_looks_are_worth_is_found_again() -> None:
    truth = Curve(slope=0.8, offset=1.5, doubling=-1.2)
    random = np.random.default_rng(1)
    confidences, looks = random.beta(3, 1, 20_000), random.integers(2, 12, 20_000)
    shares = [truth(float(c), int(n)) for c, n in zip(confidences, looks, strict=True)]
    found = curve_of(confidences, random.random(20_000) < shares, looks)
    assert found.slope == pytest.approx(truth.slope, abs=0.05)
    assert found.offset == pytest.approx(truth.offset, abs=0.1)
    assert found.doubling == pytest.approx(truth.doubling, abs=0.05)


def test_the_curve_is_where_the_penalised_likelihood_is_flat() -> None:
    """The oracle: small steps in any direction make it no better."""
    confidences, right = drawn(300, TRUE)
    odds = np.log(confidences / (1 - confidences))

    def cost(slope: float, offset: float) -> float:
        unlikely = np.log1p(np.exp(np.where(right, -1, 1) * (slope * odds + offset))).sum()
        return float(unlikely + ((slope - 1) ** 2 + offset**2) / 2)

    found = curve_of(confidences, right)
    best = cost(found.slope, found.offset)
    for step in (1e-3, -1e-3):
        assert cost(found.slope + step, found.offset) > best
        assert cost(found.slope, found.offset + step) > best


@pytest.mark.parametrize("right", [True, False])
def test_words_that_are_all_right_or_all_wrong_give_a_curve_that_rises(right: bool) -> None:
    found = curve_of(np.full(200, 0.9), np.full(200, right))
    assert found.slope > 0
    assert (found(0.9) > 0.9) is right


def test_words_that_are_the_oftener_wrong_the_surer_they_are_give_no_falling_curve() -> None:
    confidences, right = drawn(2000, Curve(slope=2.0))
    assert curve_of(1 - confidences, right).slope == 0.01


class Known:
    """A reader that is told all by pixels: its confidence, whether it looks again, and if it is right."""

    name = "known"
    batch_size = 16
    calibration = None

    def __init__(self, second_looks: bool = False) -> None:
        self.second_looks = second_looks

    def uncalibrated(self) -> Known:
        return self

    def restricted(self, *, second_looks: bool) -> Known:
        return Known(second_looks)

    def read_images(self, images: Iterable[Image.Image]) -> list[Reading]:
        return [self._reading(np.asarray(image)[0, :, 0].tolist()) for image in images]

    def _reading(self, pixels: list[int]) -> Reading:
        confidence, again, right = (
            (pixels[0] + 0.5) / 256,
            pixels[1] > 127 and self.second_looks,
            pixels[2] > 127,
        )
        parts = [CharacterReading(c, confidence ** (1 / 4)) for c in ("cat" if right else "car")]
        return Reading("cat" if right else "car", confidence, tuple(parts), looks=8 if again else 1)


def written(folder: Path, confidences: np.ndarray, right: np.ndarray) -> Path:
    samples = []
    for number, (confidence, good) in enumerate(zip(confidences, right, strict=True)):
        row = [int(confidence * 256), 255 * (number % 4 == 0), 255 * int(good), 0]
        stream = io.BytesIO()
        Image.fromarray(np.array([[[v] * 3 for v in row]], np.uint8)).save(stream, "PNG")
        samples.append((stream.getvalue(), "Cat!"))
    write_lmdb(folder, samples)
    return folder


@pytest.fixture(scope="module")
def overconfident(tmp_path_factory: pytest.TempPathFactory) -> Calibrated:
    data = written(tmp_path_factory.mktemp("words") / "set", *drawn(1500, TRUE))
    reader: Any = Known()
    return calibrated(reader, data, RULE)


def test_an_overconfident_model_is_calibrated_on_words_that_the_curve_never_saw(
    overconfident: Calibrated,
) -> None:
    once, more = overconfident.checks["one look"], overconfident.checks["second looks"]
    assert once.before > 0.1
    for check in (once, more):
        assert check.count == 1500
        assert check.after < 1.3 * check.chance < 0.05
        assert sum(part.count for part in check.bins) == 1500
        assert len(check.bins) == CONFIDENCE_BINS
    assert overconfident.calibration.one_look.slope == pytest.approx(TRUE.slope, abs=0.15)
    characters = overconfident.checks["characters, one look"]
    assert characters.count == 4500
    assert characters.after < characters.before


def test_what_is_calibrated_already_is_left_as_it_is(tmp_path: Path) -> None:
    """A curve must help words that it was not fitted on; chance alone does not."""
    reader: Any = Known()
    kept = [
        calibrated(reader, written(tmp_path / str(seed), *drawn(600, Curve(), seed)), RULE).calibration
        for seed in range(3)
    ]
    assert Curve() in [one.one_look for one in kept]
    assert all(one.one_look.slope == pytest.approx(1, abs=0.25) for one in kept)


def test_figures_and_curves_are_the_same_every_time(tmp_path: Path) -> None:
    reader: Any = Known()
    data = written(tmp_path / "set", *drawn(300, TRUE))
    assert calibrated(reader, data, RULE) == calibrated(reader, data, RULE)


def test_too_few_words_are_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    reader: Any = Known()
    data = written(tmp_path / "set", *drawn(LEAST_WORDS - 1, TRUE))
    with pytest.raises(DataError, match=f"{LEAST_WORDS - 1} words.*give more data"):
        calibrated(reader, data, RULE)


def test_a_card_has_one_section_however_often_it_is_calibrated(overconfident: Calibrated) -> None:
    made = section(overconfident, characters=36)
    card = "# m\n\nIt reads.\n\n## Figures\n\n1\n\n## Weaknesses\n\nmany\n"
    once = with_section(card, made)
    assert once.index("## Figures") < once.index(HEADING) < once.index("## Weaknesses")
    assert with_section(once, made) == once
    other = with_section(once, section(Calibrated(calibration=Calibration(), checks={}), characters=94))
    assert other.count(HEADING) == 1
    assert "94 characters" in other
    assert "36 characters" not in other
    assert other.endswith("## Weaknesses\n\nmany\n")
    assert with_section("# m\n", made).startswith(f"# m\n\n{HEADING}\n")


def test_the_toy_has_a_config_without_calibration(tmp_path: Path) -> None:
    assert ModelConfig.load(toy.write_toy(tmp_path / "toy")).calibration is None
