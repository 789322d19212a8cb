"""The score of the synthetic engine: what one fixed small model, trained on its pictures alone, reads.

    python benchmarks/synth_score.py --data VALIDATION_DIR [--set looks.neon=0 ...] [--optimiser adamw]

The model (1.1 M parameters: convolution stem, four layers of width 128 over 32 columns, a CTC head, no
decoder) learns fast and without luck: Muon, batches of 64, easy ones first, about 110 samples a second on one
thread with AVX2. Two runs fit side by side on two cores. It reads the labelled crops below ``--data``, in 36
characters, and never trains on them; what it reads on the way is told too, but at a higher learning rate.
``--real DIR --share 0.35`` mixes in labelled crops, to see what renderings as good as those would bring.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import synth_options
import torch
from PIL import Image
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from clipstr.charset import Charset
from clipstr.data import LabelRule
from clipstr.evaluation import Evaluation, WordResult, evaluate
from clipstr.files import write_text
from clipstr.form import Preprocessing
from clipstr.reading import Reading
from clipstr.student.config import TINY
from clipstr.student.encoder import Encoder
from clipstr.training.optimisation.optimiser import new_optimiser
from clipstr.training.optimisation.schedule import learning_rate
from clipstr.training.run.processes import quick_precision
from clipstr.training.samples.stream import MixedWords, Slice, loader
from clipstr.training.settings import DataSettings, Optimisation, SourceSettings, SyntheticSettings
from clipstr.training.tasks.objective import Batch, CtcHead, ctc_loss, make_batch

MODEL = replace(TINY, patch_height=32, width=128, encoder_heads=4, decoder_heads=4)
COURSE = Optimisation(
    batch_size=64,
    optimiser="muon",
    learning_rate=4e-3,
    warm_up=0.04,
    weight_decay=0.01,
    beta2=0.98,
    gradient_clip=5.0,
)
PREPROCESSING = Preprocessing(height=MODEL.image_height, width=MODEL.image_width)
RAMP = SyntheticSettings(easy_until=0.05, hard_from=0.4)
AVERAGE = 0.998  # decay of the weights' moving average, which is what reads
LOOKS = 4  # how often it reads, the last time at the end


class ColumnModel(nn.Module):
    """The student's encoder with class scores for every column."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder(MODEL)
        self.head = CtcHead(grid=MODEL.grid, width=MODEL.width, num_classes=MODEL.charset.num_classes)

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.head(self.encoder.forward_features(images)[:, self.encoder.num_prefix_tokens :])
        return scores


@dataclass
class ColumnReader:
    """Reads by the likeliest class of every column, repeats and blanks dropped."""

    model: nn.Module
    charset: Charset
    preprocessing: Preprocessing
    name: str = "columns"

    def read_images(self, images: Iterable[Image.Image | np.ndarray]) -> list[Reading]:
        pictures = [image if isinstance(image, Image.Image) else Image.fromarray(image) for image in images]
        pixels = np.stack([self.preprocessing.resize(picture) for picture in pictures])
        with torch.inference_mode():
            scores = self.model(torch.from_numpy(self.preprocessing.normalise(pixels))).softmax(-1)
        confidence, classes = scores.max(-1)
        return [
            Reading(text=self._text(row.tolist()), confidence=float(sure.prod()))
            for row, sure in zip(classes, confidence, strict=True)
        ]

    def _text(self, classes: list[int]) -> str:
        kept = [c for c, before in zip(classes, [-1, *classes[:-1]], strict=True) if c != before]
        return "".join(self.charset.characters[c - 1] for c in kept if c != self.charset.end)


def mixed_words(options: argparse.Namespace) -> MixedWords:
    """Rendered words, and beside them the real crops that ``options`` name, altered anew each time."""
    rendered = synth_options.settings(options, MODEL.characters)
    sections = ("mildest", "unread", "shares", "layout", "looks", "scene", "camera")
    chosen = {name: getattr(rendered, name) for name in sections}
    share = options.share if options.real else 0.0
    real = {}
    if options.real:
        real["real"] = SourceSettings(paths=(str(options.real),), weight=share, augment="camera")
    settings = DataSettings(
        sources=real, synthetic=replace(RAMP, weight=1 - share, **chosen), seed=options.seed
    )
    form = replace(MODEL, max_length=rendered.max_length).form
    return MixedWords(settings, replace(form, preprocessing=PREPROCESSING))


class Training:
    """The small model, its moving average, and one step after the other."""

    def __init__(self, course: Optimisation) -> None:
        self.course, self.model = course, ColumnModel()
        average = get_ema_multi_avg_fn(AVERAGE)
        self.average = AveragedModel(self.model, multi_avg_fn=average, use_buffers=True)
        self.precision = quick_precision()
        self.optimiser = new_optimiser(self.model, course, self.precision)

    def step(self, batch: Batch, progress: float) -> float:
        """Learns from ``batch`` at ``progress`` (0 to 1) of the schedule; the loss before it."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self.precision == "bf16-mixed"):
            scores = self.model(batch.images)
        loss = ctc_loss(scores, batch, MODEL.charset)
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.course.gradient_clip)
        rate = learning_rate(progress, highest=self.course.learning_rate, warm_up=self.course.warm_up)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()
        self.average.update_parameters(self.model)
        return float(loss.detach())


def train(training: Training, words: MixedWords, count: int, look: Callable[[int, nn.Module], None]) -> None:
    """Trains on ``count`` samples; ``look`` gets the averaged weights now and then."""
    share = Slice(training.course.batch_size)
    batches = loader(
        words, share, start=0, difficulty=lambda first: RAMP.difficulty(first / count), workers=0
    )
    size = training.course.batch_size
    start, told, summed = time.time(), 0.0, 0.0
    looks = {-(-count // size) * number // LOOKS * size for number in range(1, LOOKS + 1)}
    for first in range(0, count, size):
        made, seen = next(batches), first + size
        images = torch.from_numpy(PREPROCESSING.normalise(made.pixels.numpy()))
        batch = make_batch(images, made.texts, MODEL.charset)
        summed = 0.99 * summed + 0.01 * training.step(batch, first / count)
        if (seconds := time.time() - start) > told + 30:
            told = seconds
            print(f"{first / count:6.1%} {seen / seconds:.0f}/s", end=", ")
            print(f"difficulty {RAMP.difficulty(first / count):.2f}", end=", ")
            print(f"loss {summed:.3f}", flush=True)
        if seen in looks:
            look(seen, training.average.module.eval())
            training.average.train()


def figures(result: Evaluation) -> dict[str, float]:
    """Percent of words read, of all sets and of each, and the mean similarity."""
    means = {"all": result.weighted.accuracy, "similarity": result.weighted.similarity}
    sets = {part.name: part.means.accuracy for part in result.sets}
    return {name: round(100 * share, 2) for name, share in (means | sets).items()}


def main() -> None:
    parser = synth_options.parser(__doc__, "labelled crops to read")
    parser.add_argument("--samples", type=int, default=300_000)
    parser.add_argument("--optimiser", choices=("muon", "adamw"), default=COURSE.optimiser)
    parser.add_argument("--learning-rate", type=float, default=COURSE.learning_rate)
    parser.add_argument("--real", type=Path, help="labelled crops to train on beside the rendered words")
    parser.add_argument("--share", type=float, default=0.35, help="of those crops among the samples")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--name", default="", help="of the run, in the line that is written")
    parser.add_argument("--wrong", type=Path, help="write what was misread to this file, a line each")
    parser.add_argument("--json", type=Path, help="append the result to this file as a line")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    lines: list[str] = []
    read: list[WordResult] = []

    def look(samples: int, model: nn.Module) -> None:
        read.clear()
        reader = ColumnReader(model, MODEL.charset, PREPROCESSING)
        result = evaluate(reader, options.data, LabelRule(MODEL.charset), watch=read.append)
        run = {"name": options.name, "seed": options.seed, "samples": samples, "of": options.samples}
        lines.append(json.dumps(run | figures(result)))
        print(lines[-1], flush=True)

    course = replace(COURSE, optimiser=options.optimiser, learning_rate=options.learning_rate)
    torch.manual_seed(options.seed)
    train(Training(course), mixed_words(options), options.samples, look)
    if options.wrong:
        wrong = [f"{one.set_name}\t{one.index}\t{one.label}\t{one.text}" for one in read if not one.right]
        write_text(options.wrong, "\n".join(wrong) + "\n")
    if options.json:
        with options.json.open("a", encoding="utf-8") as file:
            file.write(lines[-1] + "\n")


if __name__ == "__main__":
    main()
