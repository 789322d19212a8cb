"""What `import clipstr` gives, and what it does not bring along."""

from __future__ import annotations

import importlib.metadata
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import clipstr
import toy
from clipstr import errors
from clipstr.models import DEFAULT_MODEL

ROOT = Path(__file__).resolve().parents[1]
TRAINING_ONLY = {"torch", "torchvision", "timm", "lightning", "cv2", "onnx", "safetensors"}


def modules_after(program: str, *arguments: str) -> set[str]:
    """The top-level modules that a new Python has loaded at the end of ``program``."""
    program += (
        "\nimport json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_reading_takes_the_default_model_without_loading_its_module() -> None:
    for does in (clipstr.read, clipstr.scan):
        assert inspect.signature(does).parameters["model"].default == DEFAULT_MODEL


def test_the_public_names_are_these() -> None:
    assert clipstr.__all__ == [
        "Candidate",
        "CharacterReading",
        "CharsetError",
        "ClipstrError",
        "DataError",
        "Detector",
        "ImageError",
        "InputError",
        "LexiconError",
        "Line",
        "Match",
        "MissingExtraError",
        "ModelError",
        "Outcome",
        "Reader",
        "Reading",
        "Region",
        "Scene",
        "SceneOutcome",
        "SceneReader",
        "Word",
        "WordReader",
        "__version__",
        "read",
        "scan",
    ]
    assert all(getattr(clipstr, name) is not None for name in clipstr.__all__)
    assert dir(clipstr) == sorted(clipstr.__all__)
    with pytest.raises(AttributeError, match="Raeder"):
        clipstr.Raeder  # noqa: B018


def test_every_error_of_the_tree_is_one_of_ours() -> None:
    assert all(issubclass(getattr(errors, name), clipstr.ClipstrError) for name in errors.__all__)


def test_the_version_is_the_packages() -> None:
    assert importlib.metadata.version("clipstr") == clipstr.__version__


def test_importing_brings_neither_torch_nor_onnx_runtime() -> None:
    loaded = modules_after("import clipstr")
    assert "clipstr" in loaded
    assert not loaded & (TRAINING_ONLY | {"onnxruntime", "typer", "rich", "lmdb"})


def test_reading_brings_onnx_runtime_and_nothing_of_training(toy_model: Path, tmp_path: Path) -> None:
    toy.spelled("face").save(tmp_path / "face.png")
    program = (
        "import sys, clipstr\n"
        "assert clipstr.read(sys.argv[1], model=sys.argv[2]).text == 'face'\n"
        "assert clipstr.read([sys.argv[1]], model=sys.argv[2], lexicon=['fade'])[0].text == 'fade'"
    )
    loaded = modules_after(program, str(tmp_path / "face.png"), str(toy_model))
    assert "onnxruntime" in loaded
    assert not loaded & (TRAINING_ONLY | {"typer", "rich", "lmdb"})


def test_the_read_command_and_every_help_work_where_training_packages_are_missing(
    toy_model: Path, tmp_path: Path
) -> None:
    toy.spelled("face").save(tmp_path / "face.png")
    program = f"""
import sys
for name in {sorted(TRAINING_ONLY)}:
    sys.modules[name] = None  # importing it fails
from clipstr.cli.main import VERBS, app
for words in [["--help"], *([verb.name, "--help"] for verb in VERBS),
              ["read", sys.argv[1], "--model", sys.argv[2]], ["models"]]:
    try:
        app(words)
    except SystemExit as exit:
        assert not exit.code, words
for name in {sorted(TRAINING_ONLY)}:
    del sys.modules[name]
"""
    assert not modules_after(program, str(tmp_path / "face.png"), str(toy_model)) & TRAINING_ONLY


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "src" / "clipstr" / "py.typed").is_file()
