"""`clipstr.evaluation.kept`: a set is read once, whatever happens, and judged from its file."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clipstr.charset import Charset
from clipstr.data import LabelRule, write_lmdb
from clipstr.errors import DataError
from clipstr.evaluation import WordResult, compared, evaluate, judged, read_all
from clipstr.reading import CharacterReading, Reading

RULES = [LabelRule(Charset.named("36")), LabelRule(Charset.named("94"))]


class ByWidth:
    """Reads the picture's width, and fails after so many pictures."""

    name = "by width"

    def __init__(self, *, fail_after: int = 10**9, prefix: str = "W") -> None:
        self.read, self.fail_after, self.prefix = 0, fail_after, prefix

    def read_images(self, images: Iterable[Image.Image | np.ndarray]) -> list[Reading]:
        found = []
        for image in images:
            self.read += 1
            if self.read > self.fail_after:
                raise KeyboardInterrupt
            text = f"{self.prefix}{np.asarray(image).shape[1]}"
            characters = tuple(CharacterReading(letter, 0.9) for letter in text)
            found.append(Reading(text, 0.123456789, characters))
        return found


def picture(width: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, 4)).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    words = ["w1", "W2", "x3", "W4!", "w\u00e95", "?", "\u65e5", "w" * 30]
    for name in ("a", "b"):
        write_lmdb(tmp_path / "data" / name, [(picture(n + 1), word) for n, word in enumerate(words)])
    return tmp_path / "data"


def test_what_is_judged_from_the_files_is_what_is_judged_at_once(data: Path, tmp_path: Path) -> None:
    readings = read_all(ByWidth(), data, RULES, tmp_path / "keep", key={})
    for rule in RULES:
        seen: list[WordResult] = []
        expected: list[WordResult] = []
        direct = evaluate(ByWidth(), data, rule, watch=expected.append)
        assert judged(readings, rule, watch=seen.append) == direct
        assert seen == expected
        assert seen[0].characters == (0.9, 0.9)
        assert seen[0].confidence == 0.123457


def test_an_interrupted_reading_goes_on_with_the_next_set(data: Path, tmp_path: Path) -> None:
    steps: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        read_all(ByWidth(fail_after=9), data, RULES, tmp_path / "keep", key={}, batch_size=2)
    again = ByWidth()
    readings = read_all(again, data, RULES, tmp_path / "keep", key={}, advance=steps.append)
    assert again.read == 6  # those of the second set that a rule keeps
    assert sum(steps) == 16
    assert judged(readings, RULES[0]) == evaluate(ByWidth(), data, RULES[0])
    idle = ByWidth()
    read_all(idle, data, RULES, tmp_path / "keep", key={})
    assert idle.read == 0


def test_another_model_other_rules_or_other_data_are_read_anew(data: Path, tmp_path: Path) -> None:
    keep = tmp_path / "keep"
    read_all(ByWidth(), data, RULES, keep, key={"checksum": "1"})
    for rules, key in ((RULES, {"checksum": "2"}), (RULES[:1], {"checksum": "1"})):
        reader = ByWidth()
        readings = read_all(reader, data, rules, keep, key=key)
        assert reader.read > 0
        assert readings.checksum == key["checksum"]
    (data / "a" / "data.mdb").unlink()
    write_lmdb(data / "a", [(picture(7), "w7")])
    reader = ByWidth()
    read_all(reader, data, RULES, keep, key={"checksum": "1"})
    assert reader.read == 1


def test_two_readers_are_compared_on_the_sets_that_both_read(data: Path, tmp_path: Path) -> None:
    first = read_all(ByWidth(), data, RULES, tmp_path / "keep", key={"n": 1})
    second = read_all(ByWidth(prefix="x"), data, RULES, tmp_path / "keep", key={"n": 2})
    found = compared(first, second, RULES[0])
    assert [one.name for one in found.sets] == ["a", "b"]
    kinds = [(one.both, one.first_only, one.second_only, one.neither) for one in found.sets]
    assert kinds == [(0, 3, 1, 1)] * 2


def test_a_damaged_set_is_named_and_no_sets_at_all_are_an_error(data: Path, tmp_path: Path) -> None:
    file = data / "a" / "data.mdb"
    file.write_bytes(file.read_bytes()[:5000])
    readings = read_all(ByWidth(), data, RULES, tmp_path / "keep", key={})
    assert [one.name for one in readings.sets] == ["b"]
    (damaged,) = judged(readings, RULES[0]).damaged
    assert damaged.name == "a"
    assert damaged.error.startswith("a/data.mdb is cut short")
    with pytest.raises(DataError, match="no data sets"):
        read_all(ByWidth(), tmp_path / "keep", RULES, tmp_path / "other", key={})
