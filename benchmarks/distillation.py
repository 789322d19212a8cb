"""Trains the same small recogniser with and without a teacher, some seeds each, and compares their readings.

    python benchmarks/distillation.py --teacher runs/teacher/best --out runs/distillation

Every run is `clipstr train` with recipes/tiny.toml, AdamW (or --optimiser) in the place of its Muon, its
samples cut to --samples, and the changes named in CONDITIONS; all conditions see the same samples in the same
order for a seed. What is compared is the accuracy on the recipe's validation sets at the end of the run, not
the best on the way. Finished runs are not made again: call it anew to go on, or with more seeds or
conditions.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IMAGE = ["distillation.decoder_stages=[]", "distillation.bridge=image"]
TEXT = ["distillation.encoder_stages=[]", "distillation.bridge=none"]
CONDITIONS: dict[str, list[str] | None] = {
    "baseline": None,
    "image": IMAGE,
    "text": TEXT,
    "both": [],
    "both, padding included": ["distillation.padding=include"],
    "both, within words": ["distillation.rows=word"],
    "both, L1": ["distillation.loss=l1"],
    "both, intra only": ["distillation.loss=intra"],
    "both, inter only": ["distillation.loss=inter"],
    "both, no bridge": ["distillation.bridge=none"],
}
RATES = {"adamw": 1.4e-3, "muon": 3e-3}


def changes(condition: str, seed: int, options: argparse.Namespace) -> list[str]:
    """What a run changes in the recipe."""
    common = [
        f"optimisation.optimiser={options.optimiser}",
        f"optimisation.learning_rate={RATES[options.optimiser]}",
        f"optimisation.samples={options.samples}",
        f"run.validate_every={options.samples}",
        "run.journals=[]",
        f"run.seed={seed}",
        f"data.seed={seed}",
        "data.workers=0",
    ]
    settings = CONDITIONS[condition]
    if settings is None:
        return common
    taught = [f"teacher.weights={options.teacher}", f"distillation.weight={options.weight}"]
    return common + taught + settings


def train(condition: str, seed: int, options: argparse.Namespace) -> None:
    """Makes one run, if it is not there yet."""
    folder = options.out / f"{condition.replace(', ', '-').replace(' ', '-')}-{seed}"
    if accuracies(folder):
        return
    options.out.mkdir(parents=True, exist_ok=True)
    resume = ["--resume"] if (folder / "last.ckpt").exists() else []
    sets = [f"--set={change}" for change in changes(condition, seed, options)]
    command = [sys.executable, "-m", "clipstr", "train", str(options.recipe), "--out", str(folder)]
    with folder.with_suffix(".log").open("a") as log:
        environment = os.environ | {"OMP_NUM_THREADS": str(options.threads)}
        subprocess.run(
            [*command, *sets, *resume], cwd=ROOT, env=environment, stdout=log, stderr=log, check=True
        )
    print(f"{condition}, seed {seed}: {accuracies(folder)['mean']:.1%}", flush=True)


def accuracies(folder: Path) -> dict[str, float]:
    """Accuracy by set at the end of the run in ``folder``; empty if it has not ended."""
    path = folder / "losses.jsonl"
    if not path.exists():
        return {}
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return next((line["accuracy"] for line in reversed(lines) if "accuracy" in line), {})


def rows(options: argparse.Namespace) -> Iterator[str]:
    """The table, a line for each condition."""
    found = {
        condition: [
            accuracies(options.out / f"{condition.replace(', ', '-').replace(' ', '-')}-{seed}")
            for seed in range(options.seeds)
        ]
        for condition in options.conditions
    }
    names = sorted({name for runs in found.values() for run in runs for name in run} - {"mean"})
    yield f"| | {' | '.join(names)} | all | standard error | seeds |"
    yield "|---" * (len(names) + 4) + "|"
    for condition, runs in found.items():
        made = [run for run in runs if run]
        if not made:
            continue
        means = [f"{100 * statistics.mean(run[name] for run in made):.1f}" for name in (*names, "mean")]
        spread = statistics.stdev(run["mean"] for run in made) if len(made) > 1 else float("nan")
        yield f"| {condition} | {' | '.join(means)} | {100 * spread / len(made) ** 0.5:.2f} | {len(made)} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--teacher", type=Path, required=True, help="weights of the teacher")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the runs")
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes" / "tiny.toml")
    parser.add_argument("--samples", type=int, default=48_000)
    parser.add_argument("--optimiser", choices=list(RATES), default="adamw")
    parser.add_argument("--weight", type=float, default=1.0, help="distillation.weight")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--conditions", nargs="+", default=list(CONDITIONS)[:4], choices=list(CONDITIONS))
    parser.add_argument("--parallel", type=int, default=2, help="runs at a time")
    parser.add_argument("--threads", type=int, default=1, help="of each run")
    options = parser.parse_args()
    with ThreadPoolExecutor(options.parallel) as pool:
        jobs = [
            pool.submit(train, condition, seed, options)
            for seed in range(options.seeds)
            for condition in options.conditions
        ]
        for job in jobs:
            job.result()
    print("\n".join(rows(options)))


if __name__ == "__main__":
    main()
