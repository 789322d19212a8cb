"""The moving average of the weights against its definition."""

from __future__ import annotations

from contextlib import suppress

import torch
from torch import nn

from clipstr.training.optimisation.averaging import Average


def test_it_is_the_exponential_average_with_a_decay_that_grows() -> None:
    torch.manual_seed(0)
    module = nn.Linear(3, 2)
    average = Average(module, 0.5)
    expected = module.weight.detach().clone()
    for step in range(1, 30):
        with torch.no_grad():
            module.weight.copy_(torch.randn(2, 3))
        average.update()
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * module.weight.detach()
        assert torch.allclose(average.weights["weight"], expected, atol=1e-6)


def test_the_module_holds_it_only_while_entered_even_after_an_error() -> None:
    module = nn.Linear(3, 2)
    average = Average(module, 0.9)
    mean = average.weights["weight"].clone()
    with torch.no_grad():
        module.weight.add_(1)
    own = module.weight.detach().clone()
    with suppress(RuntimeError), average.in_place():
        assert torch.equal(module.weight, mean)
        raise RuntimeError("on purpose")
    assert torch.equal(module.weight, own)
    assert torch.equal(average.weights["weight"], mean)


def test_it_goes_on_from_a_checkpoint() -> None:
    module = nn.Linear(3, 2)
    first, second = Average(module, 0.9), Average(module, 0.9)
    for _ in range(5):
        with torch.no_grad():
            module.weight.add_(0.1)
        first.update()
    second.load_state_dict(first.state_dict())
    assert second.steps == 5
    assert all(torch.equal(first.weights[name], second.weights[name]) for name in first.weights)
