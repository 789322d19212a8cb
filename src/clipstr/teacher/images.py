"""The image side of a CLIP: tokens after some of its layers, whatever kind of encoder it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from open_clip.transformer import VisionTransformer
from torch import Tensor, nn

from clipstr.errors import TeacherError

__all__ = ["ImageFeatures", "image_features", "num_image_layers", "prompted_features", "resize_input"]


class ImageFeatures(NamedTuple):
    """Tokens (batch, tokens, dim) after each layer asked for, and the global embedding if it was."""

    stages: list[Tensor]
    embedding: Tensor | None


def num_image_layers(visual: nn.Module) -> int:
    """How many layers, or stages of a convolutional network, there are to read out."""
    trunk: Any = getattr(visual, "trunk", None)
    return len(trunk.feature_info) if trunk is not None else len(visual.transformer.resblocks)  # type: ignore[arg-type, union-attr]


def resize_input(visual: nn.Module, height: int, width: int, *, cut: bool, name: str) -> None:
    """Fits a timm encoder to pictures of another size. Raises `TeacherError` where that cannot be."""
    trunk: Any = getattr(visual, "trunk", None)
    if trunk is None:
        return  # OpenCLIP's own are built for the size
    if getattr(trunk, "pos_embed", None) is not None and cut:
        raise TeacherError(
            f"the position embeddings of {name}, an encoder of timm, cannot be cut: "
            "set teacher.positions = 'interpolate'"
        )
    try:
        if hasattr(trunk, "set_input_size"):
            trunk.set_input_size((height, width))
        with torch.no_grad():
            image_features(visual, torch.zeros(1, 3, height, width), [1], embedding=True)
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        raise TeacherError(
            f"{name} cannot look at pictures of {height}x{width} pixels ({error}): take another teacher"
        ) from error


def image_features(
    visual: nn.Module,
    images: Float[Tensor, "batch 3 height width"],
    layers: Sequence[int],
    *,
    embedding: bool,
) -> ImageFeatures:
    """The tokens after ``layers``, counted from 1, a class token first if there is one.

    ``images`` are in CLIP's normalisation. What stands on a grid comes row by row.
    """
    trunk = getattr(visual, "trunk", None)
    as_tokens = trunk is None or hasattr(trunk, "num_prefix_tokens")  # others keep their grid
    output: dict[str, Any] = visual.forward_intermediates(  # type: ignore[operator]
        images,
        indices=[layer - 1 for layer in layers] or [0],
        stop_early=not embedding,
        intermediates_only=not embedding,
        output_fmt="NLC" if as_tokens else "NCHW",
        output_extra_tokens=as_tokens,
    )
    tokens = output["image_intermediates"]
    if not as_tokens:
        tokens = [grid.flatten(2).transpose(1, 2) for grid in tokens]  # batch (rows columns) dim
    if "image_intermediates_prefix" in output:
        pairs = zip(output["image_intermediates_prefix"], tokens, strict=True)
        tokens = [torch.cat([prefix, patches], dim=1) for prefix, patches in pairs]
    return ImageFeatures(tokens[: len(layers)], output["image_features"] if embedding else None)


def prompted_features(
    visual: nn.Module,
    images: Float[Tensor, "batch 3 height width"],
    prompts: Float[Tensor, "batch prompts dim"],
    layers: Sequence[int],
) -> list[Float[Tensor, "batch tokens dim"]]:
    """The tokens after ``layers`` and after the last one when ``prompts`` stand beside the image's own.

    The prompts are put behind the class token and left out of what comes back. Raises `TeacherError` for
    encoders other than OpenCLIP's own.
    """
    if not isinstance(visual, VisionTransformer):
        raise TeacherError("only OpenCLIP's own Vision Transformers can be a recogniser's encoder")
    patches = visual.conv1(images).flatten(2).transpose(1, 2)  # batch patches dim
    first = visual.class_embedding.to(patches.dtype).expand(len(images), 1, -1)
    tokens = visual.ln_pre(torch.cat([first, patches], dim=1) + visual.positional_embedding)
    tokens = torch.cat([tokens[:, :1], prompts.to(tokens.dtype), tokens[:, 1:]], dim=1)
    last, stages = visual.transformer.forward_intermediates(tokens, indices=[layer - 1 for layer in layers])
    count = prompts.shape[1]
    return [torch.cat([value[:, :1], value[:, 1 + count :]], dim=1) for value in (*stages, last)]
