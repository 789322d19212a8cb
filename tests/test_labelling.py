"""Labels by reading: what is kept, what a person should see, and that every crop is accounted for."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from clipstr.cli.main import app
from clipstr.data import LmdbDataset, TableDataset, write_lmdb
from clipstr.errors import ImageError, InputError, MissingExtraError, NotAnImageError
from clipstr.labelling import Crop, Proposal, Rules, find_crops, open_second, propose, write_labels
from clipstr.reading import Reading
from pictures import encoded
from toy import spelled, write_toy


class Said:
    """A reader that says what it was told to, in turn."""

    name = "said"

    def __init__(self, *readings: tuple[str, float]) -> None:
        self.readings = [Reading(text, confidence) for text, confidence in readings]

    def read_images(self, images: Iterable[Image.Image | np.ndarray]) -> list[Reading]:
        return [self.readings.pop(0) for _ in images]


def crops(count: int) -> list[Crop]:
    return [Crop(f"crop {n}", encoded(spelled("abc"))) for n in range(count)]


def verdicts(proposals: Iterable[Proposal | ImageError]) -> list[str]:
    return [each.verdict if isinstance(each, Proposal) else type(each).__name__ for each in proposals]


def test_alone_a_label_is_kept_from_its_confidence_on() -> None:
    reader = Said(
        ("Cafe", 0.98), ("Cafe", 0.97), ("Cafe", 0.96), ("", 1.0), ("two words", 1.0), ("x" * 26, 1.0)
    )
    found = list(propose(crops(6), reader, rules=Rules(sure=0.97)))
    assert verdicts(found) == ["sure", "sure", "doubtful", "doubtful", "doubtful", "doubtful"]


def test_two_readers_keep_what_they_agree_on_in_letters_and_digits() -> None:
    ours = Said(("Cafe", 0.5), ("Cafe", 0.5), ("Cafe", 0.99), ("!!", 0.5), ("Cafe", 0.2), ("Cafe", 0.98))
    other = Said(("CAFE!", 0.6), ("care", 0.9), ("care", 0.9), ("!!", 0.9), ("cafe", 0.9), ("", 0.0))
    found = list(propose(crops(6), ours, other, rules=Rules(sure=0.97, agreed=0.3)))
    assert verdicts(found) == ["agreed", "doubtful", "doubtful", "doubtful", "doubtful", "sure"]
    assert isinstance(found[0], Proposal)
    assert found[0].reading.text == "Cafe"  # as ours spells it


def test_a_crop_that_cannot_be_decoded_keeps_its_place() -> None:
    mixed = [Crop("bad", b"no picture"), *crops(1), NotAnImageError("gone"), *crops(1)]
    found = propose(mixed, Said(("a", 1.0), ("b", 1.0)), Said(("a", 1.0), ("b", 1.0)), batch_size=3)
    assert verdicts(found) == ["NotAnImageError", "agreed", "NotAnImageError", "agreed"]


@pytest.mark.parametrize("wrong", [{"sure": 1.2}, {"agreed": -0.1}, {"sure": float("nan")}, {"longest": 0}])
def test_rules_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        Rules(**wrong)  # type: ignore[arg-type]


def test_what_is_written_accounts_for_every_crop_and_is_data_again(tmp_path: Path) -> None:
    ours = Said(("one", 0.99), ("two", 0.4), ("three", 0.6), ("four", 0.9))
    other = Said(("one", 0.9), ("tow", 0.9), ("THREE", 0.6), ("for", 0.9))
    given = [*crops(3), Crop("bad", b"no picture"), *crops(1)]
    told: list[ImageError] = []
    labelled = write_labels(tmp_path / "out", propose(given, ours, other), failed=told.append)
    assert (labelled.given, labelled.kept, labelled.doubtful, labelled.failed) == (5, 2, 2, 1)
    assert len(told) == 1
    kept = LmdbDataset(tmp_path / "out" / "kept")
    assert [kept[n] for n in range(len(kept))] == [(given[0].content, "one"), (given[2].content, "three")]
    with (tmp_path / "out" / "doubtful" / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["text"], row["second"], row["origin"]) for row in rows] == [
        ("two", "tow", "crop 1"),
        ("four", "for", "crop 0"),
    ]
    table = TableDataset(tmp_path / "out" / "doubtful" / "labels.csv")
    assert [table[n] for n in range(2)] == [(given[1].content, "two"), (given[4].content, "four")]
    assert json.loads((tmp_path / "out" / "labelling.json").read_text())["agreed"] == 2
    with Image.open(tmp_path / "out" / "kept.png") as sheet:
        assert sheet.width > 100
    with pytest.raises(InputError, match="has labels already"):
        write_labels(tmp_path / "out", [])


def test_nothing_kept_writes_no_empty_data_set(tmp_path: Path) -> None:
    labelled = write_labels(tmp_path / "out", propose(crops(1), Said(("a", 0.1))))
    assert (labelled.kept, labelled.doubtful) == (0, 1)
    assert not (tmp_path / "out" / "kept").exists()


def test_crops_are_files_and_samples_of_data_sets(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"file")
    write_lmdb(tmp_path / "set", [(b"first", "ignored"), (b"second", "ignored")])
    paths = [str(tmp_path / "set"), str(tmp_path / "pictures")]
    crops_there = find_crops(paths, told=print, failed=print)
    found = list(crops_there)
    assert len(crops_there) == 3
    assert [crop.content for crop in found if isinstance(crop, Crop)] == [b"first", b"second", b"file"]
    with pytest.raises(InputError, match="nothing to label"):
        find_crops([str(tmp_path / "none.png")], told=print, failed=print)


TELLER = """
import sys
for number, path in enumerate(sys.argv[1:]):
    if number != 1:
        print(path, "word", *(["0.75"] if number == 0 else []), sep="\\t")
print("a remark")
sys.exit(1)
"""


def test_a_command_reads_by_lines_of_path_text_and_confidence(tmp_path: Path) -> None:
    script = tmp_path / "teller.py"
    script.write_text(TELLER)
    reader = open_second(f"{sys.executable} '{script}'", threads=1)
    found = reader.read_images([spelled("a")] * 3)
    assert [(each.text, each.confidence) for each in found] == [("word", 0.75), ("", 0.0), ("word", 1.0)]
    assert reader.read_images([]) == []


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ("no-such-command-of-ours", "cannot be run"),
        (f"{sys.executable} -c pass", "read none of 1 pictures"),
        (f"{sys.executable} -c \"import sys; print(sys.argv[1], 'a', 'b', sep='\\t')\"", "no number"),
        (f"{sys.executable} -c \"import sys; print(sys.argv[1], 'a', '7', sep='\\t')\"", "not 0 to 1"),
    ],
)
def test_a_command_that_does_not_keep_to_it_is_told(told: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_second(told, threads=1).read_images([spelled("a")])


def test_a_second_reader_may_be_an_object_of_python() -> None:
    sys.modules["our_readers"] = module = type(sys)("our_readers")
    module.reader, module.Maker = Said(("a", 1.0)), lambda: Said(("b", 1.0))
    assert open_second("our_readers:reader", 1).read_images([spelled("a")])[0].text == "a"
    assert open_second("our_readers:Maker", 1).read_images([spelled("a")])[0].text == "b"
    with pytest.raises(InputError, match="cannot be imported"):
        open_second("our_readers:missing", 1)
    with pytest.raises(InputError, match="no name"):
        open_second(" ", 1)


def test_a_peer_that_is_not_installed_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tesserocr", None)
    with pytest.raises(MissingExtraError, match="tesserocr"):
        open_second("tesseract", 1)


def test_the_command_labels_pictures_and_tells_what_failed(tmp_path: Path) -> None:
    write_toy(tmp_path / "model")
    (tmp_path / "in").mkdir()
    spelled("abc").save(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "b.png").write_bytes(b"no picture")
    arguments = ["label", str(tmp_path / "in"), "--model", str(tmp_path / "model"), "--sure", "0.1"]
    result = CliRunner().invoke(app, [*arguments, "--out", str(tmp_path / "out")])
    assert result.exit_code == 1, result.output
    assert "b.png" in result.output
    assert "2 pictures: 0 agreed, 1 sure, 0 doubtful, 1 not opened" in result.output
    assert LmdbDataset(tmp_path / "out" / "kept").label(0) == "abc"
