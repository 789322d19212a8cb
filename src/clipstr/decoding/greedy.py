"""Greedy decoding: character by character, each time the likeliest."""

from __future__ import annotations

import numpy as np

from clipstr.decoding.scorer import Follower, Memory
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
    ids = np.full((count, 1), charset.begin, np.int64)
    while len(rows):
        taken = ids.shape[1] - 1
        found, ended = _followed(memory, ids, positions - taken, allowed, charset.end)
        logits[rows, taken : taken + found.shape[1]] = found
        going = np.flatnonzero(~ended)
        if taken + found.shape[1] == positions or not len(going):
            break
        chosen = _likeliest(found[going], allowed)
        rows, ids, memory = rows[going], np.concatenate([ids[going], chosen], axis=1), memory.rows(going)
    return logits


def _followed(
    memory: Memory, ids: np.ndarray, steps: int, allowed: np.ndarray | None, end: int
) -> tuple[np.ndarray, np.ndarray]:
    """What follows ``ids`` until half of the rows have ended, and which have, (batch,) in bool.

    It is `Follower.follow`, done here step by step where a memory cannot do it.
    """
    if isinstance(memory, Follower):
        found = memory.follow(ids, steps, allowed)
        return found, (_likeliest(found, allowed) == end).any(-1)
    ended = np.zeros(len(ids), bool)
    parts: list[np.ndarray] = []
    while len(parts) < steps and 2 * np.count_nonzero(ended) < len(ids):
        parts.append(memory.logits(ids, np.array([ids.shape[1] - 1], np.int64)))
        chosen = _likeliest(parts[-1], allowed)
        ended |= chosen[:, 0] == end
        ids = np.concatenate([ids, chosen], axis=1)
    return np.concatenate(parts, axis=1), ended


def _likeliest(logits: np.ndarray, allowed: np.ndarray | None) -> np.ndarray:
    """The class of the highest of ``logits`` (..., num_classes) that is allowed."""
    within = logits if allowed is None else np.where(allowed, logits, -np.inf)
    return np.asarray(within.argmax(-1))
