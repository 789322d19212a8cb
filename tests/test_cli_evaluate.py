"""``clipstr evaluate``: the command around `clipstr.evaluation`, with a reader whose answers are known."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner, Result

from clipstr.charset import ALPHABETS, Charset
from clipstr.cli.evaluate import evaluate
from clipstr.cli.main import app
from clipstr.data import write_lmdb
from clipstr.errors import DataError, MissingExtraError, ModelError
from clipstr.models import DEFAULT_MODEL, ModelConfig, embedded_models, find_model
from clipstr.reading import Reading
from toy import spelled

REAL_VAL = Path(__file__).parents[2] / "shared" / "real" / "val"


class WidthReader:
    """A reader whose word is the picture's width, with the confidence that it is red; toys read nothing."""

    device = "cpu"

    def __init__(
        self, model: str, *, threads: int | None, batch_size: int, second_looks: bool, device: str
    ) -> None:
        self.name = model if model in embedded_models() else "toy"

    def read_images(self, images: Iterable[Image.Image | np.ndarray]) -> list[Reading]:
        arrays = [np.asarray(image) for image in images]
        if self.name == "toy":
            return [Reading("", 0.5)] * len(arrays)
        return [Reading(f"W{array.shape[1]}", array[0, 0, 0] / 255) for array in arrays]


def picture(width: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, 4), (51, 0, 0)).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("clipstr.reader.Reader", WidthReader)
    write_lmdb(tmp_path / "data" / "one", [(picture(8), "w8"), (picture(9), "W9"), (picture(10), "no")])
    write_lmdb(tmp_path / "data" / "two", [(b"", "w1"), (picture(7), "w7"), (picture(7), "?")])
    return tmp_path / "data"


def run(*arguments: str | Path) -> Result:
    app = typer.Typer()
    app.command()(evaluate)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def rows(text: str) -> dict[str, list[str]]:
    """The cells behind each first cell of the first table for 36 characters."""
    lines = [line for line in text.split("## ")[1].split("\n") if line.startswith("|")]
    return {line.split("|")[1].strip(): line.replace(" ", "").split("|")[2:-1] for line in lines}


def test_a_table_for_each_alphabet_and_what_was_left_out_are_printed(data: Path) -> None:
    result = run("--data", data)
    assert result.exit_code == 0
    found = rows(result.stdout)
    assert found["one"][:5] == ["3", "66.67", "66.67", "20.00", "2.00"]
    assert found["two"][:5] == ["2", "50.00", "50.00", "10.00", "2.00"]
    assert found["Mean by words, all 2 sets"][:2] == ["5", "60.00"]
    assert found["Mean by sets, all 2 sets"][:2] == ["5", "58.33"]
    headings = [line for line in result.stdout.split("\n") if line.startswith("##")]
    assert headings == [f"## Compared in {size} characters" for size in (36, 62, 94)]
    assert f"{DEFAULT_MODEL}, compared in 36 characters" in result.stdout
    assert "two: left out by the label rule, 1 label without any character" in result.stdout
    assert "two: counted as wrong, 1 picture that cannot be decoded" in result.stdout
    assert result.stderr == ""
    once = run("--data", data, "--no-second-looks")
    assert f"{DEFAULT_MODEL}, one look, compared in 36 characters" in once.stdout


@pytest.mark.parametrize(
    ("characters", "sizes", "name"),
    [(ALPHABETS["latin"], (36, 62, 94, 296), "latin"), (ALPHABETS["36"] + "é", (36, 37), "model")],
)
def test_a_model_beyond_ascii_is_compared_in_all_of_its_own_characters_too(
    data: Path, tmp_path: Path, characters: str, sizes: tuple[int, ...], name: str
) -> None:
    config = ModelConfig.load(find_model(DEFAULT_MODEL))
    (tmp_path / "model").mkdir()
    replace(config, form=replace(config.form, charset=Charset(characters))).save(tmp_path / "model")
    figures = tmp_path / "figures.json"
    result = run("--data", data, "--model", tmp_path / "model", "--json", figures)
    headings = [line for line in result.stdout.split("\n") if line.startswith("##")]
    assert headings == [f"## Compared in {size} characters" for size in sizes]
    (reader,) = json.loads(figures.read_text(encoding="utf-8"))["readers"]
    assert list(reader["alphabets"])[-1] == name


def test_the_alphabets_to_compare_in_may_be_chosen(data: Path) -> None:
    text = run("--data", data, "--charset", "94", "--charset", "62").stdout
    assert text.index("## Compared in 94") < text.index("## Compared in 62")
    assert "36 characters" not in text
    assert "| Mean by words, all 2 sets |         6 |    16.67" in text


def test_json_and_the_misread_words_are_written(data: Path, tmp_path: Path) -> None:
    figures, errors, page = tmp_path / "figures.json", tmp_path / "errors.jsonl", tmp_path / "page.md"
    words = ["--data", data, "--json", figures, "--errors", errors, "--markdown", page, "--batch-size", 2]
    result = run(*words)
    assert result.exit_code == 0
    assert page.read_text(encoding="utf-8") == result.stdout
    record = json.loads(figures.read_text(encoding="utf-8"))
    (reader,) = record["readers"]
    assert (reader["name"], reader["checksum"]) == (
        DEFAULT_MODEL,
        ModelConfig.load(find_model(DEFAULT_MODEL)).checksum,
    )
    assert set(reader["alphabets"]) == {"36", "62", "94"}
    assert reader["alphabets"]["36"]["means"][0]["by_words"]["accuracy"] == 0.6
    lines = [json.loads(line) for line in errors.read_text(encoding="utf-8").splitlines()]
    assert [(line["set"], line["index"]) for line in lines] == [("one", 2), ("two", 0)]
    assert lines[0] == {"set": "one", "index": 2, "label": "no", "prediction": "w10", "confidence": 0.2}
    assert lines[1]["error"]


def test_the_same_command_writes_the_same_bytes_wherever_the_data_lies(data: Path, tmp_path: Path) -> None:
    broken = data / "two" / "data.mdb"
    broken.write_bytes(broken.read_bytes()[:5000])
    copy = tmp_path / "elsewhere" / "data"
    shutil.copytree(data, copy)
    for name, place in (("one", data), ("two", copy)):
        result = run("--data", place, "--json", tmp_path / name)
        assert isinstance(result.exception, DataError)
        assert "1 of the data sets could not be read: two" in str(result.exception)
        assert "two: not read, and in no mean: two/data.mdb is cut short" in result.stdout
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_json_on_standard_output_is_alone_there(data: Path) -> None:
    result = run("--data", data, "--json", "-")
    assert json.loads(result.stdout)["format"] == "clipstr-evaluation/2"
    assert "## Compared in 36 characters" in result.stderr


def test_another_model_reads_the_same_words_and_is_tested_against(
    data: Path, toy_model: Path, tmp_path: Path
) -> None:
    result = run("--data", data, "--against", toy_model, "--json", tmp_path / "f.json", "--charset", "36")
    assert result.exit_code == 0, result.output
    assert f"{DEFAULT_MODEL} less toy, in points, word by word:" in result.stdout
    assert "| toy    |         5 |     0.00 |" in result.stdout
    record = json.loads((tmp_path / "f.json").read_text(encoding="utf-8"))
    assert [reader["name"] for reader in record["readers"]] == [DEFAULT_MODEL, "toy"]
    (comparison,) = record["comparisons"]["36"]
    assert comparison["by_words"]["first_only"] == 3
    assert comparison["by_words"]["mcnemar_p"] == 0.25
    twice = run("--data", data, "--against", toy_model, "--against", toy_model, "--charset", "36")
    assert f"{DEFAULT_MODEL} less toy (" in twice.stdout


def test_a_peer_that_is_not_installed_is_told_before_any_reading(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    result = run("--data", data, "--peer", "rapidocr-v6")
    assert isinstance(result.exception, MissingExtraError)
    assert "pip install 'rapidocr>=3.10'" in str(result.exception)
    assert result.stdout == ""


def test_kept_readings_are_not_made_again(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--data", data, "--keep", tmp_path / "keep"]
    first = run(*words)
    monkeypatch.setattr(WidthReader, "read_images", None)
    again = run(*words)
    assert (again.exit_code, again.stdout) == (0, first.stdout)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--data", "no/such/folder"],
        ["--data", ".", "--charset", "37"],
        ["--data", ".", "--batch-size", "0"],
        ["--data", ".", "--threads", "-1"],
        ["--data", ".", "--peer", "ocr"],
        ["--data", ".", "--keep", "/dev/null/keep"],
        ["--data", ".", "--markdown", ""],
        ["--data", ".", "--json", "no/such/folder/figures.json"],
        ["--data", ".", "--errors", "no/such/folder/errors.jsonl"],
    ],
)
def test_a_wrong_call_ends_with_status_2(arguments: list[str], data: Path) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Usage" in result.stderr


def test_a_folder_without_data_sets_is_a_typed_error(tmp_path: Path) -> None:
    result = run("--data", tmp_path)
    assert isinstance(result.exception, DataError)
    assert str(tmp_path) in str(result.exception)


def test_evaluating_needs_no_torch() -> None:
    program = "import sys, clipstr.cli.evaluate, clipstr.reader; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


@pytest.mark.skipif(not REAL_VAL.is_dir(), reason="the real crops are not here")
def test_the_embedded_model_reads_the_real_crops_that_are_here(tmp_path: Path) -> None:
    try:
        find_model(DEFAULT_MODEL)
    except ModelError:
        pytest.skip("there is no embedded model yet")
    result = run("--data", REAL_VAL / "SVT", "--json", tmp_path / "figures.json")
    assert result.exit_code == 0
    record = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    figures = record["readers"][0]["alphabets"]["36"]
    assert figures["samples"] == 51
    assert figures["means"][0]["by_words"]["accuracy"] > 0.5


def test_words_can_be_compared_in_the_models_own_alphabet(toy_model: Path, tmp_path: Path) -> None:
    samples = []
    for label, drawn in (("abc", "abc"), ("a7b", "ab"), ("had", "had"), ("abcdefg", "abc")):
        buffer = io.BytesIO()
        spelled(drawn).save(buffer, "PNG")
        samples.append((buffer.getvalue(), label))
    write_lmdb(tmp_path / "set", samples)
    result = CliRunner().invoke(
        app,
        ["evaluate", "--data", str(tmp_path), "--model", str(toy_model), "--charset", "model"],
        catch_exceptions=False,
    )
    assert result.exit_code == 0
    assert "compared in 8 characters" in result.output  # abcdefgh; 7 is deleted, abcdefg too long for the toy
    assert "100.00" in result.output


def test_a_report_is_written_with_where_the_model_looked(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    result = run("--data", data, "--report", tmp_path / "report", "--charset", "36", "--model", "tiny")
    assert result.exit_code == 0, result.output
    text = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert text.count('alt="where it looked"') == 1
    assert "<b>no</b>" in text
    assert f"wrote {tmp_path / 'report' / 'report.html'}" in result.stderr
    assert len(list((tmp_path / "report" / "readings").iterdir())) == 2


def test_a_report_that_cannot_be_written_is_told_before_the_work(data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run("--data", data, "--report", tmp_path / "file" / "report")
    assert result.exit_code == 2
    assert result.stdout == ""
