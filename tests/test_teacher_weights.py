"""One door for all kinds of weight files, and a clear word at it for those that do not fit."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import open_clip
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import clips
from clipstr.errors import InputError, TeacherError
from clipstr.teacher import TeacherConfig
from clipstr.teacher import weights as door
from clipstr.teacher.architecture import Architecture, architecture_in, named_architecture
from clipstr.teacher.weights import LoadedClip, load_clip, published_sha256, save_clip


@pytest.fixture
def described(tmp_path: Path) -> Architecture:
    return clips.architecture(tmp_path)


def load(path: Path, folder: Path, *, size: tuple[int, int] = (64, 64), **settings: object) -> LoadedClip:
    config = TeacherConfig(weights=str(path), architecture=str(folder / "clip.json"), **settings)  # type: ignore[arg-type]
    return load_clip(config, height=size[0], width=size[1])


class _Script(torch.nn.Module):
    """A model with the given parameters, as OpenAI's archives hold theirs."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        super().__init__()
        for name, value in weights.items():
            parent = self
            *path, leaf = name.split(".")
            for part in path:
                if not hasattr(parent, part):
                    parent.add_module(part, torch.nn.Module())
                parent = getattr(parent, part)
            parent.register_buffer(leaf, value)

    def forward(self, x: Tensor) -> Tensor:
        return x


def script_archive(weights: dict[str, Tensor], path: Path) -> None:
    torch.jit.save(torch.jit.trace(_Script(weights), torch.zeros(1)), path)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    "kind", ["openai.safetensors", "openclip.safetensors", "state.pt", "training.pt", "folder"]
)
def test_the_same_weights_come_through_every_file(described: Architecture, tmp_path: Path, kind: str) -> None:
    weights = clips.weights(described)
    path = tmp_path / kind
    if kind == "folder":
        model = described.build()
        model.load_state_dict(weights)
        save_clip(model, described, path, source={})
    elif kind == "openai.safetensors":
        save_file(clips.openai_names(weights), path)
    elif kind == "openclip.safetensors":
        save_file(weights, path)
    elif kind == "state.pt":
        torch.save(clips.openai_names(weights) | {"context_length": torch.tensor(12)}, path)
    else:
        torch.save({"epoch": 3, "state_dict": {f"module.{k}": v for k, v in weights.items()}}, path)
    loaded = load(path, tmp_path).model
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    for name, value in loaded.state_dict().items():
        assert torch.equal(value, weights[name]), name


def test_our_folders_are_openclips_own(described: Architecture, tmp_path: Path) -> None:
    ours = described.for_pictures(32, 64).build().eval()
    save_clip(ours, described.for_pictures(32, 64), tmp_path / "ours", source={"minutes": 1})
    theirs = open_clip.create_model(f"local-dir:{tmp_path / 'ours'}").eval()
    images = torch.randn(2, 3, 32, 64)
    ids = open_clip.tokenize(["a b", "c"], context_length=12)
    with torch.no_grad():
        assert torch.allclose(ours.encode_image(images), theirs.encode_image(images), atol=1e-6)
        assert torch.allclose(ours.encode_text(ids), theirs.encode_text(ids), atol=1e-6)
    assert architecture_in(tmp_path / "ours" / "open_clip_config.json").mean == described.mean


def test_a_script_archive_opens_only_if_openai_published_it(
    described: Architecture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights, path = clips.weights(described), tmp_path / "ViT.pt"
    script_archive(clips.openai_names(weights), path)
    with pytest.raises(TeacherError, match="TorchScript archive, which can run code, and its SHA-256"):
        load(path, tmp_path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(door, "published_sha256", lambda: frozenset({digest}))
    loaded = load(path, tmp_path).model.state_dict()
    assert torch.equal(loaded["text.text_projection"], weights["text.text_projection"])


def test_the_published_sums_are_openais() -> None:
    assert (
        "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f" in published_sha256()
    )  # ViT-B/16
    assert all(len(digest) == 64 for digest in published_sha256())


class _Code:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("true",)


def test_a_file_with_code_is_not_opened(described: Architecture, tmp_path: Path) -> None:
    torch.save({"state_dict": clips.weights(described), "hook": _Code()}, tmp_path / "x.pt")
    with pytest.raises(TeacherError, match=r"holds more than tensors, or is damaged.*save its state_dict"):
        load(tmp_path / "x.pt", tmp_path)
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(TeacherError, match="holds no state_dict of named tensors"):
        load(tmp_path / "list.pt", tmp_path)


@pytest.mark.parametrize("name", ["x.pt", "x.safetensors"])
def test_a_truncated_or_tampered_file_is_told(described: Architecture, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    weights = clips.weights(described)
    save_file(weights, path) if path.suffix == ".safetensors" else torch.save(weights, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert load(path, tmp_path, sha256=digest.upper())
    path.write_bytes(path.read_bytes()[:-100_000])
    with pytest.raises(TeacherError, match="truncated one; fetch it again|holds more than tensors"):
        load(path, tmp_path)
    with pytest.raises(TeacherError, match=f"and not {digest}: it is truncated or was changed"):
        load(path, tmp_path, sha256=digest)


def test_weights_of_another_architecture_are_told(described: Architecture, tmp_path: Path) -> None:
    save_file(clips.weights(described), tmp_path / "w.safetensors")
    for change in ({"width": 48}, {"patch_size": 8}, {"layers": 5}):
        clips.architecture(tmp_path, **change)
        with pytest.raises(TeacherError, match="does not fit the architecture .* set teacher.architecture"):
            load(tmp_path / "w.safetensors", tmp_path)


def test_pictures_that_patches_do_not_divide_are_told(described: Architecture, tmp_path: Path) -> None:
    save_file(clips.weights(described), tmp_path / "w.safetensors")
    with pytest.raises(TeacherError, match=r"patches of 16x16 pixels, and the student's 40x64 do not divide"):
        load(tmp_path / "w.safetensors", tmp_path, size=(40, 64))


def test_positions_are_cut_to_the_first_rows_and_columns(described: Architecture, tmp_path: Path) -> None:
    weights = clips.weights(described)
    save_file(weights, tmp_path / "w.safetensors")
    name = "visual.positional_embedding"
    cut = load(tmp_path / "w.safetensors", tmp_path, size=(32, 48)).model.state_dict()[name]
    kept = [0, *(1 + 4 * row + column for row in range(2) for column in range(3))]
    assert torch.equal(cut, weights[name][kept])
    with pytest.raises(TeacherError, match=r"for 4x4 image tokens, .* set teacher.positions = 'interpolate'"):
        load(tmp_path / "w.safetensors", tmp_path, size=(32, 128))


def test_positions_are_interpolated_and_the_class_tokens_kept(
    described: Architecture, tmp_path: Path
) -> None:
    weights = clips.weights(described)
    save_file(weights, tmp_path / "w.safetensors")
    name = "visual.positional_embedding"
    grid = weights[name][1:].reshape(1, 4, 4, 32).permute(0, 3, 1, 2)
    expected = torch.nn.functional.interpolate(grid, size=(2, 8), mode="bicubic", antialias=True)
    loaded = load(tmp_path / "w.safetensors", tmp_path, size=(32, 128), positions="interpolate")
    fitted = loaded.model.state_dict()[name]
    assert torch.equal(fitted[0], weights[name][0])
    assert torch.allclose(fitted[1:], expected[0].permute(1, 2, 0).flatten(0, 1), atol=1e-6)
    same = load(tmp_path / "w.safetensors", tmp_path, positions="interpolate").model.state_dict()[name]
    assert torch.equal(same, weights[name])


def test_other_patch_sizes_derive_their_tokens() -> None:
    assert named_architecture("ViT-B-32-quickgelu").for_pictures(32, 128).grid == (1, 4)
    assert named_architecture("ViT-B-16-quickgelu").for_pictures(32, 128).grid == (2, 8)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"architecture": "ViT-B-17"}, r"no architecture 'ViT-B-17': did you mean .*ViT-B-16"),
        ({"architecture": "RN50"}, "RN50 cannot teach: its image encoder has no stages of tokens"),
        (
            {"architecture": "roberta-ViT-B-32"},
            "roberta-ViT-B-32 cannot teach: its text encoder is not causal",
        ),
        ({"architecture": "ViT-B-16-SigLIP"}, "ViT-B-16-SigLIP cannot teach: its text encoder is not causal"),
        ({"architecture": "ViT-H-14-worldwide"}, r"reads the tokens of \S+ and not CLIP's"),
        ({"weights": "opnai"}, r"no weights 'opnai' of ViT-B-16-quickgelu: did you mean 'openai'"),
        ({"weights": "runs/teacher/best"}, "there is no file or folder runs/teacher/best"),
        ({"architecture": "ViT-B-16"}, r"another activation than ViT-B-16 .* 'ViT-B-16-quickgelu'"),
        ({"weights": "."}, "open_clip_config.json is no description of an OpenCLIP model"),
    ],
)
def test_what_openclip_does_not_know_is_told(settings: dict[str, str], message: str, tmp_path: Path) -> None:
    if settings.get("weights") == ".":
        settings = {"weights": str(tmp_path)}
    with pytest.raises(TeacherError, match=message):
        load_clip(TeacherConfig(**({"weights": "openai"} | settings)), height=32, width=128)  # type: ignore[arg-type]


def test_a_folder_without_weights_is_told(described: Architecture, tmp_path: Path) -> None:
    (tmp_path / "clip.json").rename(tmp_path / "open_clip_config.json")
    with pytest.raises(TeacherError, match=r"open_clip_model\.safetensors is missing"):
        load_clip(TeacherConfig(weights=str(tmp_path)), height=64, width=64)


def test_without_a_network_a_tag_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> str:
        raise OSError("network is unreachable")

    monkeypatch.setattr(door, "download_pretrained", refuse)
    with pytest.raises(TeacherError, match=r"could not be fetched .*set teacher.weights to its path"):
        load_clip(TeacherConfig(weights="openai"), height=32, width=128)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"positions": "stretch"}, "teacher.positions is 'stretch'; it can be cut or interpolate"),
        ({"tokens": "bytes"}, "teacher.tokens"),
        ({"case": "upper"}, "teacher.case"),
        ({"tokens": "words", "case": "keep"}, "CLIP's words have one case"),
        ({"cache_mib": -1}, "teacher.cache_mib is -1"),
        (
            {"image_stages": (3, 2, 1)},
            r"teacher.image_stages is \[3, 2, 1\]; it must be 3 rising layer numbers",
        ),
        ({"text_stages": (3,)}, "teacher.text_stages"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TeacherConfig(**settings)  # type: ignore[arg-type]
