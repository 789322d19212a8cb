"""`clipstr.student.attention`: where the decoder looks, against the attention written out once more."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from clipstr.errors import ModelError
from clipstr.student import TINY, Recogniser
from clipstr.student.attention import Looker, cross_attention
from clipstr.student.storage import save_recogniser

CONFIG = replace(TINY, width=32, encoder_heads=2, decoder_heads=2, characters="abc", max_length=4)


def recogniser() -> Recogniser:
    torch.manual_seed(0)
    return Recogniser(CONFIG).eval()


def test_the_maps_are_the_shares_of_pytorchs_own_attention() -> None:
    model, images = recogniser(), torch.randn(2, 3, 32, 128)
    tokens = torch.tensor([[CONFIG.charset.begin, 1, 2]] * 2)
    seen: list[torch.Tensor] = []

    def oracle(module: torch.nn.Module, arguments: tuple[torch.Tensor, object]) -> None:
        ours = module
        theirs = torch.nn.MultiheadAttention(32, 2, batch_first=True)
        theirs.load_state_dict(ours.state_dict())
        memory = model.encoder.forward_stages(images)[-1]
        seen.append(theirs(arguments[0], memory, memory, average_attn_weights=True)[1])

    hooks = [layer.cross_attn.register_forward_pre_hook(oracle) for layer in model.decoder.layers]
    with torch.inference_mode():
        model(images, tokens)
        for hook in hooks:
            hook.remove()
        maps = cross_attention(model, images, tokens)
    rows, columns = CONFIG.grid
    expected = torch.stack(seen).mean(0)[:, :, 1:].reshape(2, 3, rows, columns)
    torch.testing.assert_close(maps, expected, rtol=1e-4, atol=1e-6)


def test_what_is_read_has_a_map_for_every_character(tmp_path: Path) -> None:
    model = recogniser()
    save_recogniser(model, tmp_path, name="small", source={})
    looker = Looker(tmp_path)
    looked = looker(Image.effect_noise((60, 20), 80))
    assert looker.name == "small"
    assert len(looked.text) == len(looked.maps) == len(looked.confidences)
    assert looked.maps.shape[1:] == CONFIG.grid
    assert np.all(looked.maps >= 0)
    assert np.all(looked.maps.sum((1, 2)) <= 1 + 1e-5)


def test_a_model_without_weights_for_pytorch_says_so(toy_model: Path) -> None:
    with pytest.raises(ModelError):
        Looker(toy_model)
