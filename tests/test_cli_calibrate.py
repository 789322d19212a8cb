"""``clipstr calibrate``: one command that changes a model's config and card, and nothing that it reads."""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

import toy
from clipstr.calibration import Curve
from clipstr.cli.main import app
from clipstr.data import write_lmdb
from clipstr.errors import DataError, InputError
from clipstr.evaluation.calibration_report import PICTURE_FILE
from clipstr.models import ModelConfig
from clipstr.reader import Reader


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["calibrate", *map(str, arguments)])


def encoded(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Words that the toy reads with doubt, half of them labelled with the neighbour of what it likes best."""
    random = np.random.default_rng(5)
    samples = []
    for _ in range(80):
        levels = random.integers(1, 8, 3) + random.choice([0.0, 0.45], 3)
        picture = encoded(toy.picture(levels.tolist()))
        told = np.rint(levels + random.choice([0, 1], 3, p=[0.8, 0.2])).astype(int)
        samples.append((picture, toy.CHARSET.decode(told.tolist())))
    folder = tmp_path_factory.mktemp("data") / "set"
    write_lmdb(folder, samples)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = toy.write_toy(tmp_path / "model")
    (folder / "CARD.md").write_text("# toy\n\n## Weaknesses\n\nIt is one.\n", encoding="utf-8")
    return folder


def test_a_model_gets_its_calibration_a_picture_and_a_section_in_its_card(model: Path, data: Path) -> None:
    before = ModelConfig.load(model)
    done = run(model, "--data", data, "--json", model.parent / "figures.json", "--threads", 1)
    assert done.exit_code == 0, done.output
    assert "| one look" in done.stdout
    config = ModelConfig.load(model)
    assert config.calibration is not None
    assert (config.files, config.form) == (before.files, before.form)
    figures = json.loads((model.parent / "figures.json").read_text(encoding="utf-8"))
    assert figures["calibration"] == config.calibration.to_dict()
    assert config.source["confidence"] == {"characters": 36, **figures["checks"]}
    assert figures["checks"]["one look"]["count"] == 80
    root = ElementTree.parse(model / PICTURE_FILE).getroot()
    assert root.tag.endswith("svg")
    card = (model / "CARD.md").read_text(encoding="utf-8")
    assert f"]({PICTURE_FILE})" in card
    assert card.index("## Confidence") < card.index("## Weaknesses")


def test_legible_is_calibrated_by_pictures_without_text(model: Path, data: Path) -> None:
    blanks = model.parent / "blanks"
    grounds = [toy.picture([0.3 + 0.01 * number]) for number in range(60)]
    write_lmdb(blanks, [(encoded(picture), "") for picture in grounds])
    assert run(model, "--data", data, "--blanks", blanks, "--threads", 1).exit_code == 0
    config = ModelConfig.load(model)
    assert config.calibration is not None
    assert config.calibration.legible != Curve()
    check = config.source["confidence"]["legible"]
    assert check["after"] < check["before"]
    reader = Reader(model, threads=1)
    assert reader.read(grounds[0]).legible < 0.3
    assert reader.read(toy.spelled("bad")).legible > 0.9
    assert run(model, "--data", data, "--threads", 1).exit_code == 0
    assert ModelConfig.load(model).calibration.legible == config.calibration.legible  # type: ignore[union-attr]
    assert run(model, "--data", data, "--blanks", data, "--threads", 1).exit_code == 0


def test_texts_stay_as_they_are_and_a_second_time_changes_nothing(model: Path, data: Path) -> None:
    pictures = [toy.picture(levels) for levels in ([1.4, 2.4], [3, 4, 5.45], [7.4])]
    before = Reader(model, threads=1).read(pictures)
    assert run(model, "--data", data, "--threads", 1).exit_code == 0
    config, card = (model / "config.json").read_bytes(), (model / "CARD.md").read_bytes()
    after = Reader(model, threads=1).read(pictures)
    assert [reading.text for reading in after] == [reading.text for reading in before]
    assert run(model, "--data", data, "--threads", 1).exit_code == 0
    assert ((model / "config.json").read_bytes(), (model / "CARD.md").read_bytes()) == (config, card)


def test_a_copy_is_written_and_the_model_left_alone(model: Path, data: Path, tmp_path: Path) -> None:
    before = (model / "config.json").read_bytes()
    done = run(model, "--data", data, "--out", tmp_path / "copy", "--threads", 1)
    assert done.exit_code == 0, done.output
    assert (model / "config.json").read_bytes() == before
    assert not (model / PICTURE_FILE).exists()
    copy = ModelConfig.load(tmp_path / "copy")
    assert copy.calibration is not None
    assert Reader(tmp_path / "copy", threads=1).calibration == copy.calibration
    again = run(model, "--data", data, "--out", tmp_path / "copy")
    assert isinstance(again.exception, InputError)
    assert "holds a model already" in str(again.exception)


def test_an_installed_model_is_not_changed_where_it_lies(data: Path) -> None:
    done = run("tiny", "--data", data)
    assert isinstance(done.exception, InputError)
    assert "--out" in str(done.exception)


def test_words_of_another_alphabet_are_too_few_and_the_model_stays(model: Path, data: Path) -> None:
    before = (model / "config.json").read_bytes()
    done = run(model, "--data", data, "--charset", "xyz")
    assert isinstance(done.exception, DataError)
    assert (model / "config.json").read_bytes() == before
