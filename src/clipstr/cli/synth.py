"""``clipstr synth OUT --count N``: rendered words as a data set, or as a sheet to look at."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from clipstr.charset import Charset
from clipstr.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from clipstr.synth import KindRenderer

__all__ = ["synth"]

CHUNK = 256  # pictures that a worker renders before it hands them over
SHEET = 160  # pictures on a contact sheet, at most
NAMED = 5  # words left out that are named


class Kind(str, Enum):
    """What a data set is for."""

    WORDS = "words"
    SHUFFLE = "shuffle"
    RANDOM = "random"
    OCCLUDED_WEAK = "occluded-weak"
    OCCLUDED_HEAVY = "occluded-heavy"


def synth(
    out: Annotated[
        Path | None, typer.Argument(help="The folder of the data set to write.", show_default=False)
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, help="How many pictures.")] = SHEET,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", help="Write a contact sheet of the first ones to this PNG.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed, other pictures.")] = 0,
    kind: Annotated[
        Kind,
        typer.Option(
            "--kind",
            help="Words to train on; or a test: words with their characters shuffled, random characters, "
            "one letter covered by half or wholly.",
        ),
    ] = Kind.WORDS,
    difficulty: Annotated[
        float | None,
        typer.Option(
            "--difficulty",
            min=0,
            max=1,
            help="0: clean and upright; 1: all that streets offer. Of tests 0.3, else 1.",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="A TOML file of the renderer's settings (docs/synth.md).")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Change a setting; may be repeated."),
    ] = None,
    charset: Annotated[
        str | None,
        typer.Option("--charset", help="36, 62, 94, or the characters themselves.", show_default="36"),
    ] = None,
    words: Annotated[
        Path | None,
        typer.Option("--words", help="A word list, one a line, in the place of ours; weights behind a tab."),
    ] = None,
    fonts: Annotated[
        list[Path] | None,
        typer.Option("--fonts", help="A folder of fonts, in the place of the system's; may be repeated."),
    ] = None,
    backgrounds: Annotated[
        Path | None, typer.Option("--backgrounds", help="A folder of pictures to put behind words.")
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=0, help="Processes; 0: one per core.")] = 0,
) -> None:
    """Render labelled pictures of words.

    Picture number i of a seed is the same on any number of workers. The labels are as drawn; whoever trains
    on them folds them into an alphabet. Words that cannot be drawn are told.
    """
    if out is None and sheet is None:
        raise InputError("nothing to write: give a folder, or --sheet FILE.png")
    console = Console(stderr=True)
    if charset is not None:
        changes = [*(changes or ()), f"characters={Charset.named(charset).characters}"]
    renderer = _renderer(kind.value, config, changes or (), fonts or (), words, backgrounds)
    _tell_left_out(renderer, console)
    if sheet is not None:
        _write_sheet(sheet, renderer, seed, min(count, SHEET), difficulty)
        console.print(f"wrote {sheet}", soft_wrap=True)
    if out is not None:
        written = _write(out, renderer, seed, count, difficulty, workers or os.cpu_count() or 1, console)
        console.print(f"wrote {written} pictures to {out}", soft_wrap=True)


def _renderer(
    kind: str,
    config: Path | None,
    changes: list[str] | tuple[()],
    fonts: list[Path] | tuple[()],
    words: Path | None,
    backgrounds: Path | None,
) -> KindRenderer:
    try:
        import clipstr.synth as synth  # not as an attribute of a package that is there in part
    except ImportError as error:
        raise MissingExtraError(f"rendering needs OpenCV: pip install 'clipstr[synth]' ({error})") from error
    settings = synth.load_synth(config, changes, default=synth.SynthConfig())
    renderer = synth.WordRenderer(
        synth.settings_of_kind(kind, settings),
        fonts=synth.find_fonts(fonts),
        words=synth.load_words(words) if words else None,
        backgrounds=synth.find_backgrounds(backgrounds) if backgrounds else (),
    )
    return synth.KindRenderer(renderer, kind)


def _tell_left_out(renderer: KindRenderer, console: Console) -> None:
    left_out = renderer.renderer.vocabulary.left_out
    if left_out:
        named = ", ".join(left_out[:NAMED]) + (", ..." if len(left_out) > NAMED else "")
        console.print(
            f"left out {len(left_out)} words that no font can draw, are too long or have nothing of the "
            f"alphabet: {named}",
            soft_wrap=True,
            markup=False,
            highlight=False,
        )


def _write_sheet(
    sheet: Path, renderer: KindRenderer, seed: int, count: int, difficulty: float | None
) -> None:
    from clipstr.sheets import contact_sheet

    samples = [renderer.sample(seed, index, difficulty) for index in range(count)]
    try:
        contact_sheet([(sample.image, sample.label) for sample in samples]).save(sheet, "PNG")
    except OSError as error:
        raise InputError(f"{sheet}: the sheet cannot be written: {error}") from error


def _write(
    out: Path,
    renderer: KindRenderer,
    seed: int,
    count: int,
    difficulty: float | None,
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


_work: tuple[KindRenderer, int, float | None]


def _start_worker(renderer: KindRenderer, seed: int, difficulty: float | None) -> None:
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
