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
import statistics
from collections.abc import Iterator
from pathlib import Path

from clipstr.experiments import Cell, Experiment, train

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


def run(condition: str, seed: int, options: argparse.Namespace) -> Cell:
    """One run of ``condition``."""
    changed = changes(condition, seed, options)
    arguments = ["train", str(options.recipe), *(f"--set={change}" for change in changed)]
    return Cell(
        name=f"{condition} {seed}",
        key={"recipe": options.recipe.read_text(encoding="utf-8"), "changes": changed},
        make=lambda turn: train(arguments, turn, threads=options.threads),
    )


def rows(found: dict[str, list[dict[str, float]]]) -> Iterator[str]:
    """The table, a line for each condition, of the accuracies of its runs."""
    names = sorted({name for runs in found.values() for run in runs for name in run} - {"mean"})
    yield f"| | {' | '.join(names)} | all | standard error | seeds |"
    yield "|---" * (len(names) + 4) + "|"
    for condition, runs in found.items():
        means = [f"{100 * statistics.mean(run[name] for run in runs):.1f}" for name in (*names, "mean")]
        spread = statistics.stdev(run["mean"] for run in runs) if len(runs) > 1 else float("nan")
        yield f"| {condition} | {' | '.join(means)} | {100 * spread / len(runs) ** 0.5:.2f} | {len(runs)} |"


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
    places = [(condition, seed) for seed in range(options.seeds) for condition in options.conditions]
    cells = [run(condition, seed, options) for condition, seed in places]
    made = Experiment(options.out).finish(
        cells,
        parallel=options.parallel,
        told=lambda cell, read: print(f"{cell.name}: {read['mean']:.1%}", flush=True),
    )
    found: dict[str, list[dict[str, float]]] = {condition: [] for condition in options.conditions}
    for (condition, _), read in zip(places, made, strict=True):
        found[condition].append(read)
    print("\n".join(rows(found)))


if __name__ == "__main__":
    main()
