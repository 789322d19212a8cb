"""Model folders: what is written is what is loaded, and nothing else is accepted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from clipstr.errors import ModelFileError, ModelNotFoundError
from clipstr.models import ModelConfig
from clipstr.student import TINY, Recogniser
from clipstr.student.compact import compacted, restored
from clipstr.student.storage import (
    TRAINABLE_FILE,
    WEIGHTS_FILE,
    load_recogniser,
    save_recogniser,
    save_trainable,
)
from configs import signed

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
    tokens = torch.tensor([[model.config.charset.begin, 3, 1]] * len(images))
    with torch.no_grad():
        assert torch.equal(loaded(images, tokens).logits, model(images, tokens).logits)
    assert (config.name, config.source, loaded.config) == ("small", {"minutes": 3}, SMALL)


def test_a_changed_byte_is_noticed(folder: Path) -> None:
    content = bytearray((folder / WEIGHTS_FILE).read_bytes())
    content[-1] ^= 1
    (folder / WEIGHTS_FILE).write_bytes(content)
    with pytest.raises(ModelFileError, match="checksum"):
        load_recogniser(folder)


def test_weights_of_another_size_are_named(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["form"]["max_length"] = 9
    (folder / "config.json").write_text(json.dumps(signed(config)), encoding="utf-8")
    with pytest.raises(ModelFileError, match=r"pos_queries has shape \(1, 26, 48\), not \(1, 10, 48\)"):
        load_recogniser(folder)


def test_an_unknown_setting_is_named(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["architecture"]["colour"] = "red"
    (folder / "config.json").write_text(json.dumps(signed(config)), encoding="utf-8")
    with pytest.raises(ModelFileError, match="no size called colour"):
        load_recogniser(folder)


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="no model there"):
        load_recogniser(tmp_path)


@pytest.fixture
def trainable(folder: Path) -> Path:
    """A folder with weights in 8 bits alone, as a model exported to be trained on has them."""
    model, config = load_recogniser(folder)
    save_trainable(model, folder)
    (folder / WEIGHTS_FILE).unlink()
    config.with_files(folder, [TRAINABLE_FILE]).save(folder)
    return folder


def changed(folder: Path, name: str, value: torch.Tensor | None) -> None:
    """Puts ``value`` into the trainable file as ``name``, or takes ``name`` out, its checksum being right."""
    weights = load_file(folder / TRAINABLE_FILE)
    weights.pop(name, None)
    save_file(weights if value is None else {**weights, name: value}, folder / TRAINABLE_FILE)
    ModelConfig.load(folder).with_files(folder, [TRAINABLE_FILE]).save(folder)


def test_trainable_weights_come_back_in_full_precision_as_they_were_rounded(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Recogniser(SMALL)
    save_recogniser(model, tmp_path, name="small", source={})
    save_trainable(model, tmp_path)
    ModelConfig.load(tmp_path).with_files(tmp_path, [TRAINABLE_FILE]).save(tmp_path)
    loaded = load_recogniser(tmp_path)[0].state_dict()
    expected = restored(compacted(model.state_dict()))
    assert loaded.keys() == expected.keys()
    for name, value in loaded.items():
        assert torch.equal(value, expected[name])
        assert value.dtype == model.state_dict()[name].dtype


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("head.bias", None, "missing head.bias"),
        ("encoder.extra", torch.ones(1), "unexpected encoder.extra"),
        ("text_embed.embedding.weight", torch.ones(2, 2), r"text_embed.embedding.weight has shape \(2, 2\)"),
        ("pos_queries.scale", None, "pos_queries is of torch.int8, not torch.float32"),
        ("pos_queries.scale", torch.ones(7), "cannot be loaded"),
    ],
)
def test_trainable_weights_that_do_not_fit_are_named(
    trainable: Path, name: str, value: torch.Tensor | None, message: str
) -> None:
    assert load_recogniser(trainable)[0].config == SMALL
    changed(trainable, name, value)
    with pytest.raises(ModelFileError, match=message):
        load_recogniser(trainable)


def test_a_scale_in_full_weights_is_no_weight(folder: Path) -> None:
    weights = load_file(folder / WEIGHTS_FILE) | {"head.weight.scale": torch.full((1,), 9.0)}
    save_file(weights, folder / WEIGHTS_FILE)
    ModelConfig.load(folder).with_files(folder, [WEIGHTS_FILE]).save(folder)
    with pytest.raises(ModelFileError, match="unexpected head.weight.scale"):
        load_recogniser(folder)


def test_weights_may_be_read_by_whom_the_config_may(trainable: Path, tmp_path: Path) -> None:
    save_recogniser(Recogniser(SMALL), tmp_path / "full", name="small", source={})
    for path in (trainable / TRAINABLE_FILE, tmp_path / "full" / WEIGHTS_FILE):
        assert path.stat().st_mode == (path.parent / "config.json").stat().st_mode
