"""`clipstr.calibration`: curves that rise, and readings bent by them without another text being read."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import toy
from clipstr.calibration import Calibration, Curve, shared_power
from clipstr.errors import InputError, ModelFileError
from clipstr.models import ModelConfig
from clipstr.reader import Reader
from clipstr.reading import CharacterReading, Match, Reading

BENT = Calibration(
    one_look=Curve(slope=0.5, offset=-0.7),
    first_look=Curve(slope=0.9, offset=0.2),
    several_looks=Curve(slope=1.5, offset=0.3, doubling=-0.4),
)
LEVELS = [toy.CHARSET.encode("cab"), [1.5, 2.4, 0.0], [3.5, 3.5, 3.5, 3.4]]


@pytest.mark.parametrize(("slope", "offset"), [(1.0, 0.0), (0.5, -0.7), (3.0, 2.0)])
@pytest.mark.parametrize("probability", [1e-12, 0.1, 0.5, 0.97, 0.999])
def test_a_curve_is_a_line_between_log_odds(slope: float, offset: float, probability: float) -> None:
    bent = Curve(slope=slope, offset=offset)(probability)
    expected = slope * math.log(probability / (1 - probability)) + offset
    assert math.log(bent / (1 - bent)) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_each_doubling_of_the_looks_moves_the_log_odds_by_as_much() -> None:
    curve = Curve(slope=0.8, offset=0.2, doubling=-0.5)
    odds = [math.log(curve(0.7, looks) / (1 - curve(0.7, looks))) for looks in (1, 2, 4, 8)]
    assert np.diff(odds) == pytest.approx([-0.5] * 3)
    assert curve(0.7) == curve(0.7, 1)


def test_a_curve_rises_from_nothing_to_certainty_and_never_leaves_them() -> None:
    shares = [0.0, 5e-324, 1e-300, 1e-9, *np.linspace(0.01, 0.99, 99), 1 - 1e-16, 1.0]
    for slope in (0.01, 0.4, 1.0, 40.0):
        bent = [Curve(slope=slope, offset=0.5)(float(share)) for share in shares]
        assert bent == sorted(bent)
        assert (bent[0], bent[-1]) == (0.0, 1.0)


@pytest.mark.parametrize(
    "wrong", [{"slope": 0}, {"slope": -1.0}, {"slope": math.nan}, {"offset": math.inf}, {"offset": "0"}]
)
def test_what_is_no_rising_curve_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="the slope above 0"):
        Curve(**wrong)


def test_a_bent_reading_is_still_the_product_of_its_characters_and_its_end() -> None:
    chances, end = [0.9, 0.6, 0.99], 0.8
    characters = tuple(CharacterReading(c, p) for c, p in zip("abc", chances, strict=True))
    reading = Reading("abc", math.prod([*chances, end]), characters, Match("abd", 1, 0.7))
    bent = BENT.of(reading)
    power = shared_power(reading.confidence, bent.confidence)
    assert bent.text == "abc"
    assert bent.confidence == BENT.one_look(reading.confidence)
    assert [part.confidence for part in bent.characters] == pytest.approx([p**power for p in chances])
    assert math.prod(part.confidence for part in bent.characters) * end**power == pytest.approx(
        bent.confidence
    )
    assert bent.match == Match("abd", 1, BENT.one_look(0.7))
    assert BENT.of(replace(reading, looks=8)).confidence == BENT.several_looks(reading.confidence, 8)


@pytest.mark.parametrize("confidence", [0.0, 1.0])
def test_what_is_certain_stays_so_with_its_characters(confidence: float) -> None:
    reading = Reading("a", confidence, (CharacterReading("a", confidence),))
    assert BENT.of(reading) == reading


def test_a_reader_tells_what_the_config_bends_and_reads_the_same_texts(
    sharp_toy: Path, tmp_path: Path
) -> None:
    plain = Reader(sharp_toy, threads=1)
    pictures = [toy.picture(levels) for levels in LEVELS]
    own = plain.read(pictures)
    reader = Reader(bent(sharp_toy, tmp_path / "bent"), threads=1)
    assert reader.read(pictures) == [BENT.of(reading, second_looks=True) for reading in own]
    assert {reading.looks > 1 for reading in own} == {False, True}
    assert reader.uncalibrated().read(pictures) == own
    limited = [r.restricted(lexicon=["cab", "fee"], allow="abcef").read(pictures) for r in (plain, reader)]
    assert limited[1] == [BENT.of(reading, second_looks=True) for reading in limited[0]]


def bent(model: Path, folder: Path) -> Path:
    """A copy of ``model`` with a calibration."""
    shutil.copytree(model, folder)
    replace(ModelConfig.load(folder), calibration=BENT).save(folder)
    return folder


def test_a_calibration_stands_in_the_config_and_in_its_checksum(toy_model: Path, tmp_path: Path) -> None:
    folder = bent(toy_model, tmp_path / "bent")
    config = ModelConfig.load(folder)
    assert config.calibration == BENT
    plain = replace(config, calibration=None)
    assert plain.checksum != config.checksum
    plain.save(folder)
    assert "calibration" not in json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert ModelConfig.load(folder) == plain


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        [],
        {"one_look": {"slope": 1.0, "offset": 0.0, "doubling": 0.0}},
        {"one_look": 3, "several_looks": 4},
        {**BENT.to_dict(), "third_look": {"slope": 1.0, "offset": 0.0, "doubling": 0.0}},
        {**BENT.to_dict(), "one_look": {"slope": -2.0, "offset": 0.0, "doubling": 0.0}},
        {**BENT.to_dict(), "one_look": {"slope": "1", "offset": 0.0, "doubling": 0.0}},
    ],
)
def test_a_config_with_a_wrong_calibration_is_refused(toy_model: Path, tmp_path: Path, wrong: object) -> None:
    folder = bent(toy_model, tmp_path / "bent")
    values = json.loads((folder / "config.json").read_text(encoding="utf-8")) | {"calibration": wrong}
    (folder / "config.json").write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(ModelFileError, match=r"config\.json"):
        ModelConfig.load(folder)
