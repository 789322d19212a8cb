"""Small CLIPs with seeded weights: real ones in everything but their size."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from clipstr.teacher.architecture import Architecture, architecture_in

MODEL = {
    "embed_dim": 16,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 64, "layers": 4, "width": 32, "head_width": 16, "patch_size": 16},
    "text_cfg": {"context_length": 12, "vocab_size": 49408, "width": 24, "heads": 2, "layers": 4},
}


def architecture(folder: Path, **changes: object) -> Architecture:
    """The small CLIP, described in a file of ``folder``; ``changes`` are put into ``vision_cfg``."""
    path = folder / "clip.json"
    path.write_text(json.dumps(MODEL | {"vision_cfg": MODEL["vision_cfg"] | changes}), encoding="utf-8")  # type: ignore[operator]
    return architecture_in(path)


def weights(described: Architecture) -> dict[str, torch.Tensor]:
    """Seeded weights by OpenCLIP's names."""
    torch.manual_seed(0)
    return {name: value.clone() for name, value in described.build().state_dict().items()}


def openai_names(given: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same weights by OpenAI's names, where the text encoder has no prefix."""
    return {name.removeprefix("text."): value for name, value in given.items()}
