"""``clipstr data`` as a user calls it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import lmdb
import pyarrow
import pytest
from click.testing import Result
from pyarrow import parquet
from typer.testing import CliRunner

from clipstr.cli.main import app
from clipstr.data import find_sources, write_lmdb, write_table
from clipstr.errors import DataError

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["data", *arguments], catch_exceptions=False)


@pytest.fixture
def words(tmp_path: Path) -> Path:
    """Two data sets of four pictures each."""
    crops = [(path.read_bytes(), path.stem) for path in sorted(EXAMPLES.glob("*.png"))]
    write_lmdb(tmp_path / "words" / "a", crops[:4])
    write_lmdb(tmp_path / "words" / "deep" / "b", crops[4:])
    return tmp_path / "words"


def test_sets_are_converted_through_all_formats_and_back(words: Path, tmp_path: Path) -> None:
    steps = [(words, "folder"), (tmp_path / "folder", "parquet"), (tmp_path / "parquet", "lmdb")]
    for source, form in steps:
        result = call("convert", str(source), "--out", str(tmp_path / form), "--to", form)
        assert result.exit_code == 0
        assert result.output.count("wrote 4 samples") == 2
    before, after = (find_sources(folder) for folder in (words, tmp_path / "lmdb"))
    assert [s.path.name for s in after] == ["a", "b"]
    for old, new in zip(before, after, strict=True):
        assert [(old.image_bytes(i), old.label(i)) for i in range(4)] == [
            (new.image_bytes(i), new.label(i)) for i in range(4)
        ]


@pytest.mark.parametrize("named", ["labels.jsonl", "data.mdb"])
def test_a_set_may_be_named_by_its_file(words: Path, tmp_path: Path, named: str) -> None:
    folder = tmp_path / "set"
    samples = [sample for source in find_sources(words) for sample in source]  # type: ignore[attr-defined]
    write_table(folder, samples) if named == "labels.jsonl" else write_lmdb(folder, samples)
    checked = call("check", str(folder / named))
    assert checked.exit_code == 0, checked.output
    assert "set" in checked.stdout
    converted = call("convert", str(folder / named), "--out", str(tmp_path / "out"))
    assert converted.exit_code == 0, converted.output
    assert len(find_sources(tmp_path / "out")[0]) == len(samples)


def test_what_cannot_be_converted_is_told_and_the_rest_is_written(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.png").write_bytes((EXAMPLES / "coffee.png").read_bytes())
    (tmp_path / "in" / "labels.csv").write_text("none.png,x\n1.png,coffee\n", encoding="utf-8")
    result = call("convert", str(tmp_path / "in"), "--out", str(tmp_path / "out"))
    assert result.exit_code == 1
    assert "sample 0" in result.output
    assert "none.png" in result.output
    (source,) = find_sources(tmp_path / "out")
    assert [source.label(index) for index in range(len(source))] == ["coffee"]
    with pytest.raises(DataError, match="exists: choose another folder"):
        call("convert", str(tmp_path / "in"), "--out", str(tmp_path / "out"))


def test_a_sound_set_is_shown_and_passes(words: Path, tmp_path: Path) -> None:
    result = call("check", str(words), "--json", str(tmp_path / "check.json"))
    assert result.exit_code == 0
    assert "a: 4 samples" in result.output
    assert "deep/b: 4 samples" in result.output
    assert "labels kept 4; left out: none" in result.output
    assert "pictures that stand twice in DATA: 0 the same, 0 nearly the same" in result.output
    record = json.loads((tmp_path / "check.json").read_text(encoding="utf-8"))
    assert [entry["count"] for entry in record["sets"]] == [4, 4]
    assert record["twice"] == []


def test_a_picture_of_a_test_set_is_found_and_fails_the_check(words: Path, tmp_path: Path) -> None:
    write_lmdb(tmp_path / "test" / "IC15", [((EXAMPLES / "coffee.png").read_bytes(), "Coffee")])
    result = call("check", str(words), "--against", str(tmp_path / "test"))
    assert result.exit_code == 1
    assert "pictures that stand in a test set, too: 1 the same, 0 nearly the same; 0 labelled otherwise" in (
        result.output
    )
    assert "a 1 'coffee' - IC15 0 'Coffee' (same)" in result.output
    assert "the field's IC15_1811 has 1811 words" in call("check", str(tmp_path / "test")).output


def test_an_unreadable_picture_fails_the_check_and_stops_nothing(tmp_path: Path) -> None:
    write_lmdb(tmp_path / "set", [(b"nonsense", "x"), ((EXAMPLES / "coffee.png").read_bytes(), "it's")])
    result = call("check", str(tmp_path / "set"))
    assert result.exit_code == 1
    assert "1 pictures cannot be read" in result.output
    assert "labels that lose them: ':1" in result.output


@pytest.fixture(params=["lmdb", "folder", "parquet"])
def lacking(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A set of four samples in each format: the second lacks its picture, the third its label."""
    crops = [(path.read_bytes(), path.stem) for path in sorted(EXAMPLES.glob("*.png"))[:4]]
    folder = tmp_path / "set"
    if request.param == "lmdb":
        write_lmdb(folder, crops)
        with lmdb.open(str(folder), lock=False) as environment, environment.begin(write=True) as transaction:
            transaction.delete(b"image-000000002")
            transaction.delete(b"label-000000003")
    elif request.param == "folder":
        write_table(folder, crops)
        (folder / "images" / "00000001.png").unlink()
        table = folder / "labels.jsonl"
        table.write_text(table.read_text().replace(json.dumps(crops[2][1]), "null"))
    else:
        folder.mkdir()
        images = [
            {"bytes": None if n == 1 else content, "path": None} for n, (content, _) in enumerate(crops)
        ]
        labels = [None if n == 2 else label for n, (_, label) in enumerate(crops)]
        parquet.write_table(pyarrow.table({"image": images, "text": labels}), folder / "a.parquet")
    return folder


def test_samples_that_lack_something_are_counted_and_named_and_the_others_go_on(
    lacking: Path, tmp_path: Path
) -> None:
    result = call("check", str(lacking), "--json", str(tmp_path / "a.json"))
    assert result.exit_code == 1
    assert "1 pictures cannot be read:\n    1: " in result.output
    assert "1 have no label:\n    2: " in result.output
    assert "labels kept 3; left out: 1 missing" in result.output
    (record,) = json.loads((tmp_path / "a.json").read_text())["sets"]
    assert [entry["index"] for entry in record["unreadable"]] == [1]
    assert [entry["index"] for entry in record["unlabelled"]] == [2]
    result = call("convert", str(lacking), "--out", str(tmp_path / "out"))
    assert (result.exit_code, result.output.count("left out: ")) == (1, 2)
    assert "wrote 2 samples" in result.output


def test_the_working_folder_has_a_name(words: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(words / "a")
    assert "a: 4 samples" in call("check", ".").output


def test_json_on_standard_output_stands_there_alone(words: Path) -> None:
    result = call("check", str(words), "--json", "-")
    assert json.loads(result.stdout)["twice"] == []
    assert "a: 4 samples" in result.stderr


@pytest.mark.parametrize("name", ["[/b]", "[red]x[/red]", ":smile:", "[link=x]"])
def test_names_with_markup_are_names(tmp_path: Path, name: str) -> None:
    crops = [(path.read_bytes(), name) for path in sorted(EXAMPLES.glob("*.png"))[:2]]
    write_lmdb(tmp_path / name / "set", crops)
    result = call("convert", str(tmp_path / name), "--out", str(tmp_path / "out" / name), "--to", "folder")
    assert result.exit_code == 0
    assert f"{name}{os.sep}set" in result.output
    assert repr(name) in call("check", str(tmp_path / "out"), "--against", str(tmp_path / name)).output


def test_benchmarks_are_listed_with_the_papers_figures() -> None:
    output = call("benchmarks").output
    assert "IC15_1811" in output
    assert "87.2" in output
    assert "research, not commercial" in output
