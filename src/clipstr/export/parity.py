"""Whether an exported model says what its recogniser says, on rendered words and on texts of any length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
import torch

from clipstr.engine import Session
from clipstr.errors import ExportError
from clipstr.export.compression import Precision
from clipstr.student import Recogniser

__all__ = ["LEAST_WORDS", "TOLERANCES", "Parity", "compare", "require_parity"]

TOLERANCES: dict[Precision, float] = {"float32": 1e-4, "half": 5e-2, "int8": 0.3}
"""How far a probability may be from the recogniser's own, by the precision of the stored weights."""

LEAST_WORDS: dict[Precision, float] = {"float32": 1.0, "half": 0.95, "int8": 0.85}
"""The share of words that must be read the same; rounding tips the scale where two letters are even."""

EVEN = 0.01
"""Two characters whose probabilities are nearer than this are even."""

BATCHES = {1: 8, 8: 40}
"""The sizes of the batches that are compared, and on how many pictures each."""


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How an exported model compares with its recogniser.

    ``probability`` is the largest difference of any class's probability at any character or end;
    ``words`` is the share of greedy readings (0 to 1) that are the same.
    """

    probability: float
    words: float
    compared: int  # words


def compare(
    student: Recogniser, encoder: onnx.ModelProto, decoder: onnx.ModelProto, pixels: np.ndarray
) -> Parity:
    """Reads ``pixels`` (count, 3, height, width) both ways, at batch 1 and 8.

    Compared are every step of greedy reading to the full length, and the scoring of given texts of
    one character and of the full length at once.
    """
    reader = _Graphs(encoder, decoder)
    longest = student.config.max_length
    largest, same, compared = 0.0, 0, 0
    for batch, count in BATCHES.items():
        for start in range(0, min(count, len(pixels)) - batch + 1, batch):
            images = pixels[start : start + batch]
            expected = student.greedy(torch.from_numpy(images)).numpy()
            read = reader.read(images, expected.argmax(-1), student.config.charset.begin)
            counted = _up_to_the_end(expected)
            largest = max(largest, _difference(read[counted], expected[counted]))
            same += sum(_same_text(a, b) for a, b in zip(read, expected, strict=True))
            compared += batch
        for length in (1, longest):
            largest = max(largest, _scored_difference(student, reader, pixels[:batch], length))
    return Parity(probability=largest, words=same / compared, compared=compared)


def require_parity(parity: Parity, precision: Precision) -> None:
    """Raises `ExportError` unless ``parity`` is as close as ``precision`` should be."""
    if parity.probability > TOLERANCES[precision] or parity.words < LEAST_WORDS[precision]:
        raise ExportError(
            f"the exported model disagrees with the recogniser, and nothing was written: probabilities "
            f"differ by up to {parity.probability:.2g} (at most {TOLERANCES[precision]:g} for {precision}), "
            f"{parity.words:.1%} of {parity.compared} words read the same; try a higher precision"
        )


class _Graphs:
    """The two graphs in sessions, used as a reader uses them."""

    def __init__(self, encoder: onnx.ModelProto, decoder: onnx.ModelProto) -> None:
        self.encoder = Session(encoder.SerializeToString(), name="the exported encoder")
        self.decoder = Session(decoder.SerializeToString(), name="the exported decoder")

    def encode(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """The picture's keys and values by name."""
        return self.encoder.run({"images": images})

    def decode(self, ids: np.ndarray, positions: np.ndarray, memory: dict[str, np.ndarray]) -> np.ndarray:
        """Logits (batch, queries, num_classes)."""
        return self.decoder.run({"ids": ids, "positions": positions, **memory})["logits"]

    def read(self, images: np.ndarray, choices: np.ndarray, begin: int) -> np.ndarray:
        """Logits (batch, positions, num_classes), step by step, told the recogniser's own ``choices``."""
        memory = self.encode(images)
        ids = np.full((len(images), 1), begin, np.int64)
        steps = []
        for position in range(choices.shape[1]):
            steps.append(self.decode(ids, np.array([position]), memory)[:, 0])
            ids = np.concatenate([ids, choices[:, position : position + 1]], axis=1)
        return np.stack(steps, axis=1)


@torch.inference_mode()
def _scored_difference(student: Recogniser, reader: _Graphs, images: np.ndarray, length: int) -> float:
    """The largest difference when texts of ``length`` characters are scored, all positions in one call."""
    charset = student.config.charset
    texts = np.random.default_rng(length).integers(1, charset.num_classes, (len(images), length))
    ids = np.concatenate([np.full((len(images), 1), charset.begin), texts], axis=1)
    scored = reader.decode(ids, np.arange(length + 1), reader.encode(images))
    expected = student(torch.from_numpy(images), torch.from_numpy(ids)).logits.numpy()
    return _difference(scored, expected)


def _difference(logits: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(_probabilities(logits) - _probabilities(expected)).max())


def _probabilities(logits: np.ndarray) -> np.ndarray:
    grown = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(grown / grown.sum(-1, keepdims=True))


def _up_to_the_end(logits: np.ndarray) -> np.ndarray:
    """(batch, positions) in bool: true up to each row's first end, and at it; the rest is never read."""
    ended = (logits.argmax(-1) == 0).cumsum(-1)
    return np.asarray((ended - (logits.argmax(-1) == 0)) == 0)


def _same_text(logits: np.ndarray, expected: np.ndarray) -> bool:
    """Whether both choose the same characters up to the end of the expected text.

    Where two characters are even to the recogniser itself, either is the same: a rounding decides.
    """
    counted = _up_to_the_end(expected[None])[0]
    chances = _probabilities(expected[counted])
    chosen = np.take_along_axis(chances, logits[counted].argmax(-1)[:, None], axis=-1)[:, 0]
    return bool((chances.max(-1) - chosen <= EVEN).all())
