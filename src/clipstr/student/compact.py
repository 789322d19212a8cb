"""Weights in a quarter of their size, to train on from: a released model carries them beside its graphs.

The graphs cannot be taken back: batch norms are folded into them and matrices are split. Each large matrix
is stored in 8 bits with one scale a row; a recogniser reads the same with them, to a tenth of a point.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["compacted", "restored"]

_SMALLEST = 1024  # elements: what is smaller (biases, norms, scalars) stays as it is
_SCALE = ".scale"
_HIGHEST = 127


def compacted(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """``weights`` with each large matrix in int8 under its name, and the scale of its rows beside it."""
    compact: dict[str, Tensor] = {}
    for name, value in weights.items():
        if value.ndim < 2 or value.numel() < _SMALLEST or not value.is_floating_point():
            compact[name] = value.detach().cpu().contiguous()
            continue
        rows = value.detach().cpu().float()
        scale = rows.abs().amax(tuple(range(1, rows.ndim)), keepdim=True).clamp(min=1e-12) / _HIGHEST
        compact[name] = (rows / scale).round().to(torch.int8).contiguous()
        compact[name + _SCALE] = scale
    return compact


def restored(compact: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights in float32 that `compacted` stored."""
    return {
        name: value.float() * compact[name + _SCALE] if name + _SCALE in compact else value
        for name, value in compact.items()
        if not name.endswith(_SCALE)
    }
