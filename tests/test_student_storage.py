"""Model folders: what is written is what is loaded, and nothing else is accepted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from clipstr.errors import ModelFileError, ModelNotFoundError
from clipstr.student import TINY, Recogniser
from clipstr.student.storage import WEIGHTS_FILE, load_recogniser, save_recogniser

SMALL = replace(TINY, width=48, encoder_heads=2, decoder_heads=2, characters="abc")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_recogniser(Recogniser(SMALL), tmp_path / "model", name="small", source={})
    return tmp_path / "model"


def test_a_saved_recogniser_comes_back_the_same(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Recogniser(SMALL).eval()
    save_recogniser(model, tmp_path, name="small", source={"minutes": 3})
    loaded, config = load_recogniser(tmp_path)
    images = torch.randn(2, 3, 32, 128)
    assert torch.equal(loaded.greedy(images), model.greedy(images))
    assert (config.name, config.source, loaded.config) == ("small", {"minutes": 3}, SMALL)


def test_a_changed_byte_is_noticed(folder: Path) -> None:
    content = bytearray((folder / WEIGHTS_FILE).read_bytes())
    content[-1] ^= 1
    (folder / WEIGHTS_FILE).write_bytes(content)
    with pytest.raises(ModelFileError, match="checksum"):
        load_recogniser(folder)


def test_weights_of_another_size_are_named(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["architecture"]["max_length"] = 9
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ModelFileError, match=r"pos_queries has shape \(1, 26, 48\), not \(1, 10, 48\)"):
        load_recogniser(folder)


def test_an_unknown_setting_is_named(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["architecture"]["colour"] = "red"
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ModelFileError, match="no setting called colour"):
        load_recogniser(folder)


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="no model there"):
        load_recogniser(tmp_path)
