"""Position embeddings of a CLIP trained on one size of pictures, for another."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from clipstr.errors import TeacherError
from clipstr.teacher.architecture import Architecture

__all__ = ["fit_positions"]

_NAME = "visual.positional_embedding"


def fit_positions(
    weights: dict[str, Tensor],
    architecture: Architecture,
    given: tuple[int, int],
    *,
    how: Literal["cut", "interpolate"],
    path: Path,
) -> None:
    """Puts position embeddings for ``architecture``'s grid into ``weights``, the class token's kept.

    ``given`` is the height and width in pixels that the weights were made for. "cut" keeps the first rows
    and columns, as the authors did (paper, section 4.2); "interpolate" resamples the grid bicubically.
    Raises `TeacherError` if there are too few rows or columns to cut from.
    """
    positions = weights.get(_NAME)
    patch_height, patch_width = architecture.patch_size
    old, new = (given[0] // patch_height, given[1] // patch_width), architecture.grid
    if positions is None or old == new or len(positions) != 1 + old[0] * old[1]:
        return  # nothing to do, or a mismatch that loading names
    cls, grid = positions[:1], positions[1:].reshape(*old, -1)  # rows columns dim
    if how == "cut":
        if new[0] > old[0] or new[1] > old[1]:
            raise TeacherError(
                f"{path} has position embeddings for {old[0]}x{old[1]} image tokens, from which "
                f"{new[0]}x{new[1]} cannot be cut: set teacher.positions = 'interpolate'"
            )
        fitted = grid[: new[0], : new[1]]
    else:
        channels_first = grid.permute(2, 0, 1)[None]
        fitted = functional.interpolate(channels_first, size=new, mode="bicubic", antialias=True)
        fitted = fitted[0].permute(1, 2, 0)
    weights[_NAME] = torch.cat([cls, fitted.flatten(0, 1)])
