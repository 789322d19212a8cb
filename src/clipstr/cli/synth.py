"""``clipstr synth OUT --count N``: rendered words as a data set, or as a sheet to look at."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from clipstr.charset import Charset
from clipstr.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from clipstr.synth import WordRenderer

__all__ = ["synth"]

CHUNK = 256  # pictures that a worker renders before it hands them over
SHEET = 160  # pictures on a contact sheet, at most


def synth(
    out: Annotated[
        Path | None, typer.Argument(help="The folder of the data set to write.", show_default=False)
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, help="How many pictures.")] = SHEET,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", help="Write a contact sheet of the first ones to this PNG.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed, other pictures.")] = 0,
    difficulty: Annotated[
        float,
        typer.Option("--difficulty", min=0, max=1, help="0: clean and upright; 1: all that streets offer."),
    ] = 1.0,
    charset: Annotated[
        str, typer.Option("--charset", help="36, 62, 94, or the characters themselves.")
    ] = "36",
    workers: Annotated[int, typer.Option("--workers", min=0, help="Processes; 0: one per core.")] = 0,
    fonts: Annotated[
        list[Path] | None, typer.Option("--fonts", help="A folder of fonts, beside the system's.")
    ] = None,
    words: Annotated[
        Path | None, typer.Option("--words", help="A word list, instead of the system's.")
    ] = None,
) -> None:
    """Render labelled pictures of words.

    Picture number i of a seed is the same on any number of workers. The labels are as drawn; whoever trains
    on them folds them into an alphabet.
    """
    if out is None and sheet is None:
        raise InputError("nothing to write: give a folder, or --sheet FILE.png")
    try:
        from clipstr.synth import SynthConfig, WordRenderer, contact_sheet, find_fonts, load_words
    except ImportError as error:
        raise MissingExtraError(f"rendering needs OpenCV: pip install 'clipstr[synth]' ({error})") from error
    config = SynthConfig(characters=Charset.named(charset).characters)
    renderer = WordRenderer(config, fonts=find_fonts(fonts or ()), words=load_words(words))
    console = Console(stderr=True)
    if sheet is not None:
        samples = [renderer.sample(seed, index, difficulty) for index in range(min(count, SHEET))]
        try:
            contact_sheet(samples).save(sheet, "PNG")
        except OSError as error:
            raise InputError(f"{sheet}: the sheet cannot be written: {error}") from error
        console.print(f"wrote {sheet}", soft_wrap=True)
    if out is not None:
        written = _write(out, renderer, seed, count, difficulty, workers or os.cpu_count() or 1, console)
        console.print(f"wrote {written} pictures to {out}", soft_wrap=True)


def _write(
    out: Path,
    renderer: WordRenderer,
    seed: int,
    count: int,
    difficulty: float,
    workers: int,
    console: Console,
) -> int:
    """Writes the data set and says how many pictures it has."""
    from clipstr.data import write_lmdb

    columns = (SpinnerColumn(), TextColumn("rendering"), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=count)
        chunks = [range(first, min(first + CHUNK, count)) for first in range(0, count, CHUNK)]
        context = multiprocessing.get_context("spawn")
        arguments = (renderer, seed, difficulty)
        with ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=arguments) as pool:

            def samples() -> Iterator[tuple[bytes, str]]:
                for made in pool.map(_render, chunks):
                    yield from made
                    progress.advance(task, len(made))

            return write_lmdb(out, samples())


_work: tuple[WordRenderer, int, float]


def _start_worker(renderer: WordRenderer, seed: int, difficulty: float) -> None:
    """Keeps in this process what all its chunks need."""
    import cv2

    global _work
    cv2.setNumThreads(0)
    _work = renderer, seed, difficulty


def _render(numbers: range) -> list[tuple[bytes, str]]:
    """The encoded pictures and labels of the samples ``numbers``."""
    import cv2

    renderer, seed, difficulty = _work
    made = []
    for number in numbers:
        sample = renderer.sample(seed, number, difficulty)
        _, encoded = cv2.imencode(".png", sample.image[..., ::-1])
        made.append((encoded.tobytes(), sample.label))
    return made
