"""``clipstr evaluate``: the command around `clipstr.evaluation`, with a reader whose answers are known."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner, Result

from clipstr.cli.evaluate import evaluate
from clipstr.cli.main import app
from clipstr.data import write_lmdb
from clipstr.errors import DataError, ModelError
from clipstr.models import find_model
from clipstr.reading import Reading
from toy import spelled

REAL_VAL = Path(__file__).parents[2] / "shared" / "real" / "val"


class WidthReader:
    """A reader whose word is the picture's width, with the confidence that it is red."""

    def __init__(self, model: str, *, threads: int | None, batch_size: int, second_looks: bool) -> None:
        self.name = model if second_looks else f"{model}, one look"
        self.threads, self.batch_size = threads, batch_size

    def read_images(self, images: Iterable[Image.Image | np.ndarray]) -> list[Reading]:
        arrays = [np.asarray(image) for image in images]
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


def test_a_table_and_what_was_left_out_are_printed(data: Path) -> None:
    result = run("--data", data, "--model", "some-model")
    assert result.exit_code == 0
    lines = [line.strip() for line in result.stdout.splitlines() if line.strip()]
    assert lines[0].split("|")[1:3] == [" Dataset         ", " # samples "]
    rows = {line.split("|")[1].strip(): line.replace(" ", "").split("|")[2:-1] for line in lines[2:6]}
    assert rows["one"] == ["3", "66.67", "66.67", "20.00", "2.00"]
    assert rows["two"] == ["2", "50.00", "50.00", "10.00", "2.00"]
    assert rows["Weighted mean"][:2] == ["5", "60.00"]
    assert rows["Unweighted mean"][:2] == ["5", "58.33"]
    assert "some-model, compared in 36 characters" in result.stdout
    assert "two: left out by the label rule, 1 label without any character" in result.stdout
    assert "two: counted as wrong, 1 picture that cannot be decoded" in result.stdout
    assert result.stderr == ""
    once = run("--data", data, "--model", "some-model", "--no-second-looks")
    assert "some-model, one look, compared in 36 characters" in once.stdout


def test_the_alphabet_to_compare_in_may_be_chosen(data: Path) -> None:
    assert "| Weighted mean   |         5 |    20.00" in run("--data", data, "--charset", "62").stdout
    assert "| two             |         3 |" in run("--data", data, "--charset", "94").stdout


def test_json_and_the_misread_words_are_written(data: Path, tmp_path: Path) -> None:
    figures, errors = tmp_path / "figures.json", tmp_path / "errors.jsonl"
    assert run("--data", data, "--json", figures, "--errors", errors, "--batch-size", 2).exit_code == 0
    record = json.loads(figures.read_text(encoding="utf-8"))
    assert (record["samples"], record["weighted_mean"]["accuracy"]) == (5, 0.6)
    lines = [json.loads(line) for line in errors.read_text(encoding="utf-8").splitlines()]
    assert [(line["set"], line["index"]) for line in lines] == [("one", 2), ("two", 0)]
    assert lines[0] == {"set": "one", "index": 2, "label": "no", "prediction": "w10", "confidence": 0.2}
    assert lines[1]["error"]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--data", "no/such/folder"],
        ["--data", ".", "--charset", "37"],
        ["--data", ".", "--batch-size", "0"],
        ["--data", ".", "--threads", "-1"],
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
        find_model("tiny")
    except ModelError:
        pytest.skip("there is no embedded model yet")
    result = run("--data", REAL_VAL / "SVT", "--json", tmp_path / "figures.json")
    assert result.exit_code == 0
    record = json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))
    assert record["samples"] == 51
    assert record["weighted_mean"]["accuracy"] > 0.5


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
