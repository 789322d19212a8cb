"""A moving average of the weights of a run, which often reads better than its last weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

__all__ = ["Average"]


class Average:
    """The exponential moving average (EMA) of a module's parameters; buffers are the module's own.

    PyTorch's `AveragedModel` is no part of it: it copies the whole module, a frozen CLIP inside as well, and
    asks the device for its count at every step, which waits for all that the device has to do.

    Its decay begins low and grows to ``decay``, (1 + n) / (10 + n) after n steps, so that the random
    first weights are soon forgotten (as TensorFlow's ExponentialMovingAverage does).
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.module, self.decay, self.steps = module, decay, 0
        self.weights = {name: value.detach().clone() for name, value in module.named_parameters()}
        self._current = [value.detach() for value in module.parameters()]  # which share their memory

    @torch.no_grad()
    def update(self) -> None:
        """Takes in the module's weights after a step."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(list(self.weights.values()), self._current, 1 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """While entered, the module holds the average."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    @torch.no_grad()
    def _exchange(self) -> None:
        for name, value in self.module.named_parameters():
            kept = value.detach().clone()
            value.copy_(self.weights[name])
            self.weights[name].copy_(kept)

    def state_dict(self) -> dict[str, Tensor | int]:
        """What a checkpoint keeps."""
        return {"steps": self.steps, **self.weights}

    def load_state_dict(self, state: dict[str, Tensor | int]) -> None:
        """Goes on from what `state_dict` gave."""
        values = dict(state)
        self.steps = int(values.pop("steps"))
        for name, value in values.items():
            self.weights[name].copy_(torch.as_tensor(value))
