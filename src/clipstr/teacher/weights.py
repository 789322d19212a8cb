"""One door for every CLIP: OpenCLIP's tags, OpenAI's files, OpenCLIP's files and folders, and our own."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile, is_zipfile

import open_clip
import torch
from open_clip.model import CustomTextCLIP, convert_to_custom_text_state_dict
from open_clip.pretrained import download_pretrained, get_pretrained_cfg, list_pretrained_tags_by_model
from torch import Tensor

from clipstr.errors import TeacherError
from clipstr.files import file_sha256, make_folder, write_json
from clipstr.teacher.architecture import Architecture, architecture_in, named_architecture
from clipstr.teacher.config import TeacherConfig
from clipstr.teacher.images import resize_input
from clipstr.teacher.positions import fit_positions
from clipstr.tensors import listed, load_state, load_tensors, mismatches, save_tensors

__all__ = ["CONFIG_FILE", "WEIGHTS_FILE", "LoadedClip", "load_clip", "save_clip"]

CONFIG_FILE, WEIGHTS_FILE = "open_clip_config.json", "open_clip_model.safetensors"
_SCRIPT_CONSTANTS = ("input_resolution", "context_length", "vocab_size")  # in OpenAI's files, no weights


@dataclass(frozen=True)
class LoadedClip:
    """A CLIP with its weights, and what it was built from."""

    model: CustomTextCLIP
    architecture: Architecture


def load_clip(config: TeacherConfig, *, height: int, width: int) -> LoadedClip:
    """The CLIP that ``config`` names, for pictures of ``height`` x ``width`` pixels, on the CPU in float32.

    No code from a weight file is run: OpenAI's originals are TorchScript archives and are opened only if
    their SHA-256 is one that OpenAI published. Raises `TeacherError` saying what does not fit.
    """
    if not config.weights:
        raise TeacherError(
            "teacher.weights is empty: set it to an OpenCLIP tag such as 'openai', a weight file or a folder"
        )
    folder = Path(config.weights)
    if folder.is_dir():
        architecture, path = architecture_in(folder / CONFIG_FILE), _weights_in(folder)
    else:
        architecture = named_architecture(config.architecture)
        path = _find(config)
    given = architecture.image_size
    architecture = architecture.for_pictures(height, width)
    weights = _read(path, config.sha256)
    if not architecture.of_timm:
        fit_positions(weights, architecture, given, how=config.positions, path=path)
    model = architecture.build()
    wrong = mismatches(weights, model.state_dict())
    if wrong:
        raise TeacherError(
            f"{path} does not fit the architecture {architecture.name} ({listed(wrong)}): "
            "set teacher.architecture to the one that it was made with"
        )
    model.load_state_dict(weights)
    model.eval().requires_grad_(False)
    resize_input(model.visual, height, width, cut=config.positions == "cut", name=architecture.name)
    return LoadedClip(model, architecture)


def save_clip(
    model: CustomTextCLIP, architecture: Architecture, folder: Path, *, source: dict[str, Any]
) -> None:
    """Writes ``model`` to ``folder`` in OpenCLIP's own format; ``source`` says where it comes from.

    ``open_clip.create_model("local-dir:FOLDER")`` and `load_clip` open it alike.
    """
    make_folder(folder)
    save_tensors(folder / WEIGHTS_FILE, model.state_dict())
    write_json(folder / CONFIG_FILE, architecture.to_dict() | {"source": source})


def _weights_in(folder: Path) -> Path:
    """The weight file of an OpenCLIP folder."""
    for name in (WEIGHTS_FILE, "open_clip_pytorch_model.safetensors", "open_clip_pytorch_model.bin"):
        if (folder / name).is_file():
            return folder / name
    raise TeacherError(f"{folder} holds no weights of OpenCLIP: {WEIGHTS_FILE} is missing")


def _find(config: TeacherConfig) -> Path:
    """The weight file that ``config`` names: a path, or a tag whose file OpenCLIP fetches and keeps."""
    path = Path(config.weights)
    if path.is_file():
        return path
    tags = list_pretrained_tags_by_model(config.architecture)
    known = get_pretrained_cfg(config.architecture, config.weights)
    if not known:
        if len(path.parts) > 1 or path.suffix in (".pt", ".pth", ".bin", ".safetensors"):
            raise TeacherError(f"teacher.weights: there is no file or folder {path}")
        near = difflib.get_close_matches(config.weights, tags, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(tags) or 'none'}"
        raise TeacherError(f"OpenCLIP knows no weights {config.weights!r} of {config.architecture}: {hint}")
    if bool(known.get("quick_gelu")) != bool(
        (open_clip.get_model_config(config.architecture) or {}).get("quick_gelu")
    ):
        other = config.architecture.removesuffix("-quickgelu")
        other = other if other != config.architecture else f"{other}-quickgelu"
        raise TeacherError(
            f"the weights {config.weights!r} were trained with another activation than {config.architecture} "
            f"has: set teacher.architecture = {other!r}"
        )
    try:
        return Path(download_pretrained(known))
    except (OSError, RuntimeError, ValueError) as error:
        raise TeacherError(
            f"the weights {config.weights!r} of {config.architecture} could not be fetched ({error}); "
            "without a network, put the file on this machine and set teacher.weights to its path"
        ) from error


def published_sha256() -> frozenset[str]:
    """The SHA-256 of every file that OpenAI published, as their addresses in OpenCLIP's table tell."""
    addresses = (
        get_pretrained_cfg(name, "openai").get("url", "")
        for name, tag in open_clip.list_pretrained()
        if tag == "openai"
    )
    return frozenset(address.split("/")[-2] for address in addresses if "openaipublic" in address)


def _read(path: Path, sha256: str) -> dict[str, Tensor]:
    """The weights in ``path`` by the names of `CustomTextCLIP`, in float32."""
    if sha256:
        actual = file_sha256(path)
        if actual != sha256.lower():
            raise TeacherError(
                f"{path} has the SHA-256 {actual}, and not {sha256}: it is truncated or was changed; "
                "fetch it again"
            )
    try:
        safe = path.suffix == ".safetensors"
        weights = load_tensors(path, error=TeacherError) if safe else _read_pickled(path)
    except (OSError, RuntimeError, BadZipFile) as error:
        raise TeacherError(
            f"{path} is no weight file, or a truncated one; fetch it again ({error})"
        ) from error
    weights = {name.removeprefix("module."): value.float() for name, value in weights.items()}
    for name in _SCRIPT_CONSTANTS:
        weights.pop(name, None)
    if "logit_scale" in weights:  # some files hold it as a list of one
        weights["logit_scale"] = weights["logit_scale"].reshape(())
    renamed: dict[str, Tensor] = convert_to_custom_text_state_dict(weights)
    return renamed


def _read_pickled(path: Path) -> dict[str, Tensor]:
    """The tensors of a PyTorch file: a state dict, a training checkpoint, or an original of OpenAI's."""
    _require_whole(path)
    if _is_script(path):
        actual = file_sha256(path)
        if actual not in published_sha256():
            raise TeacherError(
                f"{path} is a TorchScript archive, which can run code, and its SHA-256 {actual} is none that "
                "OpenAI published: it is truncated or was changed; fetch the original again, or save its "
                "state_dict as .safetensors where you trust it"
            )
        script = torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]
        return dict(script.state_dict())
    return load_state(path, error=TeacherError)


def _require_whole(path: Path) -> None:
    """Raises `TeacherError` if a record of an archive is not as its checksum says: PyTorch never looks."""
    if is_zipfile(path):
        with ZipFile(path) as archive:
            damaged = archive.testzip()
        if damaged:
            raise TeacherError(f"{path} is damaged or was changed in {damaged}: fetch it again")


def _is_script(path: Path) -> bool:
    """Whether ``path`` is a TorchScript archive: those hold their code."""
    if not is_zipfile(path):
        return False
    with ZipFile(path) as archive:
        return any("/code/" in name or name.endswith("/constants.pkl") for name in archive.namelist())
