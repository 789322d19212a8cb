"""Models of strangers and of old versions. Longer: benchmarks/hardening/models.py."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from clipstr.models import ModelConfig
from clipstr.reader import Reader
from clipstr.training import open_reader
from formats.make import bars
from hardening import read_mutated_models

FORMATS = Path(__file__).parent / "formats"
RELEASED = sorted(path.name for path in FORMATS.iterdir() if (path / "readings.json").exists())
NEWEST = FORMATS / RELEASED[-1]


def test_a_damaged_model_is_an_error_of_ours_or_reads_the_right_text(toy_model: Path, tmp_path: Path) -> None:
    found = read_mutated_models(toy_model, NEWEST / "trained", tmp_path, 200)
    assert found.total() == 200
    allowed = {"ModelFileError", "ModelNotFoundError", "right text"}
    # What a config vouches for, itself too, nobody can tell from another model.
    others = {case for case in found if case[1] not in allowed}
    assert all(name.endswith("vouched for") and outcome == "another text" for name, outcome in others)
    assert found["encoder.onnx", "ModelFileError"] > 10
    assert found["config.json", "ModelFileError"] > 30


@pytest.mark.parametrize("name", RELEASED)
@pytest.mark.parametrize("kind", ["exported", "trained"])
def test_a_model_of_every_format_reads_as_it_did_with_the_code_that_wrote_it(name: str, kind: str) -> None:
    expected = json.loads((FORMATS / name / "readings.json").read_text())
    assert json.loads((FORMATS / name / kind / "config.json").read_text())["format"].endswith(f"/{name}")
    reader = open_reader(FORMATS / name / kind, threads=1).restricted(second_looks=False)
    first = {word: reading for word, reading in expected.items() if reading["text"] == word}
    assert len(first) >= 10  # the others were read at second looks, which are others today
    for word, reading in first.items():
        now = reader.read(bars(word))
        assert now.text == reading["text"]
        assert np.isclose(now.confidence, reading["confidence"], atol=0.02 if kind == "trained" else 1e-4)
    assert {reading["text"] for reading in expected.values()} >= {"a", "b", "c", "ab", "ca"}


def test_the_format_that_is_written_today_is_among_those_that_are_kept(tmp_path: Path) -> None:
    ModelConfig.load(NEWEST / "exported").save(tmp_path)
    written = json.loads((tmp_path / "config.json").read_text())["format"]
    assert written == f"clipstr-model/{RELEASED[-1]}"


@pytest.mark.parametrize("name", RELEASED)
def test_an_old_model_is_saved_anew_in_todays_format_and_reads_the_same(name: str, tmp_path: Path) -> None:
    shutil.copytree(FORMATS / name / "exported", tmp_path / "model")
    before = Reader(tmp_path / "model", threads=1).read(bars("ab"))
    ModelConfig.load(tmp_path / "model").save(tmp_path / "model")
    after = Reader(tmp_path / "model", threads=1).read(bars("ab"))
    assert (before.text, before.confidence) == (after.text, after.confidence)
