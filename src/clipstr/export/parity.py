"""Whether an exported model says what its recogniser says, on rendered words and on texts of any length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx

from clipstr.decoding import Memory, greedy, probabilities
from clipstr.engine import Session
from clipstr.errors import ExportError
from clipstr.export.compression import Precision
from clipstr.exported import ExportedModel
from clipstr.form import WordForm
from clipstr.student import Recogniser
from clipstr.student.scorer import StudentScorer

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
    form = student.config.form
    graphs = [Session(graph.SerializeToString(), name="the exported graph") for graph in (encoder, decoder)]
    exported, recogniser = ExportedModel(form, *graphs, name="the exported model"), StudentScorer(student)
    largest, same, compared = 0.0, 0, 0
    for batch, count in BATCHES.items():
        for start in range(0, min(count, len(pixels)) - batch + 1, batch):
            images = pixels[start : start + batch]
            expected = greedy(recogniser.look(images), form)
            read = _told(exported.look(images), expected.argmax(-1), form)
            counted = _up_to_the_end(expected)
            largest = max(largest, _difference(read[counted], expected[counted]))
            same += sum(_same_text(a, b) for a, b in zip(read, expected, strict=True))
            compared += batch
        for length in (1, form.max_length):
            both = (exported.look(pixels[:batch]), recogniser.look(pixels[:batch]))
            largest = max(largest, _difference(*(_scored(memory, form, length) for memory in both)))
    return Parity(probability=largest, words=same / compared, compared=compared)


def require_parity(parity: Parity, precision: Precision) -> None:
    """Raises `ExportError` unless ``parity`` is as close as ``precision`` should be."""
    if parity.probability > TOLERANCES[precision] or parity.words < LEAST_WORDS[precision]:
        raise ExportError(
            f"the exported model disagrees with the recogniser, and nothing was written: probabilities "
            f"differ by up to {parity.probability:.2g} (at most {TOLERANCES[precision]:g} for {precision}), "
            f"{parity.words:.1%} of {parity.compared} words read the same; try a higher precision"
        )


def _told(memory: Memory, choices: np.ndarray, form: WordForm) -> np.ndarray:
    """Logits (batch, positions, num_classes), step by step, after ``choices`` (batch, positions) so far."""
    ids = np.concatenate([np.full((len(choices), 1), form.charset.begin), choices], axis=1)
    steps = range(choices.shape[1])
    return np.concatenate([memory.logits(ids[:, : p + 1], np.array([p])) for p in steps], axis=1)


def _scored(memory: Memory, form: WordForm, length: int) -> np.ndarray:
    """Logits of texts of ``length`` characters chosen at random, all positions in one call."""
    texts = np.random.default_rng(length).integers(1, form.charset.num_classes, (len(memory), length))
    ids = np.concatenate([np.full((len(memory), 1), form.charset.begin), texts], axis=1)
    return memory.logits(ids, np.arange(length + 1))


def _difference(logits: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(probabilities(logits) - probabilities(expected)).max())


def _up_to_the_end(logits: np.ndarray) -> np.ndarray:
    """(batch, positions) in bool: true up to each row's first end, and at it; the rest is never read."""
    ended = (logits.argmax(-1) == 0).cumsum(-1)
    return np.asarray((ended - (logits.argmax(-1) == 0)) == 0)


def _same_text(logits: np.ndarray, expected: np.ndarray) -> bool:
    """Whether both choose the same characters up to the end of the expected text.

    Where two characters are even to the recogniser itself, either is the same: a rounding decides.
    """
    counted = _up_to_the_end(expected[None])[0]
    chances = probabilities(expected[counted])
    chosen = np.take_along_axis(chances, logits[counted].argmax(-1)[:, None], axis=-1)[:, 0]
    return bool((chances.max(-1) - chosen <= EVEN).all())
