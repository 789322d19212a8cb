"""The image encoder: a Vision Transformer whose four stages come out by number."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from clipstr.errors import InputError
from clipstr.student.config import NUM_STAGES, StudentConfig

__all__ = ["ConvolutionStem", "Encoder"]


class ConvolutionStem(nn.Module):
    """Image tokens by 3x3 convolutions, in the place of timm's `PatchEmbed`.

    Each step halves the height, and the width while the patch is still wider. A convolution at full
    resolution would cost more than all the transformer behind it, so the first one has a stride; in
    the middle, where a stroke is one pixel wide, a residual pair looks again before the letters shrink.
    """

    def __init__(self, *, config: StudentConfig) -> None:
        super().__init__()
        strides = _strides(config.patch_height, config.patch_width)
        widths = [config.width >> max(len(strides) - 2 - step, 0) for step in range(len(strides))]
        layers: list[nn.Module] = []
        incoming = 3
        for step, (stride, outgoing) in enumerate(zip(strides, widths, strict=True)):
            layers += [_convolution(incoming, outgoing, stride), _activation()]
            if step == len(strides) // 2 - 1:
                layers.append(_ResidualPair(outgoing))
            incoming = outgoing
        # Channels last: oneDNN's bf16 convolutions can be tens of times slower the other way round.
        self.layers = nn.Sequential(*layers[:-1]).to(memory_format=torch.channels_last)
        self.grid_size = config.grid
        self.num_patches = config.grid[0] * config.grid[1]

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch patches dim"]:
        features: Tensor = self.layers(images.contiguous(memory_format=torch.channels_last))
        return features.flatten(2).transpose(1, 2)  # batch (rows columns) dim


class _ResidualPair(nn.Module):
    """Two 3x3 convolutions added to what came in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _convolution(width, width, (1, 1)), _activation(), _convolution(width, width, (1, 1))
        )
        self.activation = _activation()

    def forward(self, features: Tensor) -> Tensor:
        changed: Tensor = self.activation(features + self.layers(features))
        return changed


def _convolution(incoming: int, outgoing: int, stride: tuple[int, int]) -> nn.Sequential:
    """A 3x3 convolution with batch normalisation (which folds away when exported)."""
    convolution = nn.Conv2d(incoming, outgoing, kernel_size=3, stride=stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outgoing))


def _activation() -> nn.Module:
    return nn.ReLU(inplace=True)


def _strides(height: int, width: int) -> list[tuple[int, int]]:
    """Vertical and horizontal stride of each convolution; their products are ``height`` and ``width``."""
    if height & (height - 1) or width & (width - 1):
        raise InputError(f"a convolution stem halves step by step: {height}x{width} are no powers of two")
    steps = max(height, width).bit_length() - 1
    return [(2 if height >> step > 1 else 1, 2 if width >> step > 1 else 1) for step in range(steps)]


class Encoder(VisionTransformer):  # type: ignore[misc]  # timm ships no types
    """timm's Vision Transformer with the authors' parameter names, read out at its quarter points."""

    def __init__(self, config: StudentConfig) -> None:
        options: dict[str, Any] = {}
        if config.stem == "convolution":
            options["embed_layer"] = lambda **_: ConvolutionStem(config=config)
        super().__init__(
            img_size=(config.image_height, config.image_width),
            patch_size=(config.patch_height, config.patch_width),
            num_classes=0,
            global_pool="",
            embed_dim=config.width,
            depth=config.encoder_depth,
            num_heads=config.encoder_heads,
            mlp_ratio=config.encoder_mlp_ratio,
            **options,
        )
        # PyTorch's fused attention wins on GPUs; on CPUs its backward pass is slower than plain products.
        self.use_fused_attention(torch.cuda.is_available())
        per_stage = config.encoder_depth // NUM_STAGES
        self.stage_ends = [per_stage * stage - 1 for stage in range(1, NUM_STAGES + 1)]

    def use_fused_attention(self, fused: bool) -> None:
        """Chooses between PyTorch's fused attention and plain matrix products: same numbers, other speed."""
        for block in self.blocks:
            block.attn.fused_attn = fused

    def forward_stages(
        self, images: Float[Tensor, "batch 3 height width"]
    ) -> list[Float[Tensor, "batch tokens dim"]]:
        """The tokens after each quarter of the layers, the class token first.

        Only the last stage has passed the final norm (as in the authors' code); it is the
        decoder's memory.
        """
        final, stages = self.forward_intermediates(
            images, indices=self.stage_ends[:-1], return_prefix_tokens=True, output_fmt="NLC"
        )
        return [torch.cat([prefix, patches], dim=1) for patches, prefix in stages] + [final]
