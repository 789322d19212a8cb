"""A recogniser in PyTorch as decoding wants it: the same decoder reads with it as with an exported model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from clipstr.decoding import Rows
from clipstr.form import WordForm
from clipstr.student.decoder import KeysValues, PictureMemory
from clipstr.student.recogniser import Recogniser

__all__ = ["StudentScorer"]


class StudentScorer:
    """The `Scorer` of a recogniser, on the device where it is; it must be in eval mode."""

    def __init__(self, model: Recogniser) -> None:
        self.model = model

    @property
    def form(self) -> WordForm:
        return self.model.config.form

    @torch.inference_mode()
    def look(self, inputs: np.ndarray) -> StudentMemory:
        """What the decoder needs of pictures, (batch, 3, height, width) in float32."""
        images = torch.from_numpy(inputs).to(self.model.pos_queries.device)
        stages = self.model.encoder.forward_stages(images)
        return StudentMemory(self.model, self.model.decoder.picture_memory(stages[-1]))


@dataclass(frozen=True)
class StudentMemory:
    """The `Memory` of a recogniser: every decoder layer's keys and values of the pictures."""

    model: Recogniser
    picture: PictureMemory

    def __len__(self) -> int:
        return len(self.picture[0].keys)

    @torch.inference_mode()
    def rows(self, rows: Rows) -> StudentMemory:
        chosen = rows if isinstance(rows, slice) else torch.as_tensor(rows, device=self._device)
        return StudentMemory(self.model, [KeysValues(p.keys[chosen], p.values[chosen]) for p in self.picture])

    @torch.inference_mode()
    def logits(self, ids: np.ndarray, positions: np.ndarray) -> np.ndarray:
        told, places = (torch.from_numpy(array).to(self._device) for array in (ids, positions))
        logits: Tensor = self.model.head(self.model.decode(told, places, self.picture).stage4)
        return np.asarray(logits.float().cpu().numpy())

    @property
    def _device(self) -> torch.device:
        return self.model.pos_queries.device
