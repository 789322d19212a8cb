"""The optimiser of a run."""

from __future__ import annotations

import torch
from torch import nn

from clipstr.training.settings import Optimisation

__all__ = ["new_optimiser"]


def new_optimiser(learner: nn.Module, settings: Optimisation, precision: str) -> torch.optim.Optimizer:
    """AdamW over what ``learner`` trains, weight decay on matrices alone."""
    parameters = [p for p in learner.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups,
        lr=settings.learning_rate,
        betas=(0.9, settings.beta2),
        # One kernel for all weights is far quicker; with 16-bit gradients Fabric could not clip them.
        fused=precision != "16-mixed",
    )
