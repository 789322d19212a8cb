"""Where the decoder looks: its attention over the picture at each character (figures 4 and 6)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from clipstr.decoding import assemble, greedy
from clipstr.imaging import load_image
from clipstr.student.decoder import Attention, DecoderLayer, KeysValues
from clipstr.student.recogniser import Recogniser
from clipstr.student.scorer import StudentScorer
from clipstr.student.storage import load_recogniser

__all__ = ["Looked", "Looker"]


@dataclass(frozen=True)
class Looked:
    """What a recogniser reads at one look, and where it looked.

    ``maps`` is (characters, rows, columns) over the encoder's image tokens: how the attention of each
    character, the mean over layers and heads, is shared among them and the class token (so that a map sums
    to 1 at most).
    """

    text: str
    confidences: tuple[float, ...]  # of each character, 0 to 1
    maps: np.ndarray


class Looker:
    """A trained recogniser, or one exported to be trained on, that tells where it looks.

    Raises `ModelFileError` if ``folder`` has no weights for PyTorch.
    """

    def __init__(self, folder: Path) -> None:
        self._model, description = load_recogniser(folder)
        self.name, self._form = description.name, description.form

    def __call__(self, picture: Image.Image) -> Looked:
        """What is read in ``picture`` at one look, and where it was looked."""
        prepared = self._form.preprocessing
        pixels = prepared.resize(load_image(picture))
        inputs, charset = prepared.normalise(pixels[None]), self._form.charset
        logits = greedy(StudentScorer(self._model).look(inputs), self._form)
        reading = assemble(logits[0], charset)
        tokens = torch.tensor([[charset.begin, *charset.encode(reading.text)]])
        with torch.inference_mode():
            maps = cross_attention(self._model, torch.from_numpy(inputs), tokens)[0, : len(reading.text)]
        return Looked(
            text=reading.text,
            confidences=tuple(character.confidence for character in reading.characters),
            maps=maps.numpy(),
        )


def cross_attention(model: Recogniser, images: Tensor, tokens: Tensor) -> Tensor:
    """How each of ``tokens`` (batch, length) attends to the picture: (batch, length, rows, columns).

    It is the mean over the decoder's layers and heads, in a pass in which the text is known; the share of the
    class token is left out.
    """
    found: list[Tensor] = []

    def note(module: torch.nn.Module, arguments: tuple[Tensor, KeysValues]) -> None:
        assert isinstance(module, Attention)
        found.append(module.shares(*arguments).mean(1))

    layers = [part for part in model.decoder.modules() if isinstance(part, DecoderLayer)]
    hooks = [layer.cross_attn.register_forward_pre_hook(note) for layer in layers]
    try:
        model(images, tokens)
    finally:
        for hook in hooks:
            hook.remove()
    rows, columns = model.config.grid
    shares = torch.stack(found).mean(0)[:, :, -rows * columns :]
    return shares.reshape(*shares.shape[:2], rows, columns)  # batch length rows columns
