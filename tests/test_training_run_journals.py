"""Journals: what a run tells is what is read back from them, and their failures stay theirs."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clipstr.errors import MissingExtraError, TrainingError
from clipstr.training import Outcome, SampleReading, Step, Validation
from clipstr.training.run.journals import Journal, open_journal
from runs import bars_recipe, run

PICTURE = np.full((32, 128, 3), 200, np.uint8)


def step(samples: int) -> Step:
    losses = {"total": 3.0 / samples, "encoder 1 ~ image 1": 0.5}
    return Step(
        samples=samples, seconds=samples / 10, waited=0.25, progress=0.5, learning_rate=1e-3, losses=losses
    )


def reading(label: str, text: str) -> SampleReading:
    return SampleReading(picture=PICTURE, label=label, text=text, confidence=0.75)


VALIDATION = Validation(
    accuracy={"IC13": 0.5, "mine (ü)": 0.0, "mean": 0.25}, readings=(reading("word", "ward"),)
)
END = Outcome(samples=20, seconds=2.0, best=0.25, finished=True)


def events(folder: Path) -> dict[str, list[tuple[int, float]]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(folder / "tensorboard"))
    read.Reload()
    return {name: [(e.step, e.value) for e in read.Scalars(name)] for name in read.Tags()["scalars"]}


def write(name: str, folder: Path, *, samples: int = 0, end: Outcome = END) -> list[str]:
    complaints: list[str] = []
    journal = open_journal(
        name, folder, run_name="trial", settings={"a": 1}, samples=samples, complain=complaints.append
    )
    for number in (samples + 10, samples + 20):
        journal.stepped(step(number))
    journal.validated(step(samples + 20), VALIDATION)
    journal.close(end)
    return complaints


def test_tensorboard_holds_every_value_by_samples(tmp_path: Path) -> None:
    assert write("tensorboard", tmp_path) == []
    found = events(tmp_path)
    assert found["loss/total"] == [(10, pytest.approx(0.3)), (20, pytest.approx(0.15))]
    assert found["loss/encoder 1 ~ image 1"] == [(10, 0.5), (20, 0.5)]
    assert found["samples_per_second"] == [(20, pytest.approx(10.0))]
    assert found["waited_for_data"] == [(10, 0.25), (20, 0.25)]
    assert found["accuracy/IC13"] == [(20, 0.5)]


def test_the_recipe_and_the_readings_are_in_tensorboard(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    write("tensorboard", tmp_path)
    read = EventAccumulator(str(tmp_path / "tensorboard"))
    read.Reload()
    assert b'"a": 1' in read.Tensors("recipe/text_summary")[0].tensor_proto.string_val[0]
    (picture,) = read.Images("readings")
    assert (picture.step, picture.width, picture.height) == (20, 1074, 120)


def test_the_time_of_a_validation_is_no_part_of_the_speed(tmp_path: Path) -> None:
    journal = open_journal("tensorboard", tmp_path, run_name="a", settings={}, samples=0, complain=print)
    journal.stepped(step(10))
    journal.stepped(step(20))
    journal.validated(step(20), VALIDATION)
    for samples in (30, 40):
        journal.stepped(replace(step(samples), seconds=100 + samples / 10))
    journal.close(END)
    speeds = events(tmp_path)["samples_per_second"]
    assert speeds == [(20, pytest.approx(10.0)), (40, pytest.approx(10.0))]


def test_a_resumed_run_replaces_what_came_after_its_checkpoint(tmp_path: Path) -> None:
    write("tensorboard", tmp_path)
    write("tensorboard", tmp_path, samples=10)
    assert [samples for samples, _ in events(tmp_path)["loss/total"]] == [10, 20, 30]


def test_a_real_run_is_written_as_it_was_told(crops: Path, tmp_path: Path) -> None:
    recipe = bars_recipe(crops, samples=48)
    recipe = replace(recipe, run=replace(recipe.run, journals=("tensorboard",), log_every=2))
    watcher, _ = run(recipe, tmp_path / "run")
    found = events(tmp_path / "run")
    told = {step.samples: step.losses["total"] for step in watcher.steps}
    assert [samples for samples, _ in found["loss/total"]] == [8, 24, 40]
    for samples, value in found["loss/total"]:
        assert value == pytest.approx(told[samples], rel=1e-6)
    assert found["accuracy/mean"] == [(48, pytest.approx(watcher.validations[0].accuracy["mean"]))]


class Broken:
    """A backend whose disk is full."""

    def numbers(self, values: Mapping[str, float], samples: int) -> None:
        raise OSError("no space left")

    def picture(self, name: str, pixels: np.ndarray, samples: int) -> None:
        raise OSError("no space left")

    def close(self, outcome: Outcome | None) -> None:
        raise OSError("no space left")


def test_a_journal_that_fails_is_told_once_and_dropped() -> None:
    complaints: list[str] = []
    journal = Journal("tensorboard", Broken(), complaints.append)
    journal.stepped(step(10))
    journal.stepped(step(20))
    journal.validated(step(20), VALIDATION)
    journal.close(None)
    assert complaints == ["tensorboard is no longer written: no space left"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # TensorBoard's writer
def test_a_folder_that_is_lost_ends_tensorboard_and_not_the_training(tmp_path: Path) -> None:
    complaints: list[str] = []
    journal = open_journal(
        "tensorboard", tmp_path, run_name="a", settings={}, samples=0, complain=complaints.append
    )
    journal.validated(step(10), VALIDATION)  # all of it on disk
    shutil.rmtree(tmp_path / "tensorboard")
    (tmp_path / "tensorboard").write_text("in its place")
    for samples in (20, 30):
        journal.stepped(step(samples))
        journal.validated(step(samples), VALIDATION)
    journal.close(END)
    (complaint,) = complaints
    assert complaint.startswith("tensorboard is no longer written")


def test_a_journal_that_cannot_be_begun_is_told_before_the_training(tmp_path: Path) -> None:
    (tmp_path / "tensorboard").write_text("in its place")
    with pytest.raises(TrainingError, match=r"run\.journals names tensorboard, which cannot be begun"):
        write("tensorboard", tmp_path)


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_missing_package_is_named_before_the_training(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=f"pip install {name}"):
        write(name, tmp_path)


def test_wandb_writes_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    assert write("wandb", tmp_path) == []
    (file,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    content = file.read_bytes()
    for name, value in {"loss/total": 0.15, "accuracy/IC13": 0.5, "learning_rate": 0.001}.items():
        assert re.search(re.escape(name.encode()) + rb".{1,4}" + str(value).encode(), content, re.DOTALL)
    assert list(tmp_path.glob("wandb/offline-run-*/files/media/images/readings_*.png"))
    first = (tmp_path / "wandb-run.txt").read_text(encoding="utf-8")
    assert write("wandb", tmp_path, samples=10) == []
    assert (tmp_path / "wandb-run.txt").read_text(encoding="utf-8") == first


def test_mlflow_writes_into_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "store").as_uri())
    assert write("mlflow", tmp_path) == []
    assert write("mlflow", tmp_path, samples=20, end=replace(END, finished=False)) == []
    client = mlflow.MlflowClient()
    (experiment,) = [e for e in client.search_experiments() if e.name == "clipstr"]
    (found,) = client.search_runs([experiment.experiment_id])
    history = client.get_metric_history(found.info.run_id, "loss/total")
    assert [(m.step, m.value) for m in history] == [(n, pytest.approx(3 / n)) for n in (10, 20, 30, 40)]
    assert found.data.metrics["loss/encoder 1 - image 1"] == 0.5
    assert found.data.metrics["accuracy/mine ---"] == 0.0  # MLflow allows no such signs
    assert found.info.status == "KILLED"
    files = {file.path for file in client.list_artifacts(found.info.run_id)}
    assert files == {"recipe.json", "readings-20.png", "readings-40.png"}


def test_the_recipe_is_written_beside(crops: Path, tmp_path: Path) -> None:
    recipe = bars_recipe(crops, samples=8)
    run(recipe, tmp_path / "run")
    assert json.loads((tmp_path / "run" / "recipe.json").read_text(encoding="utf-8"))["name"] == "bars"
