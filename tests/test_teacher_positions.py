"""Position embeddings of one size of pictures, for another."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
import torch
from safetensors.torch import save_file

import clips
from clipstr.errors import TeacherError
from clipstr.teacher.architecture import Architecture, named_architecture
from clipstr.teacher.weights import save_clip


@pytest.fixture
def described(tmp_path: Path) -> Architecture:
    return clips.architecture(tmp_path)


def test_pictures_that_patches_do_not_divide_are_told(described: Architecture, tmp_path: Path) -> None:
    save_file(clips.weights(described), tmp_path / "w.safetensors")
    with pytest.raises(TeacherError, match=r"patches of 16x16 pixels, and the student's 40x64 do not divide"):
        clips.load(tmp_path / "w.safetensors", tmp_path, size=(40, 64))


def test_positions_are_cut_to_the_first_rows_and_columns(described: Architecture, tmp_path: Path) -> None:
    weights = clips.weights(described)
    save_file(weights, tmp_path / "w.safetensors")
    name = "visual.positional_embedding"
    cut = clips.load(tmp_path / "w.safetensors", tmp_path, size=(32, 48)).model.state_dict()[name]
    kept = [0, *(1 + 4 * row + column for row in range(2) for column in range(3))]
    assert torch.equal(cut, weights[name][kept])
    with pytest.raises(TeacherError, match=r"for 4x4 image tokens, .* set teacher.positions = 'interpolate'"):
        clips.load(tmp_path / "w.safetensors", tmp_path, size=(32, 128))


def test_positions_are_interpolated_and_the_class_tokens_kept(
    described: Architecture, tmp_path: Path
) -> None:
    weights = clips.weights(described)
    save_file(weights, tmp_path / "w.safetensors")
    name = "visual.positional_embedding"
    grid = weights[name][1:].reshape(1, 4, 4, 32).permute(0, 3, 1, 2)
    expected = torch.nn.functional.interpolate(grid, size=(2, 8), mode="bicubic", antialias=True)
    loaded = clips.load(tmp_path / "w.safetensors", tmp_path, size=(32, 128), positions="interpolate")
    fitted = loaded.model.state_dict()[name]
    assert torch.equal(fitted[0], weights[name][0])
    assert torch.allclose(fitted[1:], expected[0].permute(1, 2, 0).flatten(0, 1), atol=1e-6)
    same = clips.load(tmp_path / "w.safetensors", tmp_path, positions="interpolate").model.state_dict()[name]
    assert torch.equal(same, weights[name])


@pytest.mark.parametrize("how", ["cut", "interpolate"])
def test_positions_of_a_wide_grid_are_fitted_row_by_row(
    described: Architecture, tmp_path: Path, how: Literal["cut", "interpolate"]
) -> None:
    wide = described.for_pictures(32, 96)  # 2x6 tokens
    model = wide.build()
    table = torch.randn(13, 32)
    model.load_state_dict(model.state_dict() | {"visual.positional_embedding": table})
    save_clip(model, wide, tmp_path / "wide", source={})
    loaded = clips.load(tmp_path / "wide", tmp_path, size=(32, 48), positions=how)
    fitted = loaded.model.state_dict()["visual.positional_embedding"]
    if how == "cut":
        expected = table[[0, 1, 2, 3, 7, 8, 9]]
    else:
        grid = table[1:].reshape(2, 6, 32).permute(2, 0, 1)[None]
        resized = torch.nn.functional.interpolate(grid, size=(2, 3), mode="bicubic", antialias=True)
        expected = torch.cat([table[:1], resized[0].flatten(1).T])
    torch.testing.assert_close(fitted, expected, rtol=0, atol=1e-6)


def test_too_many_rows_cannot_be_cut_either(described: Architecture, tmp_path: Path) -> None:
    save_file(clips.weights(described), tmp_path / "w.safetensors")
    with pytest.raises(TeacherError, match=r"for 4x4 image tokens, from which 5x2 cannot .*'interpolate'"):
        clips.load(tmp_path / "w.safetensors", tmp_path, size=(80, 32))


def test_other_patch_sizes_derive_their_tokens() -> None:
    assert named_architecture("ViT-B-32-quickgelu").for_pictures(32, 128).grid == (1, 4)
    assert named_architecture("ViT-B-16-quickgelu").for_pictures(32, 128).grid == (2, 8)
