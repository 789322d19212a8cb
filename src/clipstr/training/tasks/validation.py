"""How well a recogniser in training reads, by the protocol and the decoder of everything that reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from clipstr.reader import Reader
from clipstr.student import Recogniser
from clipstr.student.scorer import StudentScorer

__all__ = ["reading_with"]

_BATCH = 128  # pictures


@contextmanager
def reading_with(model: Recogniser, *, name: str) -> Iterator[Reader]:
    """A reader with ``model`` at one look, which is in eval mode meanwhile and then as it was."""
    was_training = model.training
    model.eval()
    try:
        yield Reader.over(StudentScorer(model), name=name, batch_size=_BATCH, second_looks=False)
    finally:
        model.train(was_training)
