"""Weights in 8 bits, to train on from."""

from __future__ import annotations

import torch

from clipstr.student import TINY, Recogniser
from clipstr.student.compact import compacted, restored


def test_matrices_come_back_to_half_a_step_of_their_row_and_the_rest_exactly() -> None:
    torch.manual_seed(0)
    weights = Recogniser(TINY).state_dict()
    compact = compacted(weights)
    back = restored(compact)
    assert back.keys() == weights.keys()
    stored = [name for name in weights if compact[name].dtype == torch.int8]
    assert len(stored) > 30
    for name, value in weights.items():
        if name not in stored:
            assert torch.equal(back[name], value)
            continue
        step = value.abs().flatten(1).amax(1) / 127
        assert ((back[name] - value).abs().flatten(1).amax(1) <= step / 2 + 1e-7).all()
    size, whole = (sum(v.nbytes for v in state.values()) for state in (compact, weights))
    assert size < 0.28 * whole


def test_a_row_of_zeros_stays_zero() -> None:
    weights = {"w": torch.zeros(40, 40)}
    assert torch.equal(restored(compacted(weights))["w"], weights["w"])
