"""Named tensors on disk: written whole, read strictly, and no code of a file is ever run."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import torch
from safetensors import SafetensorError
from safetensors.torch import load, load_file, save
from torch import Tensor

from clipstr.errors import ClipstrError
from clipstr.files import require_space, whole_file, write_bytes

__all__ = [
    "listed",
    "load_pickled",
    "load_state",
    "load_tensors",
    "mismatches",
    "save_pickled",
    "save_tensors",
    "tensors_in",
]

_NAMED_WRONGLY = 4  # how many names an error lists before it only counts


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write ``tensors`` to ``path`` as safetensors, whole or not at all. Raises `OutputError`."""
    # safetensors' own way to a file makes one that only its owner may read, and errors of its own.
    write_bytes(path, save({name: value.detach().cpu().contiguous() for name, value in tensors.items()}))


def tensors_in(content: bytes, path: Path, *, error: type[ClipstrError]) -> dict[str, Tensor]:
    """The tensors in ``content``, which stood in the safetensors file ``path``; else ``error`` is raised."""
    try:
        return load(content)
    except (SafetensorError, RuntimeError, ValueError, KeyError) as reason:
        raise error(f"{path}: no safetensors file, or a truncated one; fetch it again ({reason})") from reason


def load_tensors(path: Path, *, error: type[ClipstrError]) -> dict[str, Tensor]:
    """The tensors in the safetensors file ``path``; else ``error`` is raised."""
    try:
        return load_file(path)  # mapped, since CLIPs are large
    except (SafetensorError, OSError, RuntimeError, ValueError, KeyError) as reason:
        raise error(f"{path}: no safetensors file, or a truncated one; fetch it again ({reason})") from reason


def save_pickled(path: Path, values: dict[str, Any]) -> None:
    """Write ``values``, tensors and plain ones, to ``path`` as PyTorch does, whole or not at all.

    Raises `OutputError`, or PyTorch's RuntimeError on a full disk.
    """
    require_space(path, _size(values))
    with whole_file(path) as file:
        torch.save(values, file)


def _size(value: object) -> int:
    """The bytes of the tensors in ``value``."""
    if isinstance(value, Tensor):
        return value.nbytes
    if isinstance(value, Mapping):
        return sum(_size(item) for item in value.values())
    return sum(_size(item) for item in value) if isinstance(value, (list, tuple)) else 0


def load_pickled(path: Path, *, error: type[ClipstrError]) -> Any:
    """The tensors and plain values in PyTorch's file ``path``, on the CPU; else ``error`` is raised."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as reason:
        raise error(f"{path}: there is no such file") from reason
    except pickle.UnpicklingError as reason:
        raise error(
            f"{path} holds more than tensors and plain values, which could run code when loaded, or is "
            "damaged, and was not opened; fetch it again, or save its state_dict as .safetensors where you "
            "trust it"
        ) from reason
    except (OSError, RuntimeError, EOFError, BadZipFile, KeyError, ValueError) as reason:
        first = (str(reason).split("\n") or [""])[0] or type(reason).__name__
        raise error(
            f"{path} is no file of PyTorch's, or a truncated one; fetch it again ({first})"
        ) from reason


def load_state(path: Path, *, error: type[ClipstrError]) -> dict[str, Tensor]:
    """The named tensors in PyTorch's file ``path``, bare or as ``state_dict``; else ``error`` is raised."""
    content = load_pickled(path, error=error)
    weights = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in weights.items()
    ):
        raise error(f"{path} holds no state_dict of named tensors; save the model's state_dict() alone")
    return weights


def mismatches(weights: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> list[str]:
    """What keeps ``weights`` from being the ``expected`` ones, a line each; other shapes first.

    Floating point of any precision is one type: loading widens it.
    """
    shared = [(name, weights[name], value) for name, value in expected.items() if name in weights]
    misshapen = [
        f"{name} has shape {tuple(given.shape)}, not {tuple(value.shape)}"
        for name, given, value in shared
        if given.shape != value.shape
    ]
    mistyped = [
        f"{name} is of {given.dtype}, not {value.dtype}"
        for name, given, value in shared
        if given.is_floating_point() != value.is_floating_point()
    ]
    missing = [f"missing {name}" for name in expected if name not in weights]
    return misshapen + mistyped + missing + [f"unexpected {name}" for name in weights if name not in expected]


def listed(wrong: list[str]) -> str:
    """The first of what is ``wrong``, and how many more."""
    more = f"; and {len(wrong) - _NAMED_WRONGLY} more" if len(wrong) > _NAMED_WRONGLY else ""
    return "; ".join(wrong[:_NAMED_WRONGLY]) + more
