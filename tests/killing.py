"""Kills real runs again and again and looks whether anything is lost.

    python tests/killing.py --kills 300 --workers 2

The tests do the same with fewer kills. A killed run must leave a whole checkpoint each time, and in the end
the weights, to the bit, and the log of the run that nobody killed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import random
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from clipstr.student.storage import load_recogniser
from clipstr.training import Recipe, SourceSettings, SyntheticSettings
from clipstr.training.run.checkpoint import load_checkpoint
from runs import STUDENT, Watcher, bars_recipe, new_trainer, run, write_bars


@dataclass(frozen=True)
class Survival:
    """What a run was after it was killed so many times, and what it should be."""

    kills: int
    weights: str  # SHA-256
    expected_weights: str
    log: list[dict[str, object]]  # without times
    expected_log: list[dict[str, object]]

    @property
    def lost_nothing(self) -> bool:
        return self.weights == self.expected_weights and self.log == self.expected_log


def sha256(folder: Path) -> str:
    """The weights of a run's checkpoint as one number."""
    digest = hashlib.sha256()
    for name, value in sorted(load_checkpoint(folder / "last.ckpt").learner.items()):
        digest.update(name.encode() + value.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def log(folder: Path) -> list[dict[str, object]]:
    """A run's log but for its times."""
    lines = [json.loads(line) for line in (folder / "losses.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in ("seconds", "waited")} for line in lines]


def lasting_recipe(crops: Path, *, steps: int, workers: int) -> Recipe:
    """A run of ``steps`` steps of all that a run can have: two sources, augmentation, dropout, an average."""
    recipe = bars_recipe(crops, samples=8 * steps, average=0.9)
    source = SourceSettings(paths=(str(crops / "train"),), augment="camera")
    return replace(
        recipe,
        student=replace(STUDENT, dropout=0.1),
        data=replace(
            recipe.data, sources={"bars": source}, synthetic=SyntheticSettings(weight=0.2), workers=workers
        ),
        run=replace(recipe.run, log_every=1, validate_every=64, checkpoint_every=0.05, threads=1),
    )


def _go_on(recipe: Recipe, folder: Path) -> None:
    resume = (folder / "last.ckpt").exists()
    new_trainer(recipe, folder, Watcher(), resume=resume).run()


def killed(recipe: Recipe, folder: Path, *, kills: int, seed: int = 0) -> Survival:
    """The run of ``recipe``, made once in peace and once with ``kills`` kills at random moments."""
    run(recipe, folder / "peace")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["runs", "killing"])
    chance, done, victim = random.Random(seed), 0, folder / "killed"
    longest, reached = 0.5, 0
    while True:
        process = context.Process(target=_go_on, args=(recipe, victim))
        process.start()
        process.join(chance.uniform(0, longest) if done < kills else None)
        if process.exitcode == 0:
            break
        if process.exitcode is not None:
            raise RuntimeError(f"the run failed by itself, with status {process.exitcode}")
        process.kill()
        process.join()
        done += 1
        # Long enough that most lives get somewhere, short enough that many are needed.
        longest = min(longest * 1.3, 20) if _reached(victim) == reached else max(longest * 0.85, 0.3)
        reached = _reached(victim)
    load_recogniser(victim / "best")
    return Survival(done, sha256(victim), sha256(folder / "peace"), log(victim), log(folder / "peace"))


def _reached(folder: Path) -> int:
    """The samples in the checkpoint, which must be whole."""
    path = folder / "last.ckpt"
    return load_checkpoint(path).samples if path.exists() else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, started = Path(name), time.monotonic()
        recipe = lasting_recipe(write_bars(folder / "crops"), steps=options.steps, workers=options.workers)
        survival = killed(recipe, folder, kills=options.kills, seed=options.seed)
    verdict = "nothing lost" if survival.lost_nothing else "LOST"
    print(f"{survival.kills} kills, {options.workers} workers, {time.monotonic() - started:.0f} s: {verdict}")
    raise SystemExit(0 if survival.lost_nothing else 1)


if __name__ == "__main__":
    main()
