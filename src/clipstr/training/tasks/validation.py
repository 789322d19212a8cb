"""How well a recogniser in training reads, by the same protocol as everything that is evaluated."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from PIL import Image

from clipstr.decoding import assemble
from clipstr.reading import Reading
from clipstr.student import Recogniser

__all__ = ["StudentReader"]


class StudentReader:
    """A recogniser in PyTorch as a `WordReader`, reading greedily; it is left in the mode it was in."""

    def __init__(self, model: Recogniser, *, name: str, batch_size: int = 128):
        self.model, self.name, self.batch_size = model, name, batch_size
        self.preprocessing = model.config.form.preprocessing

    def read_images(self, images: Iterable[Image.Image | np.ndarray]) -> list[Reading]:
        """One reading per picture, in order."""
        pictures = [image if isinstance(image, Image.Image) else Image.fromarray(image) for image in images]
        was_training = self.model.training
        self.model.eval()
        readings: list[Reading] = []
        for start in range(0, len(pictures), self.batch_size):
            pixels = np.stack(
                [self.preprocessing.resize(p) for p in pictures[start : start + self.batch_size]]
            )
            readings += self._read(pixels)
        self.model.train(was_training)
        return readings

    def _read(self, pixels: np.ndarray) -> list[Reading]:
        device = self.model.pos_queries.device
        inputs = torch.from_numpy(self.preprocessing.normalise(pixels)).to(device)
        logits = self.model.greedy(inputs).float().cpu().numpy()
        return [assemble(row, self.model.config.charset) for row in logits]
