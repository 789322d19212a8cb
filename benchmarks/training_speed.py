"""How many words a second training sees, and where a step's time goes.

    python benchmarks/training_speed.py --models tiny base clipocr

Of each recipe of recipes/ (rendered words alone) it measures, on the GPU if there is one:

- the workers alone: how many samples a second they prepare;
- a step alone, on samples that are there already, part by part, the device waited for after each part;
- training as `clipstr train` does it, and the share of a step in which it waits for samples.

The teacher of `clipocr` has CLIP's ViT-B/16 shape and first weights: what it says does not matter here.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from clipstr.files import write_json
from clipstr.teacher.architecture import named_architecture
from clipstr.teacher.weights import save_clip
from clipstr.training import Recipe, Step, Trainer, load_recipe
from clipstr.training.samples.stream import Words, loader
from clipstr.training.tasks.task import normalised

RECIPES = Path(__file__).resolve().parents[1] / "recipes"
FILES = {"tiny": "tiny.toml", "base": "baseline.toml", "clipocr": "clipocr.toml"}


class Silent:
    """Remembers the steps of a run."""

    def __init__(self) -> None:
        self.steps: list[Step] = []

    def doing(self, what: str) -> None:
        pass

    def stepped(self, step: Step) -> None:
        self.steps.append(step)

    def validated(self, step: Step, validation: object) -> None:
        pass

    def noted(self, message: str) -> None:
        pass


class Clock:
    """Sums of seconds by name, the device waited for."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.laps = device, dict[str, list[float]]()

    @contextmanager
    def lap(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        self.laps.setdefault(name, []).append(time.perf_counter() - began)


def recipe_of(name: str, options: argparse.Namespace, teacher: Path) -> Recipe:
    """The recipe, on rendered words, with the options' batch, precision and workers."""
    recipe = load_recipe(RECIPES / FILES[name])
    synthetic = replace(recipe.data.synthetic, easy_until=0.0, hard_from=0.0)  # as hard as they come
    data = replace(recipe.data, sources={}, validation=(), synthetic=synthetic, workers=options.workers)
    optimisation = replace(recipe.optimisation, batch_size=options.batch or recipe.optimisation.batch_size)
    run = replace(recipe.run, precision=options.precision, compile=options.compile, journals=())
    if recipe.teacher.weights:
        recipe = replace(recipe, teacher=replace(recipe.teacher, weights=str(teacher)))
    return replace(recipe, data=data, optimisation=optimisation, run=run)


def prepared(trainer: Trainer, seconds: float) -> float:
    """Samples a second that the workers prepare when nobody trains."""
    batches = loader(
        trainer.words,
        trainer.share,
        start=0,
        difficulty=lambda first: 1.0,
        workers=trainer.recipe.data.workers,
    )
    for _ in range(1 + 8 * trainer.recipe.data.workers):  # what was prepared while they started
        next(batches)
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        count += len(next(batches).texts)
    rate = count / (time.perf_counter() - began)
    batches.close()
    return rate


def step_parts(trainer: Trainer, words: Words, steps: int) -> dict[str, float]:
    """Median seconds of each part of a step on ``words``."""
    device, clock = trainer.fabric.device, Clock(trainer.fabric.device)
    share = torch.ones((), device=device)
    for _ in range(steps):
        with clock.lap("pictures to the device"):
            images = normalised(words.pixels.to(device), trainer.task.form.preprocessing)
        with clock.lap("tokens, and the teacher's stages"), trainer.fabric.autocast():
            inputs = trainer.task.inputs(images, words.texts, share, 1.0)
        with clock.lap("forward, projections and losses"):
            losses = trainer.module(*inputs)
        with clock.lap("backward"):
            trainer.fabric.backward(losses["total"])
        with clock.lap("clipping and AdamW"):
            trainer.fabric.clip_gradients(trainer.module, trainer.optimiser, max_norm=20.0)
            trainer.optimiser.step()
            trainer.optimiser.zero_grad()
    return {name: statistics.median(laps[2:]) for name, laps in clock.laps.items()}


def measure(name: str, options: argparse.Namespace, teacher: Path) -> dict[str, object]:
    """All figures of one recipe."""
    with tempfile.TemporaryDirectory() as folder:
        watcher = Silent()
        recipe = recipe_of(name, options, teacher)
        trainer = Trainer(recipe, Path(folder), observers=[watcher], resume=False, max_seconds=None)
        batch = recipe.optimisation.batch_size
        rate = prepared(trainer, options.seconds) if options.workers else float("nan")
        words = trainer.rehearse(options.steps)
        steps = watcher.steps[2:]
        took = [now.seconds - before.seconds for before, now in itertools.pairwise(steps)]
        trained = batch / statistics.median(took)
        waited = sum(step.waited for step in steps[1:]) / sum(took)
        parts = step_parts(trainer, words, options.steps)
    return {
        "recipe": name,
        "device": torch.cuda.get_device_name() if trainer.fabric.device.type == "cuda" else "cpu",
        "threads": torch.get_num_threads(),
        "workers": options.workers,
        "batch": batch,
        "precision": options.precision,
        "compile": options.compile,
        "prepared": rate,
        "step alone": batch / sum(parts.values()),
        "trained": trained,
        "waited": waited,
        "parts": parts,
    }


def shown(figures: dict[str, object], tell: Callable[[str], None] = print) -> None:
    """Prints the figures of one recipe."""
    parts: dict[str, float] = figures["parts"]  # type: ignore[assignment]
    whole = sum(parts.values())
    tell(
        f"{figures['recipe']}: batch {figures['batch']}, {figures['precision']}, {figures['device']}, "
        f"{figures['threads']} threads, {figures['workers']} workers"
    )
    tell(f"  prepared by the workers alone  {figures['prepared']:8.0f} samples/s")
    tell(f"  a step alone                   {figures['step alone']:8.0f} samples/s")
    tell(
        f"  training                       {figures['trained']:8.0f} samples/s, "
        f"{figures['waited']:.1%} waiting"
    )
    for name, seconds in parts.items():
        tell(f"    {name:36}{1000 * seconds:9.1f} ms {seconds / whole:6.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", choices=sorted(FILES), default=["tiny", "base", "clipocr"])
    parser.add_argument("--batch", type=int, default=0, help="words a step; 0: the recipe's")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10.0, help="for the workers alone")
    parser.add_argument("--precision", default="bf16-mixed")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        if "clipocr" in options.models:
            made = named_architecture("ViT-B-16-quickgelu")
            save_clip(made.build(), made, Path(folder), source={})
        for name in options.models:
            results.append(measure(name, options, Path(folder)))
            shown(results[-1])
    if options.json:
        write_json(options.json, results)


if __name__ == "__main__":
    main()
