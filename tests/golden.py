"""The seeded weights and the authors' numbers, where the checkout has them beside it."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from clipstr.student import BASE, Recogniser

SHARED = Path(__file__).resolve().parents[2] / "shared"
GOLDEN = SHARED / "golden"
SEED = 7


@cache
def _seeds() -> ModuleType:
    if not GOLDEN.is_dir():
        pytest.skip("the authors' golden tensors are not here (../shared/golden)")
    spec = importlib.util.spec_from_file_location("golden_weights", GOLDEN / "weights.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def golden_tensors() -> dict[str, np.ndarray]:
    """What the authors' code computed, by name."""
    _seeds()
    with np.load(GOLDEN / f"golden_seed{SEED}.npz") as file:
        return dict(file)


@cache
def seeded_checkpoint() -> dict[str, torch.Tensor]:
    """The parameters of an authors' checkpoint: recogniser, distillation heads, and CLIP below ``clip.``."""
    student = {name: torch.from_numpy(value) for name, value in _seeds().state_dict("student", SEED).items()}
    return student | {"clip.logit_scale": torch.tensor(4.6), "clip.visual.proj": torch.zeros(768, 512)}


def seeded_images(count: int) -> np.ndarray:
    """Inputs (count, 3, 32, 128) in float32."""
    images: np.ndarray = _seeds().images(count, SEED)
    return images


def golden_recogniser() -> Recogniser:
    """The paper's recogniser with the seeded weights, in eval mode."""
    model = Recogniser(BASE)
    weights = seeded_checkpoint()
    model.load_state_dict({name: weights[name] for name in model.state_dict()})
    return model.eval()


@cache
def seeded_clip() -> dict[str, torch.Tensor]:
    """The parameters of a ViT-B/16 by OpenAI's names."""
    return {name: torch.tensor(value) for name, value in _seeds().state_dict("clip", SEED).items()}
