"""Distillation: which stages meet, through which projections, and by which loss.

It sees tensors by the names of their stages and knows neither student nor teacher.
"""

from __future__ import annotations

from clipstr.distil.alignment import AdaptiveAlignment, GlobalAlignment, PairSizes
from clipstr.distil.config import Distillation
from clipstr.distil.pairing import Pair, pairs_of
from clipstr.distil.symmetry import SymmetricalDistillation

__all__ = [
    "AdaptiveAlignment",
    "Distillation",
    "GlobalAlignment",
    "Pair",
    "PairSizes",
    "SymmetricalDistillation",
    "pairs_of",
]
