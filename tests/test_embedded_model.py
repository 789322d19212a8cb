"""The models that come with the package: small, whole, documented, and they read."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from clipstr.charset import ALPHABETS, Charset
from clipstr.data import LabelRule
from clipstr.evaluation import evaluate
from clipstr.evaluation.calibration_report import PICTURE_FILE
from clipstr.export.parity import TOLERANCES, compare
from clipstr.imaging import load_image
from clipstr.models import CARD_FILE, DEFAULT_MODEL, ModelConfig, embedded_models
from clipstr.reader import Reader
from clipstr.student.adaptation import adapt
from clipstr.student.storage import load_recogniser
from clipstr.training.tasks.validation import reading_with

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
REAL = Path(__file__).resolve().parents[2] / "shared" / "real" / "val"
TINY = embedded_models()["tiny"]
GRAPHS = {"encoder.onnx", "decoder.onnx"}
LARGEST = {"tiny": 12_000_000, "full": 33_000_000, "latin": 5_500_000}  # bytes; a wheel of 45 MB holds all
FILES = {"tiny": GRAPHS | {"trainable.safetensors"}, "full": GRAPHS, "latin": GRAPHS}
each_model = pytest.mark.parametrize("name", sorted(LARGEST))


def test_the_models_are_those_that_are_tested_here_and_one_is_the_default() -> None:
    assert set(embedded_models()) == set(LARGEST)
    assert DEFAULT_MODEL in LARGEST


@each_model
def test_it_reads_every_example(name: str) -> None:
    paths = sorted(EXAMPLES.glob("*.png"))
    assert len(paths) == 8
    assert [reading.text.lower() for reading in Reader(name).read(paths)] == [path.stem for path in paths]


@each_model
def test_it_is_small_and_its_files_are_whole(name: str) -> None:
    folder = embedded_models()[name]
    config = ModelConfig.load(folder)
    assert config.name == name
    assert sum(path.stat().st_size for path in folder.iterdir()) <= LARGEST[name]
    assert set(config.files) == FILES[name]
    assert all(config.verified(folder, file) for file in config.files)


@each_model
def test_its_card_says_what_it_was_made_of(name: str) -> None:
    folder = embedded_models()[name]
    card = (folder / CARD_FILE).read_text(encoding="utf-8")
    for heading in ("Data", "Recipe", "Figures", "Weaknesses", "Checksums"):
        assert f"## {heading}" in card
    config = ModelConfig.load(folder)
    assert all(record.sha256 in card for record in config.files.values())
    every = ["1512", *(f"{100 * share:.1f}" for share in config.source["figures"].values())]
    assert "| **all, by words** | " + " | ".join(f"**{figure}**" for figure in every) + " |" in card


@each_model
def test_its_confidence_is_calibrated_to_two_points_and_its_card_shows_it(name: str) -> None:
    folder = embedded_models()[name]
    config = ModelConfig.load(folder)
    assert config.calibration is not None
    card = (folder / CARD_FILE).read_text(encoding="utf-8")
    for way in ("one look", "second looks"):
        check = config.source["confidence"][way]
        assert check["count"] == 1512
        assert check["after"] < (0.021 if name == "latin" else 0.02)  # latin's chance alone is 0.0196
        assert f"{100 * check['after']:.2f}" in card
    assert f"]({PICTURE_FILE})" in card
    assert (folder / PICTURE_FILE).read_text(encoding="utf-8").startswith("<svg ")


@pytest.mark.skipif(not REAL.is_dir(), reason="the real validation crops are not here (../shared/real/val)")
@each_model
def test_it_reads_real_crops_as_well_as_its_card_says(name: str) -> None:
    once = evaluate(Reader(name, second_looks=False), REAL, LabelRule(Charset.named("36")))
    assert once.count == 1512
    told = ModelConfig.load(embedded_models()[name]).source["figures"]
    assert once.weighted.accuracy == pytest.approx(told["36, one look"], abs=0.003)


def test_its_trainable_weights_read_as_its_graphs_do() -> None:
    """Both are stored in 8 bits, each in its own way: readings agree, confidences to a tenth."""
    model, _ = load_recogniser(TINY)
    pictures = [load_image(path) for path in sorted(EXAMPLES.glob("*.png"))]
    with reading_with(model, name="tiny") as reader:
        trained = reader.read_images(pictures)
    read = Reader("tiny").uncalibrated().read(pictures)
    assert [reading.text for reading in trained] == [reading.text for reading in read]
    for mine, theirs in zip(trained, read, strict=True):
        assert mine.confidence == pytest.approx(theirs.confidence, abs=0.1)


def test_its_trainable_weights_compute_what_its_graphs_do() -> None:
    """Every class at every step of reading, and of scoring given texts, to what 8 bits may change."""
    model, config = load_recogniser(TINY)
    resize = config.form.preprocessing.resize
    pixels = np.stack([resize(load_image(path)) for path in sorted(EXAMPLES.glob("*.png"))])
    graphs = [onnx.load(TINY / name) for name in ("encoder.onnx", "decoder.onnx")]
    parity = compare(model, graphs[0], graphs[1], config.form.preprocessing.normalise(pixels))
    assert parity.probability < 2 * TOLERANCES["int8"]  # each of the two is so near to what was trained
    assert parity.words == 1.0


@pytest.mark.parametrize(
    ("characters", "max_length"),
    [
        (ALPHABETS["94"], 25),
        (ALPHABETS["94"], 40),
        (ALPHABETS["36"][::-1], 10),
        (ALPHABETS["36"] + "$€é", 25),
        (ALPHABETS["36"].upper(), 25),
    ],
)
def test_ready_for_another_alphabet_it_reads_the_same_words(characters: str, max_length: int) -> None:
    model, _ = load_recogniser(TINY)
    adapted = adapt(model, replace(model.config, characters=characters, max_length=max_length)).model
    paths = sorted(EXAMPLES.glob("*.png"))
    pictures = [load_image(path) for path in paths]
    with reading_with(adapted, name="adapted") as reader:
        readings = reader.read_images(pictures)
    assert [reading.text.lower() for reading in readings] == [path.stem for path in paths]


def test_reading_never_opens_the_trainable_weights(tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    shutil.copytree(TINY, folder)
    (folder / "trainable.safetensors").unlink()
    assert Reader(folder).read([EXAMPLES / "coffee.png"])[0].text.lower() == "coffee"
