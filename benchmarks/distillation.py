"""Trains the same small recogniser with and without a teacher, some seeds each, and compares their readings.

    python benchmarks/distillation.py --teacher runs/teacher/best --out runs/distillation

Every run is `clipstr train` with recipes/tiny.toml, its samples cut to --samples, and a [distillation]
section as named in CONDITIONS; all conditions see the same samples in the same order for a seed. What is
compared is the accuracy on the recipe's validation sets at the end of the run, not the best on the way.
Finished runs are not made again: call it anew to go on, or with more seeds or conditions.
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
IMAGE = 'decoder_stages = []\nbridge = "image"'
TEXT = 'encoder_stages = []\nbridge = "none"'
CONDITIONS: dict[str, str | None] = {
    "baseline": None,
    "image": IMAGE,
    "text": TEXT,
    "both": "",
    "both, padding included": 'padding = "include"',
    "both, within words": 'rows = "word"',
    "both, L1": 'loss = "l1"',
    "both, intra only": 'loss = "intra"',
    "both, inter only": 'loss = "inter"',
    "both, no bridge": 'bridge = "none"',
}


def recipe(condition: str, seed: int, options: argparse.Namespace) -> str:
    """The TOML of one run."""
    lines = options.recipe.read_text(encoding="utf-8").splitlines()
    given = {
        "samples": options.samples,
        "validate_every": options.samples,
        "workers": 0,
        "synthetic_share": options.synthetic_share,
    }
    changed = [
        f"{key} = {given[key]}" if (key := line.partition(" = ")[0]) in given else line for line in lines
    ]
    text = "\n".join(changed)
    text = text.replace("[data]\n", f"[data]\nseed = {seed}\n").replace("[run]\n", f"[run]\nseed = {seed}\n")
    settings = CONDITIONS[condition]
    if settings is None:
        return text + "\n"
    weight = f"weight = {options.weight}\n" if options.weight != 1 else ""
    return f'{text}\n\n[teacher]\nweights = "{options.teacher}"\n\n[distillation]\n{weight}{settings}\n'


def train(condition: str, seed: int, options: argparse.Namespace) -> None:
    """Makes one run, if it is not there yet."""
    folder = options.out / f"{condition.replace(', ', '-').replace(' ', '-')}-{seed}"
    if accuracies(folder):
        return
    options.out.mkdir(parents=True, exist_ok=True)
    path = folder.with_suffix(".toml")
    path.write_text(recipe(condition, seed, options), encoding="utf-8")
    resume = ["--resume"] if (folder / "last.ckpt").exists() else []
    command = [sys.executable, "-m", "clipstr", "train", str(path), "--out", str(folder), *resume]
    with folder.with_suffix(".log").open("a") as log:
        environment = os.environ | {"OMP_NUM_THREADS": str(options.threads)}
        subprocess.run(command, cwd=ROOT, env=environment, stdout=log, stderr=log, check=True)
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
    parser.add_argument("--synthetic-share", type=float, default=0.8)
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
