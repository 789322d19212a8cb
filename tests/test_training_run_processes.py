"""Training as real commands: several processes, a Ctrl-C, a full disk, a data file cut short."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import save_file

import clips
from clipstr.student import Recogniser
from clipstr.student.storage import save_recogniser
from clipstr.teacher import TeacherConfig
from clipstr.training import (
    ClipSettings,
    Optimisation,
    Recipe,
    RunSettings,
    SoftLabelSettings,
    TeacherRecipe,
)
from clipstr.training.recipe import plain_recipe
from clipstr.training.run.checkpoint import load_checkpoint
from killing import sha256
from runs import STUDENT, bars, bars_recipe

TRAIN = [sys.executable, "-m", "clipstr", "train"]


def write(recipe: Recipe, folder: Path) -> Path:
    path = folder / "recipe.json"
    path.write_text(json.dumps(plain_recipe(recipe)), encoding="utf-8")
    return path


def train(
    arguments: list[str], command: list[str] = TRAIN, **options: object
) -> subprocess.CompletedProcess[str]:
    """The finished command."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [*command, *arguments],
        env=environment,
        timeout=300,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def losses(folder: Path) -> list[dict[str, float]]:
    lines = (folder / "losses.jsonl").read_text(encoding="utf-8").splitlines()
    return [line["losses"] for line in map(json.loads, lines) if "losses" in line]


@pytest.fixture
def fifty(crops: Path, tmp_path: Path) -> Recipe:
    """50 steps with soft labels, each in the log; no batch norms, which on CPUs see one process's words."""
    recipe = bars_recipe(crops, samples=400, batch_size=8)
    student = replace(STUDENT, stem="patch")
    save_recogniser(Recogniser(student), tmp_path / "better", name="better", source={})
    return replace(
        recipe,
        student=student,
        soft_labels=SoftLabelSettings(model=str(tmp_path / "better")),
        run=replace(recipe.run, log_every=1),
    )


def test_two_processes_have_the_losses_of_one(fifty: Recipe, tmp_path: Path) -> None:
    path = str(write(fifty, tmp_path))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    runs = [
        train([path, "--out", str(tmp_path / "one")]),
        train([path, "--out", str(tmp_path / "two"), "--set", "run.devices=2"]),
        train(
            [path, "--out", str(tmp_path / "parts"), "--set", "optimisation.accumulate=2"],
            [*torchrun, "-m", "clipstr", "train"],
        ),
    ]
    assert [done.returncode for done in runs] == [0, 0, 0], [done.stderr for done in runs]
    one = losses(tmp_path / "one")
    assert len(one) == 50
    assert one[0].keys() == {"recognition", "soft labels", "ctc", "total"}
    for name in ("two", "parts"):
        for mine, theirs in zip(losses(tmp_path / name), one, strict=True):
            assert mine == pytest.approx(theirs, abs=1e-4)


def test_two_processes_have_the_losses_of_one_with_a_teacher_too(fifty: Recipe, tmp_path: Path) -> None:
    """Rows of both processes meet in the consistency loss; padding differs from process to process."""
    described = clips.architecture(tmp_path)
    save_file(clips.weights(described), tmp_path / "w.safetensors")
    teacher = TeacherConfig(
        weights=str(tmp_path / "w.safetensors"),
        architecture=str(tmp_path / "clip.json"),
        positions="interpolate",
    )
    recipe = replace(fifty, teacher=teacher, optimisation=replace(fifty.optimisation, samples=80))
    path = str(write(recipe, tmp_path))
    one = train([path, "--out", str(tmp_path / "one")])
    two = train([path, "--out", str(tmp_path / "two"), "--set", "run.devices=2"])
    assert (one.returncode, two.returncode) == (0, 0), one.stderr + two.stderr
    mine, theirs = losses(tmp_path / "two"), losses(tmp_path / "one")
    assert len(mine) == 10
    assert sum("~" in name for name in mine[0]) == 7
    for ours, alone in zip(mine, theirs, strict=True):
        assert ours == pytest.approx(alone, rel=1e-4, abs=1e-4)


def test_a_teacher_is_trained_by_two_processes(crops: Path, tmp_path: Path) -> None:
    """Their texts differ in length, and so does what each cuts of CLIP's mask."""
    clips.architecture(tmp_path)
    recipe = TeacherRecipe(
        clip=ClipSettings(architecture=str(tmp_path / "clip.json"), characters="abc", max_length=2),
        data=bars(crops),
        optimisation=Optimisation(samples=64, batch_size=8),
        run=RunSettings(precision="32-true", devices=2, log_every=1, journals=()),
    )
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(plain_recipe(recipe)), encoding="utf-8")
    command = [sys.executable, "-m", "clipstr", "teacher", "train"]
    done = train([str(path), "--out", str(tmp_path / "run")], command)
    assert done.returncode == 0, done.stderr
    assert len(losses(tmp_path / "run")) == 8


def test_ctrl_c_saves_and_says_how_to_go_on(fifty: Recipe, tmp_path: Path) -> None:
    endless = replace(fifty, optimisation=replace(fifty.optimisation, samples=8_000_000))
    path, out = str(write(endless, tmp_path)), tmp_path / "run"
    arguments = [path, "--out", str(out), "--max-time", "40s"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [*TRAIN, *arguments], env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        while not (out / "losses.jsonl").exists() and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 3
    line = next(line for line in told.splitlines() if line.startswith("interrupted"))
    assert line == f"interrupted; go on with: clipstr train {' '.join(arguments)} --resume"
    assert load_checkpoint(out / "last.ckpt").samples == 8 * len(losses(out))


def test_a_full_disk_is_told_and_the_last_checkpoint_is_whole(fifty: Recipe, tmp_path: Path) -> None:
    """A limit on the size of files fails the write half-way, as a full disk does."""
    path, out = str(write(fifty, tmp_path)), tmp_path / "run"
    short = ["--set", "run.log_every=1000000", "--set", "run.validate_every=1000000"]
    assert train([path, "--out", str(out), *short, "--max-time", "1s"]).returncode == 0
    before = sha256(out)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    again = [path, "--out", str(out), *short, "--resume", "--max-time", "600s"]
    done = train([*again, "--set", "run.checkpoint_every=0.1"], preexec_fn=limit)
    assert done.returncode == 1, done.stderr
    assert "cannot be written, the disk may be full" in done.stderr
    assert "Traceback" not in done.stderr
    assert sha256(out) == before
    assert not list(out.glob("*.new"))


def test_a_data_file_cut_short_is_told_before_training(crops: Path, tmp_path: Path) -> None:
    shutil.copytree(crops, tmp_path / "crops")
    data = tmp_path / "crops" / "train" / "bars" / "data.mdb"
    data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])
    done = train([str(write(bars_recipe(tmp_path / "crops"), tmp_path)), "--out", str(tmp_path / "run")])
    assert done.returncode == 1
    assert "is cut short" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run" / "last.ckpt").exists()
