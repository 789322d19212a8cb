"""The Muon optimiser: matrices move by a turn, all their directions alike far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["Muon", "orthogonalised"]

_QUINTIC = (3.4445, -4.7750, 2.0315)
"""Jordan's coefficients: five rounds bring singular values from (0.002, 1] to about (0.7, 1.2)."""


class Muon(torch.optim.AdamW):
    """Muon (Jordan et al. 2024) for parameter groups with ``muon`` set, AdamW for all others.

    The momentum of a matrix is replaced by the nearest orthogonal matrix, so that rare directions are
    learned as fast as frequent ones. Times 0.2 sqrt(longer side) its entries are as large as those of AdamW's
    steps, and learning rate and weight decay of AdamW serve both (Liu et al. 2025, "Muon is scalable for LLM
    training"). Convolutions count as matrices of outgoing channels by all else.

    PyTorch's own takes no convolutions and always works in bfloat16, several times slower on a processor
    that was not made for it and four times quicker on one that was; here ``products`` says in what the
    orthogonal matrices are found, and GPUs take bfloat16. Gradients of matrices are used up by `step`.
    """

    def __init__(
        self,
        groups: list[dict[str, Any]],
        *,
        momentum: float = 0.95,
        products: torch.dtype = torch.float32,
        **settings: Any,
    ) -> None:
        super().__init__([{"muon": False, **group} for group in groups], **settings)
        self.products = products
        for group in self.param_groups:
            group["momentum"] = momentum

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step; ``closure`` computes the gradients and returns the loss, which is returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            if group["muon"]:
                self._turn(group)
        super().step()
        return loss

    def _turn(self, group: dict[str, Any]) -> None:
        """Moves the matrices of ``group``, those of one shape together, and drops their gradients.

        All of them in a few kernels: on a GPU the launch of one costs more than its work on a matrix.
        """
        matrices = [parameter for parameter in group["params"] if parameter.grad is not None]
        if not matrices:
            return
        directions = self._directions(matrices, group["momentum"])
        alike: dict[tuple[int, int], list[int]] = defaultdict(list)
        for place, direction in enumerate(directions):
            alike[(direction.shape[0], direction.shape[1])].append(place)
        torch._foreach_mul_(matrices, 1 - group["lr"] * group["weight_decay"])
        for shape, places in alike.items():
            turns = orthogonalised(torch.stack([directions[place] for place in places]), self.products)
            moved = [matrices[place] for place in places]
            steps = [turn.view_as(m) for turn, m in zip(turns.unbind(), moved, strict=True)]
            torch._foreach_add_(moved, steps, alpha=-group["lr"] * 0.2 * max(shape) ** 0.5)

    def _directions(self, matrices: list[Tensor], momentum: float) -> list[Tensor]:
        """Nesterov's momentum of ``matrices``, flattened; states have AdamW's names, which it can load."""
        gradients = [parameter.grad for parameter in matrices if parameter.grad is not None]
        for parameter in matrices:
            parameter.grad = None
            if not self.state[parameter]:
                self.state[parameter] |= {
                    "step": torch.zeros(()),
                    "exp_avg": torch.zeros_like(parameter),
                }
        means = [self.state[parameter]["exp_avg"] for parameter in matrices]
        torch._foreach_add_([self.state[parameter]["step"] for parameter in matrices], 1)
        torch._foreach_lerp_(means, gradients, 1 - momentum)
        return [d.flatten(1) for d in torch._foreach_lerp(gradients, means, momentum)]


def orthogonalised(
    matrices: Float[Tensor, "count rows columns"], products: torch.dtype = torch.float32
) -> Float[Tensor, "count rows columns"]:
    """The orthogonal factor of each matrix, roughly: singular values of about 1, the same singular vectors.

    Five rounds of Newton and Schulz's iteration, in ``products``, or in bfloat16 on a GPU.
    """
    a, b, c = _QUINTIC
    x: Tensor = matrices.to(torch.bfloat16 if matrices.is_cuda else products)
    tall = x.shape[1] > x.shape[2]
    x = x.mT if tall else x
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(5):
        squared = x @ x.mT
        x = a * x + (b * squared + c * squared @ squared) @ x
    x = x.mT if tall else x
    return x.to(matrices.dtype)
