"""Greedy decoding: character by character, each time the likeliest."""

from __future__ import annotations

import numpy as np

from clipstr.decoding.scorer import Memory
from clipstr.form import WordForm

__all__ = ["greedy"]


def greedy(memory: Memory, form: WordForm, allowed: np.ndarray | None = None) -> np.ndarray:
    """The logits (batch, positions, num_classes) of reading; there are max_length + 1 positions.

    They are the model's own; only which class is taken keeps to those ``allowed`` (num_classes,) in bool. A
    row whose text has ended is not computed further (its remaining logits are 0): once half of the rows have
    ended the others go on alone, so that one long word does not cost a whole batch.
    """
    charset, positions, count = form.charset, form.max_length + 1, len(memory)
    logits = np.zeros((count, positions, charset.num_classes), np.float32)
    rows = np.arange(count)
    ended = np.zeros(count, bool)
    ids = np.full((count, 1), charset.begin, np.int64)
    for position in range(positions if count else 0):
        step = memory.logits(ids, np.array([position], np.int64))[:, 0]
        logits[rows, position] = step
        choice = (step if allowed is None else np.where(allowed, step, -np.inf)).argmax(-1)
        ended |= choice == charset.end
        if ended.all():
            break
        ids = np.concatenate([ids, choice[:, None]], axis=1)
        if 2 * np.count_nonzero(ended) >= len(rows):
            going = np.flatnonzero(~ended)
            rows, ids, ended, memory = rows[going], ids[going], ended[going], memory.rows(going)
    return logits
