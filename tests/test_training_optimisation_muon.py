"""Muon against PyTorch's own, against singular values, and in real runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from clipstr.student import Recogniser
from clipstr.training import Optimisation
from clipstr.training.optimisation.muon import Muon, orthogonalised
from clipstr.training.optimisation.optimiser import new_optimiser
from clipstr.training.run.checkpoint import load_checkpoint
from clipstr.training.tasks.objective import Learner
from runs import STUDENT, bars_recipe, run

SHAPES = [(6, 6), (4, 12), (12, 4)]


def moved(optimiser: torch.optim.Optimizer, parameters: Sequence[Tensor], steps: int = 4) -> list[Tensor]:
    """``parameters`` after some steps along gradients that are always the same."""
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        for parameter in parameters:
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        optimiser.step()
    return [parameter.detach().clone() for parameter in parameters]


def parameters(*shapes: tuple[int, ...]) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]


@pytest.mark.parametrize("shape", SHAPES)
def test_orthogonalised_matrices_keep_their_singular_vectors(shape: tuple[int, int]) -> None:
    torch.manual_seed(2)
    matrices = torch.randn(3, *shape)
    left, _, right = torch.linalg.svd(matrices, full_matrices=False)
    turned = left.mT @ orthogonalised(matrices) @ right.mT
    values = turned.diagonal(dim1=1, dim2=2)
    assert torch.allclose(turned, torch.diag_embed(values), atol=1e-4)
    assert values.min() > 0.3  # of singular values near nothing; the others come to 0.7 and more
    assert values.max() < 1.25


@pytest.mark.parametrize("shape", SHAPES)
def test_products_in_bfloat16_turn_a_matrix_nearly_as_far(shape: tuple[int, int]) -> None:
    torch.manual_seed(2)
    matrices = torch.randn(3, *shape)
    exact, rough = orthogonalised(matrices), orthogonalised(matrices, torch.bfloat16)
    assert rough.dtype == matrices.dtype
    assert 0 < (exact - rough).abs().max() < 0.1  # entries of up to 1; bfloat16 has 8 bits
    assert torch.nn.functional.cosine_similarity(exact.flatten(), rough.flatten(), dim=0) > 0.995


@pytest.mark.parametrize(
    ("precision", "products"), [("32-true", torch.float32), ("bf16-mixed", torch.bfloat16)]
)
def test_muon_multiplies_as_the_run_does(precision: str, products: torch.dtype) -> None:
    optimiser = new_optimiser(nn.Linear(4, 4), Optimisation(optimiser="muon"), precision)
    assert isinstance(optimiser, Muon)
    assert optimiser.products == products


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="PyTorch has its own from 2.9 on")
@pytest.mark.parametrize("shape", SHAPES)
def test_a_matrix_moves_as_with_pytorchs_own(shape: tuple[int, int]) -> None:
    settings: dict[str, Any] = {"lr": 0.05, "weight_decay": 0.1, "momentum": 0.9}
    theirs, ours = parameters(shape), parameters(shape)
    expected = moved(torch.optim.Muon(theirs, adjust_lr_fn="match_rms_adamw", **settings), theirs)
    (got,) = moved(Muon([{"params": ours, "muon": True}], **settings), ours)
    # A step is some 0.02 an entry, PyTorch's one in bfloat16.
    assert torch.allclose(got, expected[0], atol=0.002)
    assert not torch.allclose(got, parameters(shape)[0], atol=0.05)


def test_a_convolution_moves_as_the_matrix_of_its_rows() -> None:
    (kernel,), (matrix,) = parameters((4, 3, 2, 2)), parameters((4, 12))
    as_kernel = moved(Muon([{"params": [kernel], "muon": True}], lr=0.1), [kernel])
    as_matrix = moved(Muon([{"params": [matrix], "muon": True}], lr=0.1), [matrix])
    assert torch.equal(as_kernel[0].flatten(1), as_matrix[0])


def test_matrices_of_one_shape_move_as_each_would_alone() -> None:
    pair, alone = parameters((4, 6), (4, 6)), parameters((4, 6), (4, 6))
    together = moved(Muon([{"params": pair, "muon": True}], lr=0.1), pair)
    groups = [{"params": [one], "muon": True} for one in alone]
    assert all(map(torch.allclose, together, moved(Muon(groups, lr=0.1), alone)))


def test_all_else_moves_as_with_adamw() -> None:
    ours, theirs = parameters((5,), (3, 4)), parameters((5,), (3, 4))
    settings: dict[str, Any] = {"lr": 0.01, "betas": (0.9, 0.98), "weight_decay": 0.1}
    expected = moved(torch.optim.AdamW(theirs, **settings), theirs)
    assert all(map(torch.equal, moved(Muon([{"params": ours}], **settings), ours), expected))


def test_matrices_and_convolutions_are_muons_tables_and_vectors_adamws() -> None:
    learner = Learner(Recogniser(STUDENT), ctc_weight=1.0, label_smoothing=0.0)
    names = {id(parameter): name for name, parameter in learner.named_parameters()}
    groups = new_optimiser(learner, Optimisation(optimiser="muon", weight_decay=0.1), "32-true").param_groups
    sorts = [{names[id(parameter)] for parameter in group["params"]} for group in groups]
    assert [group["muon"] for group in groups] == [True, False, False]
    assert [group["weight_decay"] for group in groups] == [0.1, 0.1, 0.0]
    assert set.union(*sorts) == set(names.values())
    assert {"student.encoder.blocks.0.attn.qkv.weight", "student.decoder.layers.0.linear1.weight"} <= sorts[0]
    assert sorts[1] == {
        "student.pos_queries",
        "student.encoder.cls_token",
        "student.encoder.pos_embed",
        "student.text_embed.embedding.weight",
        "student.head.weight",
        "heads.ctc.classes.weight",
    }


def test_a_run_with_muon_learns_to_read_and_resumes_to_the_same_weights(crops: Path, tmp_path: Path) -> None:
    recipe = bars_recipe(crops, samples=1600, batch_size=16, learning_rate=3e-3, optimiser="muon")
    recipe = replace(recipe, run=replace(recipe.run, validate_every=1600))
    whole, outcome = run(recipe, tmp_path / "whole")
    assert outcome.best > 0.5
    first, _ = run(recipe, tmp_path / "parts", stop_after=50)
    second, _ = run(recipe, tmp_path / "parts", resume=True)
    assert first.losses + second.losses == whole.losses
    ours, theirs = (load_checkpoint(tmp_path / name / "last.ckpt").learner for name in ("whole", "parts"))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
