"""One door for all kinds of weight files, and a clear word at it for those that do not fit."""

from __future__ import annotations

import hashlib
import json
import pickle
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import clips
from clipstr.errors import TeacherError
from clipstr.teacher import TeacherConfig
from clipstr.teacher import weights as door
from clipstr.teacher.architecture import Architecture, architecture_in
from clipstr.teacher.weights import load_clip, published_sha256, save_clip


@pytest.fixture
def described(tmp_path: Path) -> Architecture:
    return clips.architecture(tmp_path)


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
    loaded = clips.load(path, tmp_path).model
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    for name, value in loaded.state_dict().items():
        assert torch.equal(value, weights[name]), name


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_weights_in_half_precision_come_as_float32(
    described: Architecture, tmp_path: Path, dtype: torch.dtype
) -> None:
    halved = {name: value.to(dtype) for name, value in clips.weights(described).items()}
    save_file(halved, tmp_path / "half.safetensors")
    save_file({name: value.float() for name, value in halved.items()}, tmp_path / "float.safetensors")
    half, full = (
        clips.load(tmp_path / f"{name}.safetensors", tmp_path, size=(32, 128), positions="interpolate").model
        for name in ("half", "float")
    )
    assert {value.dtype for value in half.state_dict().values()} == {torch.float32}
    for name, value in full.state_dict().items():
        assert torch.equal(half.state_dict()[name], value), name


def test_a_tags_file_comes_through_the_same_door(
    described: Architecture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = clips.weights(described)
    save_file(weights, tmp_path / "fetched.safetensors")
    known = {"url": "https://example.org/fetched.safetensors"}
    monkeypatch.setattr(door, "get_pretrained_cfg", lambda *_: known)
    monkeypatch.setattr(door, "download_pretrained", lambda given: str(tmp_path / Path(given["url"]).name))
    loaded = clips.load(Path("a-tag"), tmp_path).model.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in loaded.items())


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
    constants = {name: torch.tensor(7) for name in ("input_resolution", "context_length", "vocab_size")}
    script_archive(clips.openai_names(weights) | constants, path)
    with pytest.raises(TeacherError, match="TorchScript archive, which can run code, and its SHA-256"):
        clips.load(path, tmp_path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(door, "published_sha256", lambda: frozenset({digest}))
    loaded = clips.load(path, tmp_path).model.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in loaded.items())
    path.write_bytes(path.read_bytes()[:-10_000])
    with pytest.raises(TeacherError, match="truncated"):
        clips.load(path, tmp_path)


def test_the_published_sums_are_openais() -> None:
    assert (
        "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f" in published_sha256()
    )  # ViT-B/16
    assert all(len(digest) == 64 for digest in published_sha256())


@pytest.mark.parametrize("how", ["zip", "plain"])
def test_a_file_with_code_is_not_opened(described: Architecture, tmp_path: Path, how: str) -> None:
    class Code:
        def __reduce__(self) -> tuple[object, tuple[Path]]:
            return Path.touch, (tmp_path / "owned",)

    path, content = tmp_path / "x.pt", {"state_dict": clips.weights(described), "hook": Code()}
    torch.save(content, path) if how == "zip" else path.write_bytes(pickle.dumps(content))
    with pytest.raises(
        TeacherError, match=r"holds more than tensors and plain values, .*save its state_dict as .safetensors"
    ):
        clips.load(path, tmp_path)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    "content",
    [[1, 2], {"state_dict": [torch.zeros(2)]}, {"epoch": 3}, {0: torch.zeros(2)}],
    ids=["list", "list of tensors", "numbers", "numbered"],
)
def test_a_file_without_named_tensors_is_told(
    described: Architecture, tmp_path: Path, content: object
) -> None:
    torch.save(content, tmp_path / "x.pt")
    with pytest.raises(TeacherError, match=r"holds no state_dict of named tensors; save the model's state_"):
        clips.load(tmp_path / "x.pt", tmp_path)


@pytest.mark.parametrize("name", ["x.pt", "x.safetensors"])
def test_a_truncated_or_tampered_file_is_told(described: Architecture, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    weights = clips.weights(described)
    save_file(weights, path) if path.suffix == ".safetensors" else torch.save(weights, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert clips.load(path, tmp_path, sha256=digest.upper())
    whole = path.read_bytes()
    for size in (0, 10, 1000, len(whole) // 2, len(whole) - 10):
        path.write_bytes(whole[:size])
        with pytest.raises(TeacherError, match="truncated one; fetch it again"):
            clips.load(path, tmp_path)
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    if path.suffix == ".pt":  # a .safetensors has no checksum of its own
        with pytest.raises(TeacherError, match="is damaged or was changed in .*: fetch it again"):
            clips.load(path, tmp_path)
    with pytest.raises(TeacherError, match=f"and not {digest}: it is truncated or was changed"):
        clips.load(path, tmp_path, sha256=digest)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"width": 48}, r"visual\.\S+ has shape \(.*32.*\), not \(.*48"),
        ({"patch_size": 8}, r"visual\.conv1\.weight has shape \(32, 3, 16, 16\), not \(32, 3, 8, 8\)"),
        ({"layers": 5}, r"missing visual\.transformer\.resblocks\.4\."),
        ({"layers": 3, "text": {"layers": 3}}, r"unexpected \S+resblocks\.3\."),
        ({"text": {"width": 32}}, r"text\.\S+ has shape \(.*24.*\), not \(.*32"),
        (
            {"text": {"context_length": 77}},
            r"text\.positional_embedding has shape \(12, 24\), not \(77, 24\)",
        ),
        ({"image_size": 96}, r"visual\.positional_embedding has shape \(17, 32\), not \(9, 32\)"),
    ],
)
def test_weights_of_another_architecture_are_told(
    described: Architecture, tmp_path: Path, changes: dict[str, Any], named: str
) -> None:
    save_file(clips.weights(described), tmp_path / "w.safetensors")
    clips.architecture(tmp_path, **changes)
    message = f"does not fit the architecture .*{named}.*: set teacher.architecture to the one"
    with pytest.raises(TeacherError, match=message):
        clips.load(tmp_path / "w.safetensors", tmp_path, size=(32, 64))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (clips.MODEL | {"surprise": 1}, "describes no model that OpenCLIP can build: .*'surprise'"),
        (clips.described(head_width=64), "describes no model that OpenCLIP can build: .*num_heads"),
        (clips.described(surprise=1), "is no description of an OpenCLIP model: .*'surprise'"),
        ({"embed_dim": 16}, "is no description of an OpenCLIP model: 'vision_cfg'"),
        ([], "is no description of an OpenCLIP model"),
        (
            clips.MODEL | {"multimodal_cfg": {}},
            "cannot teach: it is a captioner; take a CLIP such as ViT-B-16",
        ),
        (
            clips.described(text={"no_causal_mask": True}),
            "its text encoder is not causal; take a CLIP such as",
        ),
        (clips.described(layers=[1, 1, 1, 1]), "its image encoder has no stages of tokens; take a CLIP"),
    ],
)
def test_a_description_that_cannot_teach_is_told(
    described: Architecture, tmp_path: Path, model: object, message: str
) -> None:
    save_file(clips.weights(described), tmp_path / "w.safetensors")
    (tmp_path / "clip.json").write_text(json.dumps(model), encoding="utf-8")
    with pytest.raises(TeacherError, match=message):
        clips.load(tmp_path / "w.safetensors", tmp_path)


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
        ({"weights": "none.pt"}, "there is no file or folder none.pt"),
        ({"weights": "zzzz"}, "no weights 'zzzz' of ViT-B-16-quickgelu: it has openai, "),
        ({"weights": ""}, "teacher.weights is empty: set it to an OpenCLIP tag"),
        ({"architecture": "none.json"}, "none.json is no description of an OpenCLIP model: .*No such file"),
        ({"architecture": "zzzz"}, r"no architecture 'zzzz': `open_clip.list_models\(\)` lists them"),
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
