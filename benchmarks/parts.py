"""Where the time of a reading goes: of one crop and of batches, part by part, as a table and a picture.

    python benchmarks/parts.py --data DIR [--model full --model tiny] [--threads 2] [--picture FILE.png]

See README.md beside this file for what each part is.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image, ImageDraw, ImageFont
from rich import box
from rich.console import Console
from rich.table import Table

from clipstr.data import find_sources
from clipstr.decoding import Follower, Memory, Rows, assemble, greedy
from clipstr.imaging import load_image
from clipstr.looking import View
from clipstr.models import embedded_models
from clipstr.reader import Reader

BATCHES = (1, 32)
PARTS = (
    "unpacking the file",
    "resizing",
    "normalising",
    "encoder",
    "decoder",
    "Python between its calls",
    "text and probabilities",
    "second looks",
)
COLOURS = ("#8dd3c7", "#ffed6f", "#bebada", "#fb8072", "#80b1d3", "#fdb462", "#b3de69", "#d9d9d9")


class Clock:
    """Milliseconds by part, one value for each time that it was measured."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.spent: defaultdict[str, list[float]] = defaultdict(list)

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        start = self.now()
        yield
        self.spent[part].append(1000 * (self.now() - start))


@dataclass(frozen=True)
class Timed:
    """A `Memory` whose calls of the model are timed."""

    memory: Memory
    clock: Clock

    def __len__(self) -> int:
        return len(self.memory)

    def rows(self, rows: Rows) -> Timed:
        return type(self)(self.memory.rows(rows), self.clock)

    def logits(self, ids: np.ndarray, positions: np.ndarray) -> np.ndarray:
        with self.clock("a call"):
            return self.memory.logits(ids, positions)


class TimedFollower(Timed):
    """The same of a `Follower`."""

    def follow(self, ids: np.ndarray, steps: int, allowed: np.ndarray | None) -> np.ndarray:
        assert isinstance(self.memory, Follower)
        with self.clock("a call"):
            return self.memory.follow(ids, steps, allowed)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Milliseconds a crop by part, of batches of one size; ``step`` is one of the decoder, called alone."""

    model: str
    batch: int
    spent: dict[str, float]
    steps: float  # characters and ends that were decoded for a crop
    step: float  # milliseconds of one, asked for alone


def main(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of LMDB data sets.")],
    model: Annotated[list[str] | None, typer.Option(help="Our models; else the embedded ones.")] = None,
    threads: Annotated[int, typer.Option(min=1)] = 2,
    count: Annotated[int, typer.Option(min=32, help="Crops to time, spread over the sets.")] = 128,
    picture: Annotated[Path | None, typer.Option(dir_okay=False, help="Draw the parts here.")] = None,
    processor_time: Annotated[
        bool, typer.Option(help="Count the processor's time, not the clock's: where others compute too.")
    ] = False,
) -> None:
    """Measure the parts of a reading and print one table."""
    now = time.process_time if processor_time else time.perf_counter
    found = []
    for name in model or list(embedded_models()):
        reader = Reader(name, threads=threads, batch_size=max(BATCHES))
        crops = spread(data, count)
        reader.read_images(crops[: max(BATCHES)])
        found += [parts(reader, crops, batch, now) for batch in BATCHES]
    Console(width=140).print(as_table(found))
    if picture:
        drawn(found).save(picture)


def spread(data: Path, count: int) -> list[bytes]:
    """The files of ``count`` crops, evenly spread over all data sets; full batches only."""
    places = [(source, index) for source in find_sources(data) for index in range(len(source))]
    count = min(count, len(places)) // max(BATCHES) * max(BATCHES)
    taken = [places[number * len(places) // count] for number in range(count)]
    return [source.image_bytes(index) for source, index in taken]


def parts(reader: Reader, crops: Sequence[bytes], batch: int, now: Callable[[], float]) -> Parts:
    """The parts of reading ``crops`` in batches of that size: the median over batches, of each part."""
    clock, steps = Clock(now), []
    once = reader.restricted(second_looks=False)
    for start in range(0, len(crops), batch):
        block = crops[start : start + batch]
        steps.append(_one_look(once, block, clock))
        with clock("one look"):
            once.read_images(block)
        with clock("all looks"):
            reader.read_images(block)
    spent = {part: statistics.median(clock.spent[part]) / batch for part in PARTS[:-1]}
    # Most words are sure: what the others take is told by the mean alone.
    looks = statistics.mean(clock.spent["all looks"]) - statistics.mean(clock.spent["one look"])
    return Parts(
        model=reader.name,
        batch=batch,
        spent=spent | {"second looks": looks / batch},
        steps=statistics.mean(steps),
        step=statistics.median(clock.spent["a step"]),
    )


def _one_look(reader: Reader, block: Sequence[bytes], clock: Clock) -> float:
    """Reads ``block`` part by part, as the reader does; the steps that it took, a crop."""
    form, prepared = reader.form, reader.form.preprocessing
    with clock(PARTS[0]):
        pictures = [load_image(content) for content in block]
    with clock(PARTS[1]):
        views = [View.of(picture, prepared) for picture in pictures]
    with clock(PARTS[2]):
        inputs = prepared.normalise(np.stack([view.pixels for view in views]))
    with clock(PARTS[3]):
        memory = reader._scorer.look(inputs)
    timed = (TimedFollower if isinstance(memory, Follower) else Timed)(memory, clock)
    with clock("greedy"):
        logits = greedy(timed, form)
    calls = sum(clock.spent.pop("a call"))
    clock.spent[PARTS[4]].append(calls)
    clock.spent[PARTS[5]].append(clock.spent.pop("greedy")[0] - calls)
    with clock(PARTS[6]):
        readings = [assemble(row, form.charset) for row in logits]
    begun = np.full((len(block), 1), form.charset.begin, np.int64)
    with clock("a step"):
        memory.logits(begun, np.zeros(1, np.int64))
    return statistics.mean(1 + len(reading.text) for reading in readings)


def as_table(found: Sequence[Parts]) -> Table:
    table = Table(box=box.MARKDOWN, title="milliseconds a crop")
    table.add_column("part")
    for column in found:
        table.add_column(f"{column.model}, {'alone' if column.batch == 1 else f'{column.batch} together'}")
    for part in PARTS:
        table.add_row(part, *(f"{column.spent[part]:.2f}" for column in found))
    table.add_row("all", *(f"{sum(column.spent.values()):.2f}" for column in found))
    table.add_row("steps of the decoder", *(f"{column.steps:.1f}" for column in found))
    table.add_row("one step asked for alone", *(f"{column.step / column.batch:.3f}" for column in found))
    return table


def drawn(found: Sequence[Parts]) -> Image.Image:
    """A bar for each column of the table, its parts in colours."""
    left, width, bar, gap, head = 190, 900, 34, 22, 70
    longest = max(sum(column.spent.values()) for column in found)
    image = Image.new("RGB", (left + width + 90, head + len(found) * (bar + gap) + 10), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(15)
    x = 12
    for number, (part, colour) in enumerate(zip(PARTS, COLOURS, strict=True)):
        x, y = (12 if number == 4 else x), (12 if number < 4 else 38)
        draw.rectangle((x, y, x + 14, y + 14), fill=colour)
        draw.text((x + 20, y - 2), part, fill="black", font=font)
        x += 40 + int(draw.textlength(part, font=font))
    for row, column in enumerate(found):
        top, x = head + row * (bar + gap), float(left)
        label = f"{column.model}, {'alone' if column.batch == 1 else f'{column.batch} together'}"
        draw.text((12, top + 8), label, fill="black", font=font)
        for part, colour in zip(PARTS, COLOURS, strict=True):
            further = x + max(column.spent[part], 0) * width / longest
            draw.rectangle((x, top, further, top + bar), fill=colour)
            x = further
        total = sum(column.spent.values())
        draw.text((x + 8, top + 8), f"{total:.1f} ms", fill="black", font=font)
    return image


if __name__ == "__main__":
    typer.run(main)
