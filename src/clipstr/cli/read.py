"""``clipstr read PATH...``: the words in pictures."""

from __future__ import annotations

import csv
import glob
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clipstr.errors import InputError, LexiconError

if TYPE_CHECKING:
    from clipstr.reader import Outcome

__all__ = ["read"]

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".jp2", ".png", ".ppm", ".pgm", ".tif", ".tiff", ".webp"}
MANY = 20  # pictures from which a progress bar is worth its line


class Format(str, Enum):
    """How readings are written."""

    text = "text"
    json = "json"
    csv = "csv"


def read(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            help="Files, folders (every picture below), patterns, or - for one picture on standard input.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Format, typer.Option("--format", help="text: path, text, confidence by tabs.")
    ] = Format.text,
    model: Annotated[
        str, typer.Option("--model", help="An embedded model's name, or a model folder.")
    ] = "tiny",
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, help="Pictures read together.")] = 32,
    threads: Annotated[int, typer.Option("--threads", min=0, help="0: one per core.")] = 0,
    allow: Annotated[
        str, typer.Option("--allow", help="The only characters to read, such as 0123456789.")
    ] = "",
    lexicon: Annotated[
        Path | None, typer.Option("--lexicon", help="A file of words, one a line: the likeliest is chosen.")
    ] = None,
) -> None:
    """Read the word in each picture.

    Confidence is the model's probability of exactly this text. A picture that cannot be read is told
    on standard error, and the others are read. Exit status: 0 all were read, 1 some were not, 2 a
    wrong call.
    """
    words = None if lexicon is None else _words(lexicon)
    sources = _expand(paths)
    from clipstr.reader import Reader

    reader = Reader(model, batch_size=batch_size, threads=threads or None, allow=allow or None, lexicon=words)
    write = {Format.text: _text, Format.json: _json, Format.csv: _csv}[output]
    # Names and texts may hold what the terminal's encoding lacks: better escaped than not written.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if output is Format.csv:
        print(_row(["path", "text", "confidence", "error"]))
    failed = 0
    with _progress(len(sources)) as advance:
        contents = (sys.stdin.buffer.read() if source == "-" else source for source in sources)
        for source, outcome in zip(sources, reader.stream(contents), strict=True):
            line = write(source, outcome)
            if line is not None:
                print(line, flush=True)
            if outcome.error is not None:
                failed += 1
                print(f"clipstr: {outcome.error}", file=sys.stderr)
            advance()
    if failed:
        raise typer.Exit(1)


def _expand(paths: list[str]) -> list[str]:
    """The files that ``paths`` mean, in order; raises `InputError` if a folder or pattern has no picture."""
    files: list[str] = []
    for path in paths:
        if path == "-" or Path(path).is_file():
            found = [path]
        elif Path(path).is_dir():
            below = (Path(root) / name for root, _, names in os.walk(path) for name in names)
            found = sorted(str(file) for file in below if file.suffix.lower() in SUFFIXES)
            if not found:
                raise InputError(f"{path}: no pictures in this folder ({', '.join(sorted(SUFFIXES))})")
        elif glob.has_magic(path):
            found = sorted(file for file in glob.iglob(path, recursive=True) if Path(file).is_file())
            if not found:
                raise InputError(f"{path}: no file fits this pattern")
        else:
            found = [path]  # to be told as missing when its turn comes
        files += found
    if files.count("-") > 1:
        raise InputError("- stands for standard input, which can be read once")
    return files


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LexiconError(f"{path}: the word list cannot be read: {error}") from error


def _text(source: str, outcome: Outcome) -> str | None:
    if outcome.reading is None:
        return None
    return f"{source}\t{outcome.reading.text}\t{outcome.reading.confidence:.4f}"


def _json(source: str, outcome: Outcome) -> str:
    line: dict[str, Any] = {"path": source}
    if outcome.reading is None:
        line["error"] = {"type": type(outcome.error).__name__, "message": str(outcome.error)}
    else:
        reading = outcome.reading
        line |= {"text": reading.text, "confidence": round(reading.confidence, 6)}
        line["characters"] = [
            {"text": character.text, "confidence": round(character.confidence, 6)}
            for character in reading.characters
        ]
        if reading.match is not None:
            line["match"] = {"free_text": reading.match.free_text, "distance": reading.match.distance}
    return json.dumps(line, ensure_ascii=False)


def _csv(source: str, outcome: Outcome) -> str:
    if outcome.reading is None:
        return _row([source, "", "", str(outcome.error)])
    return _row([source, outcome.reading.text, f"{outcome.reading.confidence:.4f}", ""])


def _row(values: list[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(values)
    return buffer.getvalue()


@contextmanager
def _progress(count: int) -> Iterator[Callable[[], object]]:
    """What to call after each picture: a bar on standard error, if many and a person looks."""
    if count < MANY or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    # On a terminal the lines go above the bar; into a file they go untouched.
    with Progress(console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty()) as bar:
        task = bar.add_task("reading", total=count)
        yield lambda: bar.advance(task)
