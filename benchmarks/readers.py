"""Accuracy and speed of clipstr, Tesseract and PP-OCR's recognisers on the same crops, in one run.

    python benchmarks/readers.py --data DIR [--limit N] [--threads 2] [--json FILE]

See README.md beside this file for what is measured and how.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from engines import Engine, engines
from PIL import Image
from rich import box
from rich.console import Console
from rich.table import Table

from clipstr.charset import Charset
from clipstr.data import LabelRule, find_sources, place_below, write_lmdb
from clipstr.errors import MissingExtraError
from clipstr.evaluation import Evaluation, evaluate
from clipstr.files import write_json
from clipstr.imaging import load_image
from clipstr.models import embedded_models
from clipstr.reading import WordReader

BATCH = 32
FIRST_WORD_RUNS = 5


@dataclass(frozen=True, kw_only=True)
class Result:
    """One engine's figures: shares from 0 to 1, milliseconds a crop, seconds to the first word."""

    name: str
    accuracy: float
    accuracy_by_set: dict[str, float]
    ms_single_median: float
    ms_single_mean: float
    ms_batch: float | None  # None for an engine that reads one picture at a time
    seconds_to_first_word: float


def main(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of LMDB data sets.")],
    limit: Annotated[
        int | None, typer.Option(min=1, help="Use only the first N samples of each set.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads for every engine.")] = 2,
    timed: Annotated[int, typer.Option(min=BATCH, help="Crops to time, spread over the sets.")] = 256,
    model: Annotated[list[str] | None, typer.Option(help="Our models; else the embedded ones.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="An engine's key; repeat for several.")] = None,
    json: Annotated[Path | None, typer.Option(dir_okay=False, help="Write the figures here.")] = None,
    processor_time: Annotated[
        bool, typer.Option(help="Count the processor's time, not the clock's: where others compute too.")
    ] = False,
) -> None:
    """Compare the engines on labelled crops and print one table."""
    chosen = [
        engine for engine in engines(model or list(embedded_models())) if not only or engine.key in only
    ]
    readers = {}
    for engine in chosen:
        try:
            readers[engine.key] = engine.make(threads)
        except MissingExtraError as error:
            print(f"{engine.key} is left out: {error}", file=sys.stderr)
    chosen = [engine for engine in chosen if engine.key in readers]
    if not chosen:
        raise typer.BadParameter("there is no engine left to compare")
    with tempfile.TemporaryDirectory() as scratch:
        folder = first_samples(data, limit, Path(scratch) / "data") if limit else data
        crops = spread_crops(folder, timed)
        clock = time.process_time if processor_time else time.perf_counter
        single, batched = time_engines(chosen, readers, crops, clock)
        results = []
        for engine in chosen:
            # One picture at a time: PP-OCR's reading of a word depends on the others in its batch.
            rule = LabelRule(Charset.named("36"))
            evaluation = evaluate(readers[engine.key], folder, rule, batch_size=1)
            first = first_word_seconds(engine, crops[0], threads, Path(scratch))
            name = engine.title.format(evaluation.model)
            results.append(summarise(name, evaluation, single[engine.key], batched.get(engine.key), first))
    machine = f"{cpu_name()}, {os.cpu_count()} cores; {threads} threads for every engine"
    machine += "; the processor's time" if processor_time else ""
    words = f"{evaluation.count} words compared in 36 characters, {len(crops)} crops timed"
    Console(width=200).print(as_table(results))
    print(f"{machine}. {words}.")
    if json:
        record = {"machine": machine, "crops": words, "engines": [asdict(result) for result in results]}
        write_json(json, record)


def first_samples(data: Path, limit: int, target: Path) -> Path:
    """``target``, with the first ``limit`` samples of every data set below ``data`` in the same layout."""
    for source in find_sources(data):
        samples = (
            (source.image_bytes(index), source.label(index)) for index in range(min(limit, len(source)))
        )
        write_lmdb(target / place_below(source, data), samples)
    return target


def spread_crops(data: Path, count: int) -> list[Image.Image]:
    """At most ``count`` decoded pictures, evenly spread over all data sets; full batches only."""
    places = [(source, index) for source in find_sources(data) for index in range(len(source))]
    count = min(count, len(places)) // BATCH * BATCH
    if not count:
        raise typer.BadParameter(f"{len(places)} samples are too few to time batches of {BATCH}")
    taken = [places[number * len(places) // count] for number in range(count)]
    return [load_image(source.image_bytes(index)) for source, index in taken]


def time_engines(
    chosen: Sequence[Engine],
    readers: dict[str, WordReader],
    crops: Sequence[Image.Image],
    clock: Callable[[], float],
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Milliseconds by engine: of each crop alone, and a crop's share of each batch.

    The engines take turns batch by batch, so that whatever else the machine does slows all alike.
    """
    single: dict[str, list[float]] = {engine.key: [] for engine in chosen}
    batched: dict[str, list[float]] = {engine.key: [] for engine in chosen if engine.batches}
    for engine in chosen:
        readers[engine.key].read_images(crops[:BATCH])
    for start in range(0, len(crops), BATCH):
        block = crops[start : start + BATCH]
        for engine in chosen:
            reader = readers[engine.key]
            single[engine.key] += [milliseconds(reader, [crop], clock) for crop in block]
        for key in batched:
            batched[key].append(milliseconds(readers[key], block, clock) / len(block))
    return single, batched


def milliseconds(reader: WordReader, images: Sequence[Image.Image], clock: Callable[[], float]) -> float:
    start = clock()
    reader.read_images(images)
    return 1000 * (clock() - start)


def first_word_seconds(engine: Engine, crop: Image.Image, threads: int, scratch: Path) -> float:
    """The median time from starting Python to the end of the engine's shortest program, files cached."""
    picture = scratch / "word.png"
    crop.save(picture)
    command = [sys.executable, "-c", engine.program, str(picture)]
    environment = os.environ | {"OMP_THREAD_LIMIT": str(threads)}
    seconds = []
    for _ in range(1 + FIRST_WORD_RUNS):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:])


def summarise(
    name: str, evaluation: Evaluation, single: Sequence[float], batched: Sequence[float] | None, first: float
) -> Result:
    return Result(
        name=name,
        accuracy=evaluation.weighted.accuracy,
        accuracy_by_set={result.name: result.means.accuracy for result in evaluation.sets},
        ms_single_median=statistics.median(single),
        ms_single_mean=statistics.mean(single),
        ms_batch=statistics.mean(batched) if batched else None,
        seconds_to_first_word=first,
    )


def as_table(results: Sequence[Result]) -> Table:
    table = Table(box=box.MARKDOWN)
    sets = list(results[0].accuracy_by_set)
    speeds = ["ms a crop: median", "mean", f"{BATCH} in a call", "first word, s"]
    for number, title in enumerate(["Reader", "Accuracy", *sets, *speeds]):
        table.add_column(title, justify="right" if number else "left")
    for result in results:
        shares = [result.accuracy, *result.accuracy_by_set.values()]
        table.add_row(
            result.name,
            *(f"{100 * share:.1f}" for share in shares),
            f"{result.ms_single_median:.1f}",
            f"{result.ms_single_mean:.1f}",
            "-" if result.ms_batch is None else f"{result.ms_batch:.1f}",
            f"{result.seconds_to_first_word:.2f}",
        )
    return table


def cpu_name() -> str:
    """The processor's name as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    typer.run(main)
