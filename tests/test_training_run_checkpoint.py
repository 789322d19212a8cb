"""A run's state on disk: what was saved comes back, damage is told, and a log ends where the state does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from clipstr.errors import TrainingError
from clipstr.tensors import save_pickled
from clipstr.training.run import checkpoint as module
from clipstr.training.run.checkpoint import Checkpoint, cut_log, load_checkpoint, save_checkpoint

STATE = Checkpoint(
    learner={"weight": torch.arange(3.0)},
    optimiser={"step": 7},
    precision={"scale": 2.0},
    average={"weight": torch.ones(3)},
    samples=96,
    seconds=1.5,
    best=-1.0,
    recipe={"run": {"seed": 1}},
)


def plain(state: Checkpoint) -> dict[str, Any]:
    """All fields of ``state``, tensors as lists."""
    fields = {name: getattr(state, name) for name in Checkpoint.__dataclass_fields__}
    tensors = ("learner", "average")
    return fields | {name: {key: value.tolist() for key, value in fields[name].items()} for name in tensors}


def test_every_field_comes_back_and_the_newest_state_counts(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    save_checkpoint(replace(STATE, samples=32), path)
    save_checkpoint(STATE, path)
    assert plain(load_checkpoint(path)) == plain(STATE)
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]


def test_a_state_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"last\.ckpt: there is no checkpoint to resume from"):
        load_checkpoint(tmp_path / "last.ckpt")


@pytest.mark.parametrize("change", ["cut", "a field more", "a field less", "no fields"])
def test_a_damaged_state_is_told(tmp_path: Path, change: str) -> None:
    path = tmp_path / "last.ckpt"
    fields = {name: getattr(STATE, name) for name in Checkpoint.__dataclass_fields__}
    if change == "a field more":
        fields["more"] = 1
    elif change == "a field less":
        del fields["best"]
    save_pickled(path, {} if change == "no fields" else fields)
    if change == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(TrainingError, match=r"last\.ckpt: the checkpoint is damaged: "):
        load_checkpoint(path)


@pytest.mark.parametrize("error", [OSError("no room"), RuntimeError("PytorchStreamWriter failed")])
def test_a_state_that_cannot_be_written_is_told_and_the_last_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    path = tmp_path / "last.ckpt"
    save_checkpoint(STATE, path)

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(module, "save_pickled", fail)
    with pytest.raises(TrainingError, match="the disk may be full: .*the last one is whole"):
        save_checkpoint(replace(STATE, samples=1), path)
    assert load_checkpoint(path).samples == 96


def test_a_log_ends_with_the_last_line_that_the_state_knows(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    kept = '{"samples": 32, "loss": 1}\n{"samples": 64}\n{"samples": 96, "word": "\u00fc\u2028"}\n'
    broken = '{"loss": 2}\n[3]\n{"samples": "many"}\n{"samples": null}\nnot json\n'
    log.write_text(broken + kept + '{"samples": 97}\n{"samples": 128}\n{"sampl', encoding="utf-8")
    cut_log(log, 96)
    assert log.read_text(encoding="utf-8") == kept
    cut_log(log, 0)
    assert log.read_text(encoding="utf-8") == ""


def test_a_log_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    cut_log(tmp_path / "log.jsonl", 96)
    assert list(tmp_path.iterdir()) == []
