"""Validation sets are tried before the first step."""

from __future__ import annotations

from pathlib import Path

import lmdb
import pytest

from clipstr.charset import Charset
from clipstr.data import LabelRule, LmdbDataset, write_lmdb, write_table
from clipstr.errors import DataError
from clipstr.training import DataSettings
from clipstr.training.samples.validation import validation_sets
from runs import bars_recipe, run

RULE = LabelRule(Charset("abc"), 2)


def without_image(folder: Path, number: int) -> None:
    """Takes picture ``number``, from 1, out of an LMDB."""
    environment = lmdb.open(str(folder / "data.mdb"), subdir=False)
    with environment.begin(write=True) as transaction:
        assert transaction.delete(b"image-%09d" % number)
    environment.close()


@pytest.fixture
def picture(crops: Path) -> bytes:
    return LmdbDataset(crops / "val" / "bars").image_bytes(0)


def tried(*paths: Path) -> tuple[list[str], list[str]]:
    found = validation_sets(DataSettings(validation=tuple(map(str, paths))), RULE)
    return list(found.sets), found.notes


def test_sets_are_called_by_their_names_or_by_their_paths_where_two_have_one(
    picture: bytes, tmp_path: Path
) -> None:
    for name in ("one/a", "two/a", "two/b"):
        write_lmdb(tmp_path / name, [(picture, "a")])
    names, notes = tried(tmp_path / "one", tmp_path / "two")
    assert names == [str(tmp_path / "one" / "a"), str(tmp_path / "two" / "a"), "b"]
    assert notes == []


def test_a_set_of_which_the_rule_keeps_nothing_is_refused(picture: bytes, tmp_path: Path) -> None:
    write_lmdb(tmp_path, [(picture, "xy"), (picture, "abcabc")])
    with pytest.raises(DataError, match=r"keeps none of its 2 labels \(1 too long, 1 empty\)"):
        tried(tmp_path)


def test_an_empty_set_is_refused(tmp_path: Path) -> None:
    environment = lmdb.open(str(tmp_path / "data.mdb"), subdir=False)
    with environment.begin(write=True) as transaction:
        transaction.put(b"num-samples", b"0")
    environment.close()
    with pytest.raises(DataError, match="cannot judge: it is empty"):
        tried(tmp_path)


def test_a_set_without_a_picture_that_can_be_read_is_refused(tmp_path: Path) -> None:
    write_lmdb(tmp_path, [(b"nonsense", "a"), (b"", "b")])
    with pytest.raises(DataError, match="cannot judge: no picture can be read"):
        tried(tmp_path)


def test_pictures_that_are_missing_or_damaged_are_counted_and_the_first_is_named(
    picture: bytes, tmp_path: Path
) -> None:
    write_lmdb(tmp_path / "set", [(picture, "a"), (picture, "b"), (b"nonsense", "c")])
    without_image(tmp_path / "set", 2)
    _, (note,) = tried(tmp_path)
    assert note.startswith("validation set: 2 of 3 pictures cannot be read and count as misread: sample 1: ")
    assert "image-000000002" in note


@pytest.mark.parametrize("kind", ["lmdb", "table"])
def test_a_run_goes_on_without_the_samples_that_its_sets_lack(crops: Path, tmp_path: Path, kind: str) -> None:
    for part in ("train", "val"):
        samples = list(LmdbDataset(crops / part / "bars"))
        if kind == "lmdb":
            write_lmdb(tmp_path / part / "bars", samples)
            without_image(tmp_path / part / "bars", 3)
        else:
            write_table(tmp_path / part / "bars", samples)
            sorted((tmp_path / part / "bars").rglob("*.png"))[2].unlink()
    watcher, outcome = run(bars_recipe(tmp_path), tmp_path / "run")
    assert outcome.finished
    assert len(watcher.validations) == 2
    told = [note for note in watcher.notes if "left out: " in note or "count as misread" in note]
    assert len(told) == 2
