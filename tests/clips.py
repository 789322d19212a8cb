"""Small CLIPs with seeded weights: real ones in everything but their size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from clipstr.form import Preprocessing
from clipstr.teacher import Teacher, TeacherConfig
from clipstr.teacher.architecture import Architecture, architecture_in
from clipstr.teacher.weights import LoadedClip, load_clip

MODEL: dict[str, Any] = {
    "embed_dim": 16,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 64, "layers": 4, "width": 32, "head_width": 16, "patch_size": 16},
    "text_cfg": {"context_length": 12, "vocab_size": 49408, "width": 24, "heads": 2, "layers": 4},
}


def described(*, text: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """OpenCLIP's description of the small CLIP; ``changes`` are put into ``vision_cfg``."""
    return MODEL | {
        "vision_cfg": MODEL["vision_cfg"] | changes,
        "text_cfg": MODEL["text_cfg"] | (text or {}),
    }


def architecture(folder: Path, *, text: dict[str, Any] | None = None, **changes: Any) -> Architecture:
    """The small CLIP as ``clip.json`` of ``folder`` describes it, with the changes of `described`."""
    path = folder / "clip.json"
    path.write_text(json.dumps(described(text=text, **changes)), encoding="utf-8")
    return architecture_in(path)


def weights(described: Architecture) -> dict[str, torch.Tensor]:
    """Seeded weights by OpenCLIP's names."""
    torch.manual_seed(0)
    return {name: value.clone() for name, value in described.build().state_dict().items()}


def openai_names(given: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same weights by OpenAI's names, where the text encoder has no prefix."""
    return {name.removeprefix("text."): value for name, value in given.items()}


def teacher(
    folder: Path,
    *,
    size: tuple[int, int] = (32, 64),
    text: dict[str, Any] | None = None,
    vision: dict[str, Any] | None = None,
    **settings: Any,
) -> Teacher:
    """A teacher for pictures of ``size`` with the small CLIP, its files in ``folder``."""
    save_file(weights(architecture(folder, text=text, **(vision or {}))), folder / "w.safetensors")
    config = TeacherConfig(
        weights=str(folder / "w.safetensors"), architecture=str(folder / "clip.json"), **settings
    )
    return Teacher(config, Preprocessing(height=size[0], width=size[1]))


def load(path: Path, folder: Path, *, size: tuple[int, int] = (64, 64), **settings: Any) -> LoadedClip:
    """The CLIP in ``path``, of the architecture described in ``folder``."""
    config = TeacherConfig(weights=str(path), architecture=str(folder / "clip.json"), **settings)
    return load_clip(config, height=size[0], width=size[1])
