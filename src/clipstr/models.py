"""Models by name or folder: their config, their files and their checksums.

A model folder holds ``config.json`` and its files: ``model.safetensors`` as trained or imported,
``encoder.onnx`` and ``decoder.onnx`` as exported for reading.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from clipstr.arguments import text, whole_number
from clipstr.calibration import Calibration
from clipstr.errors import InputError, ModelFileError, ModelNotFoundError
from clipstr.files import file_sha256, regular_bytes, write_json
from clipstr.form import WordForm

__all__ = [
    "CARD_FILE",
    "CONFIG_FILE",
    "DECODER_FILE",
    "DEFAULT_MODEL",
    "ENCODER_FILE",
    "FileRecord",
    "ModelConfig",
    "embedded_models",
    "find_model",
    "installed_models",
]

CONFIG_FILE = "config.json"
CARD_FILE = "CARD.md"
ENCODER_FILE, DECODER_FILE = "encoder.onnx", "decoder.onnx"
FORMAT = "clipstr-model/3"
_SECOND_FORMAT = "clipstr-model/2"  # without a checksum of the config itself
_FIRST_FORMAT = "clipstr-model/1"  # of 0.1: the form stood in it twice
_OWN_CHECKSUM = "sha256"  # in a config: of all else in it
DEFAULT_MODEL = "full"
ENTRY_POINTS = "clipstr.models"
ASSETS = Path(__file__).parent / "assets"


@dataclass(frozen=True)
class FileRecord:
    """What a file of a model must be. Raises `InputError` for what no file can be."""

    sha256: str
    bytes: int

    def __post_init__(self) -> None:
        text(self.sha256, "sha256", meaning="a checksum in hexadecimal")
        whole_number(self.bytes, "bytes", least=0, most=1 << 50, meaning="bytes of a file")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """What a model folder's ``config.json`` says."""

    name: str
    form: WordForm
    architecture: dict[str, Any] = field(default_factory=dict)  # the recogniser's sizes, but for its form's
    source: dict[str, Any] = field(default_factory=dict)  # where the weights come from, free form
    files: dict[str, FileRecord] = field(default_factory=dict)
    calibration: Calibration | None = None  # what bends its probabilities; None: nothing does

    @classmethod
    def load(cls, folder: Path) -> ModelConfig:
        """The config in ``folder``; raises `ModelNotFoundError` if there is none, else `ModelFileError`."""
        path = folder / CONFIG_FILE
        try:
            values = json.loads(regular_bytes(path).decode())
        except FileNotFoundError as error:
            raise ModelNotFoundError(f"{folder}: no model there, it has no {CONFIG_FILE}") from error
        except (OSError, ValueError, RecursionError) as error:
            raise ModelFileError(f"{path}: cannot be read: {error}") from error
        found = values.get("format") if isinstance(values, dict) else None
        if found not in (FORMAT, _SECOND_FORMAT, _FIRST_FORMAT):
            raise ModelFileError(f"{path}: its format is {found!r}, and this clipstr reads {FORMAT!r}")
        try:
            if found == FORMAT:
                _require_own_checksum(values)
            elif found == _FIRST_FORMAT:
                values = _from_first_format(values)
            _require_no_others(values)
            return cls(
                name=str(values["name"]),
                form=WordForm.from_dict(values["form"]),
                architecture=dict(values["architecture"]),
                source=dict(values["source"]),
                files={name: FileRecord(**record) for name, record in values["files"].items()},
                calibration=Calibration.from_dict(values["calibration"]) if "calibration" in values else None,
            )
        except InputError as error:
            raise ModelFileError(f"{path}: {error}") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelFileError(f"{path}: a value is missing or wrong: {error!r}") from error

    def save(self, folder: Path) -> None:
        """Writes ``config.json`` into ``folder``, whole or not at all."""
        values = {
            "format": FORMAT,
            "name": self.name,
            "form": self.form.to_dict(),
            "architecture": self.architecture,
            "source": self.source,
            "files": {name: asdict(record) for name, record in self.files.items()},
        }
        if self.calibration is not None:
            values["calibration"] = self.calibration.to_dict()
        write_json(folder / CONFIG_FILE, values | {_OWN_CHECKSUM: _own_checksum(values)})

    @property
    def checksum(self) -> str:
        """One SHA-256 in hexadecimal for all that decides a reading: files and calibration."""
        lines = [f"{name} {record.sha256}\n" for name, record in sorted(self.files.items())]
        if self.calibration is not None:
            lines.append(f"calibration {json.dumps(self.calibration.to_dict(), sort_keys=True)}\n")
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def with_files(self, folder: Path, names: Sequence[str]) -> ModelConfig:
        """This config with the checksums and sizes of the files ``names`` in ``folder`` as they are now."""
        return replace(self, files={name: _record(folder / name) for name in names})

    def verified(self, folder: Path, name: str) -> bytes:
        """The content of the file ``name``, which is what the config says it is; else `ModelFileError`."""
        path = folder / name
        record = self.files.get(name)
        if record is None:
            there = ", ".join(self.files) or "none"
            raise ModelFileError(f"{folder}: the model has no {name}; its files: {there}")
        try:
            # No more than the config says, and one byte: a link may lead to what has no end.
            content = regular_bytes(path, record.bytes + 1)
        except OSError as error:
            raise ModelFileError(f"{path}: cannot be read: {error}") from error
        if len(content) != record.bytes or hashlib.sha256(content).hexdigest() != record.sha256:
            raise ModelFileError(
                f"{path}: damaged, its checksum is not the config's; copy or export it again"
            )
        return content


def _require_own_checksum(values: dict[str, Any]) -> None:
    """Takes the config's own checksum out of ``values``; raises `InputError` if it is not theirs."""
    if values.pop(_OWN_CHECKSUM, None) != _own_checksum(values):
        raise InputError(
            f"its {_OWN_CHECKSUM} is not that of what it says: it is damaged, or was changed by hand; copy "
            "or export the model again"
        )


def _own_checksum(values: dict[str, Any]) -> str:
    """The SHA-256 of plain ``values``, however they are set out."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _require_no_others(values: dict[str, Any]) -> None:
    """Raises `InputError` for what no config has: it would say something that nobody heeds."""
    known = {"format", *(part.name for part in fields(ModelConfig))}
    if others := sorted(set(values) - known):
        raise InputError(f"it has {', '.join(others)}, and a config has only {', '.join(sorted(known))}")


def _from_first_format(values: dict[str, Any]) -> dict[str, Any]:
    """The ``values`` of a first config as those of today, if its two copies of the form are the same.

    Raises `InputError` where they are not: which of them the weights were made for cannot be known.
    """
    prepared = values["preprocessing"]
    form = {
        "characters": values["charset"],
        "max_length": values["max_length"],
        "preprocessing": prepared,
    }
    copies = {
        "characters": values["charset"],
        "max_length": values["max_length"],
        "image_height": prepared["height"],
        "image_width": prepared["width"],
    }
    architecture = dict(values["architecture"])
    for name, value in copies.items():
        copy = architecture.pop(name, value)
        if copy != value:
            raise InputError(
                f"it contradicts itself: its architecture has {name} {copy!r}, and elsewhere it has "
                f"{value!r}; export the model again"
            )
    moved = ("charset", *form)
    others = {name: value for name, value in values.items() if name not in moved}
    return others | {"form": form, "architecture": architecture}


def _record(path: Path) -> FileRecord:
    return FileRecord(sha256=file_sha256(path), bytes=path.stat().st_size)


def embedded_models() -> dict[str, Path]:
    """The models that come with the package: name to folder, sorted."""
    return {path.parent.name: path.parent for path in sorted(ASSETS.glob(f"*/{CONFIG_FILE}"))}


def installed_models() -> dict[str, Path]:
    """The embedded models, and those of other packages that are installed: name to folder.

    Such a package is a model folder with an ``__init__.py``, and names itself as the value of an entry
    point of the group "clipstr.models", the model's name being the entry point's.
    """
    from importlib.metadata import entry_points  # which takes longer than to find an embedded model

    found = embedded_models()
    for entry in entry_points(group=ENTRY_POINTS):
        package = importlib.util.find_spec(entry.value)  # which runs nothing of it
        if package is not None and package.origin is not None:
            found.setdefault(entry.name, Path(package.origin).parent)
    return found


def find_model(name: str | os.PathLike[str]) -> Path:
    """The folder of the installed model ``name``, or else the folder ``name`` itself.

    Raises `ModelNotFoundError`, which lists the installed ones, and `InputError` for what is no name and no
    path.
    """
    if not isinstance(name, (str, os.PathLike)) or not str(name):
        raise InputError(f"model is {name!r}; it must be the name of a model or the path of its folder")
    embedded, folder = embedded_models(), Path(name)
    if isinstance(name, str) and name in embedded:
        return embedded[name]
    if (folder / CONFIG_FILE).is_file():
        return folder
    installed = installed_models()  # looks through all packages, which takes a moment
    if str(name) in installed:
        return installed[str(name)]
    known = ", ".join(installed) or "none"
    if folder.is_dir():
        raise ModelNotFoundError(f"{folder}: no model there, it has no {CONFIG_FILE}")
    raise ModelNotFoundError(
        f"no model called {str(name)!r}: give a model folder, or an installed one ({known})"
    )
