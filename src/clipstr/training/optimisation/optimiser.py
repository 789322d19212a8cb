"""The optimiser of a run."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import nn

from clipstr.training.optimisation.muon import Muon
from clipstr.training.settings import Optimisation

__all__ = ["new_optimiser"]

_TABLES = re.compile(r"(embed|embedding|head|classes)(\.weight)?$")
"""Names of parameters whose rows stand for things, one each: characters, places, classes."""


def new_optimiser(learner: nn.Module, settings: Optimisation, precision: str) -> torch.optim.Optimizer:
    """AdamW or Muon over what ``learner`` trains, weight decay on matrices alone.

    Muon leaves vectors to AdamW, and tables as well, as its authors do (Jordan et al. 2024).
    """
    trained = {name: p for name, p in learner.named_parameters() if p.requires_grad}
    matrices = {name: p for name, p in trained.items() if p.ndim >= 2}
    vectors = {"params": [p for p in trained.values() if p.ndim < 2], "weight_decay": 0.0}
    common: dict[str, Any] = {
        "lr": settings.learning_rate,
        "betas": (0.9, settings.beta2),
        # One kernel for all weights is far quicker; with 16-bit gradients Fabric could not clip them.
        "fused": precision != "16-mixed",
    }
    decay = {"weight_decay": settings.weight_decay}
    if settings.optimiser == "adamw":
        return torch.optim.AdamW([{"params": [*matrices.values()], **decay}, vectors], **common)
    tables = [name for name, p in matrices.items() if len(p) == 1 or _TABLES.search(name)]
    turned = [p for name, p in matrices.items() if name not in tables]
    groups = [
        {"params": turned, "muon": True, **decay},
        {"params": [matrices[name] for name in tables], **decay},
        vectors,
    ]
    products = torch.bfloat16 if precision == "bf16-mixed" else torch.float32
    return Muon([group for group in groups if group["params"]], products=products, **common)
