"""The learning curve of docs/finetune.md: the embedded model learns prices from 100 to 2,000 pictures.

    python benchmarks/finetuning.py --out runs/prices --plot docs/finetune.png

Each run is `clipstr train recipes/finetune.toml`, on the first so many of the same pictures; what is judged
is the model at the end of the run, on 500 other prices and on 500 words such as it knew before. Finished
runs are not made again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "examples"))

from prices import CHARACTERS  # noqa: E402

from clipstr.experiments import Cell, Experiment  # noqa: E402
from clipstr.experiments import train as train_cell  # noqa: E402

SIZES = (0, 100, 300, 1000, 2000)


def call(*command: str | Path) -> None:
    subprocess.run([sys.executable, *map(str, command)], cwd=ROOT, check=True)


def prepare(out: Path) -> None:
    """The pictures: prices to learn from and to be judged on, and words to be judged on."""
    if (out / "words").exists():
        return
    call("examples/prices.py", out / "val" / "prices", "--count", "500", "--seed", "1")
    for size in SIZES[1:]:
        call("examples/prices.py", out / f"train-{size}", "--count", str(size))
    call("-m", "clipstr", "synth", out / "words", "--count", "500", "--seed", "99")


def train(out: Path, size: int, samples: int, *, mixed: bool) -> dict[str, float]:
    """The accuracies at the end of a run on ``size`` pictures, with or without rendered words beside."""
    changes = [
        "start.model=tiny",
        f"student.characters='{CHARACTERS}'",
        f"data.validation=['{out / 'val'}', '{out / 'words'}']",
        f"data.sources.mine.paths={out / f'train-{size or 100}'}",
        f"optimisation.samples={samples if size else 64}",
        f"run.validate_every={samples}",
    ]
    if not size:  # the model as it starts, but for one step that hardly moves it
        changes.append("optimisation.learning_rate=1e-12")
    if not mixed:
        changes.append("data.synthetic.weight=0")
    arguments = ["train", str(ROOT / "recipes/finetune.toml"), *(f"--set={change}" for change in changes)]
    name = f"run-{size}" if mixed else f"run-{size}-alone"
    run = Cell(
        name=name, key={"changes": changes}, make=lambda turn: train_cell(arguments, turn, quiet=False)
    )
    return Experiment(out).finish([run])[0]


def draw(curve: dict[int, dict[str, float]], path: Path) -> None:
    """The curve as a picture."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 3.6), layout="constrained")
    for name, label in (("prices", "prices"), ("words", "words, as before")):
        axes.plot(range(len(curve)), [100 * curve[size][name] for size in curve], marker="o", label=label)
    axes.set_xticks(range(len(curve)), [f"{size:,}" for size in curve])
    axes.set_xlabel("labelled pictures of prices")
    axes.set_ylabel("read right, %")
    axes.set_ylim(0, 100)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=24_000, help="that each run sees")
    parser.add_argument("--plot", type=Path, help="draw the curve here (needs matplotlib)")
    options = parser.parse_args()
    out = options.out.resolve()
    prepare(out)
    curve = {size: train(out, size, options.samples, mixed=True) for size in SIZES}
    curve_alone = train(out, SIZES[-1], options.samples, mixed=False)
    print("| pictures | prices | words |\n|---:|---:|---:|")
    for size, accuracy in curve.items():
        print(f"| {size:,} | {accuracy['prices']:.1%} | {accuracy['words']:.1%} |")
    print(f"| {SIZES[-1]:,}, no words beside | {curve_alone['prices']:.1%} | {curve_alone['words']:.1%} |")
    if options.plot:
        draw(curve, options.plot)


if __name__ == "__main__":
    main()
