"""What a teacher costs a training step, part by part, and what the cache of text features saves.

    python benchmarks/distillation_cost.py

The step is `base`'s with a batch of 32 (forward, backward, optimiser) beside the same step taught by a
CLIP ViT-B/16 (first weights: what it says does not matter here, only how long it takes). Both are made
alternately in one process and the medians are compared, since machines are noisy. Labels are drawn by
the frequencies of --labels, a data set's own (one label a line), or else of the renderer's words.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from clipstr.distil import Distillation, SymmetricalDistillation
from clipstr.form import Preprocessing
from clipstr.student import BASE, Recogniser
from clipstr.synth import SynthConfig, WordRenderer
from clipstr.teacher import Guidance, Teacher, TeacherConfig
from clipstr.teacher.architecture import named_architecture
from clipstr.teacher.weights import save_clip
from clipstr.training.tasks.objective import Learner, make_batch
from clipstr.training.tasks.recognition import pair_sizes


def labels_of(options: argparse.Namespace, count: int) -> list[str]:
    """``count`` labels in a random order that keeps their frequencies."""
    rng = np.random.default_rng(0)
    if options.labels:
        given = [BASE.charset.fold(line) for line in options.labels.read_text(encoding="utf-8").splitlines()]
        given = [label for label in given if 0 < len(label) <= BASE.max_length]
        return [given[i] for i in rng.permutation(np.arange(count) % len(given))]
    renderer = WordRenderer(SynthConfig(characters=BASE.characters, max_length=BASE.max_length))
    return [BASE.charset.fold(renderer.sample(0, index, 0.5).label) for index in range(count)]


def seconds(call: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def teacher_of(architecture: str, cache_mib: int, dtype: torch.dtype) -> Teacher:
    """A teacher of that shape with first weights."""
    with tempfile.TemporaryDirectory() as folder:
        made = named_architecture(architecture)
        save_clip(made.build(), made, Path(folder), source={})
        config = TeacherConfig(weights=folder, cache_mib=cache_mib)
        return Teacher(config, Preprocessing()).to(torch.device("cpu"), dtype)


class Step:
    """One training step of `base`, with or without a teacher."""

    def __init__(self, teacher: Teacher | None, dtype: torch.dtype) -> None:
        torch.manual_seed(0)
        self.teacher, self.dtype = teacher, dtype
        distillation = None
        if teacher is not None:
            sizes = partial(pair_sizes, BASE, teacher.sizes)
            distillation = SymmetricalDistillation(Distillation(), sizes)
        self.learner = Learner(
            Recogniser(BASE), ctc_weight=0.0, label_smoothing=0.0, distillation=distillation
        )
        self.optimiser = torch.optim.AdamW(self.learner.parameters(), lr=1e-4, fused=True)
        self.taught = 0.0  # seconds in the teacher
        self.compared = 0.0  # seconds forwards in projections and losses
        if distillation is not None:
            forward = distillation.forward

            def timed(*arguments: Tensor) -> dict[str, Tensor]:
                began = time.perf_counter()
                terms = forward(*arguments)
                self.compared += time.perf_counter() - began
                return terms

            distillation.forward = timed  # type: ignore[method-assign]

    def guide(self, images: Tensor, labels: list[str]) -> Guidance:
        """What the teacher says."""
        assert self.teacher is not None
        distillation = self.learner.heads["distillation"]
        return self.teacher.guide(images, labels, distillation.wanted)

    def __call__(self, images: Tensor, labels: list[str]) -> None:
        batch, guidance = make_batch(images, labels, BASE.charset), ()
        with torch.autocast("cpu", self.dtype, enabled=self.dtype != torch.float32):
            if self.teacher is not None:
                began = time.perf_counter()
                guidance = (self.guide(images, labels),)
                self.taught += time.perf_counter() - began
            losses = self.learner(batch, *guidance)
        losses["total"].backward()
        self.optimiser.step()
        self.optimiser.zero_grad()


def compare_steps(options: argparse.Namespace, labels: list[str]) -> None:
    """Prints the cost of a taught step beside a plain one, and where it goes."""
    dtype = getattr(torch, options.dtype)
    teacher = teacher_of(options.architecture, options.cache_mib, dtype)
    plain, taught = Step(None, dtype), Step(teacher, dtype)
    images = torch.randn(options.batch, 3, BASE.image_height, BASE.image_width)
    times: dict[str, list[float]] = {"plain": [], "taught": [], "teacher": [], "compared": []}
    for number in range(options.steps):
        part = labels[number * options.batch : (number + 1) * options.batch]
        before = taught.taught, taught.compared
        times["plain"].append(seconds(lambda part=part: plain(images, part)))
        times["taught"].append(seconds(lambda part=part: taught(images, part)))
        times["teacher"].append(taught.taught - before[0])
        times["compared"].append(taught.compared - before[1])
    median = {name: statistics.median(values[2:]) for name, values in times.items()}
    rest = median["taught"] - median["plain"] - median["teacher"] - median["compared"]
    print(f"base, batch {options.batch}, {options.dtype}, teacher {options.architecture}")
    print(f"{'plain step':44}{median['plain']:8.3f} s")
    print(f"{'taught step':44}{median['taught']:8.3f} s = {median['taught'] / median['plain']:.3f} x plain")
    for name, value in (
        ("teacher (image, and text not cached)", median["teacher"]),
        ("projections and losses, forwards", median["compared"]),
        ("their backward pass and their weights' step", rest),
    ):
        print(f"  {name:42}{value:8.3f} s = {value / median['plain']:.3f} x plain")


def measure_cache(options: argparse.Namespace, labels: list[str]) -> None:
    """Prints the hit rate of the cache and what it saves of the teacher's text side."""
    stages = {"text 1", "text 2", "text 3", "text 4"}
    images = torch.empty(options.batch, 3, BASE.image_height, BASE.image_width)
    for mib in (0, options.cache_mib):
        teacher = teacher_of(options.architecture, mib, getattr(torch, options.dtype))
        took = []
        for at in range(0, len(labels) - options.batch + 1, options.batch):
            began = time.perf_counter()
            with torch.autocast("cpu", torch.bfloat16, enabled=options.dtype == "bfloat16"):
                teacher.guide(images, labels[at : at + options.batch], stages)
            took.append(time.perf_counter() - began)
        cache = teacher.cache
        rate = cache.hits / (cache.hits + cache.misses)
        print(
            f"text of {len(labels)} labels ({len(set(labels))} different), cache of {mib:4} MiB: "
            f"{rate:6.1%} hits, {1000 * sum(took) / len(took):6.1f} ms a batch, {cache.bytes >> 20} MiB held"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--architecture", default="ViT-B-16-quickgelu")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--dtype", choices=["bfloat16", "float32"], default="bfloat16")
    parser.add_argument("--labels", type=Path, help="a file of labels, one a line")
    parser.add_argument("--label-count", type=int, default=4096)
    parser.add_argument("--cache-mib", type=int, default=replace(TeacherConfig()).cache_mib)
    options = parser.parse_args()
    labels = labels_of(options, max(options.label_count, options.steps * options.batch))
    compare_steps(options, labels)
    measure_cache(options, labels)


if __name__ == "__main__":
    main()
