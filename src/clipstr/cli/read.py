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

SUFFIXES = {
    *(".avif", ".bmp", ".dib", ".gif", ".heic", ".heif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg"),
    *(".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
}
"""Endings of the files in a folder that are taken for pictures; a file that is named may have any."""

MANY = 20  # pictures from which a progress bar is worth its line
_ESCAPES = {code: repr(chr(code))[1:-1] for code in (*range(32), 127)}  # would break lines, or move cursors


class Format(str, Enum):
    """How readings are written."""

    text = "text"
    json = "json"
    csv = "csv"


def read(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            help="Files, folders (every picture in and below them, hidden ones aside), patterns such as "
            "'scans/**/*.png', or - for one picture on standard input.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Format,
        typer.Option(
            "--format",
            help="text: path, text and confidence, by tabs. json: an object a line, with characters and "
            "errors. csv: with a header.",
        ),
    ] = Format.text,
    model: Annotated[
        str, typer.Option("--model", help="An embedded model's name, or a model folder.")
    ] = "tiny",
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, help="Pictures read together.")] = 32,
    threads: Annotated[int, typer.Option("--threads", min=0, help="0: one per core.")] = 0,
    allow: Annotated[
        str | None, typer.Option("--allow", help="The only characters to read, such as 0123456789.")
    ] = None,
    lexicon: Annotated[
        Path | None, typer.Option("--lexicon", help="A file of words, one a line: the likeliest is read.")
    ] = None,
    second_looks: Annotated[
        bool,
        typer.Option(
            help="Look again at words that are read with doubt; without, it is quicker and misreads more."
        ),
    ] = True,
) -> None:
    """Read the word in each picture.

    Confidence is the model's probability of exactly this text, at its surest look. A picture that cannot
    be read is told on standard error, and the others are read. Exit status: 0 all were read, 1 some were
    not, 2 a wrong call (also if there is nothing at those paths).
    """
    words = None if lexicon is None else _words(lexicon)
    troubles = _Troubles()
    sources = _expand(paths, troubles)
    from clipstr.reader import Reader

    reader = Reader(
        model,
        batch_size=batch_size,
        threads=threads or None,
        allow=allow,
        lexicon=words,
        second_looks=second_looks,
    )
    write = {Format.text: _text, Format.json: _json, Format.csv: _csv}[output]
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # names that are no text go out as they came in
    with _progress(len(sources)) as (show, advance):
        if output is Format.csv:
            show(_row(["path", "text", "confidence", "error"]))
        outcomes = reader.stream(sys.stdin.buffer if source == "-" else source for source in sources)
        for source, outcome in zip(sources, outcomes, strict=True):
            line = write(source, outcome)
            if line is not None:
                show(line)
            if outcome.error is not None:
                troubles.tell(str(outcome.error))
            advance()
    if troubles.count:
        raise typer.Exit(1)


class _Troubles:
    """What went wrong so far: told at once, and counted for the exit status."""

    def __init__(self) -> None:
        self.count = 0

    def tell(self, message: str) -> None:
        self.count += 1
        _tell(message)


def _tell(message: str) -> None:
    print(f"clipstr: {message.translate(_ESCAPES)}", file=sys.stderr)


def _print(line: str) -> None:
    """Writes ``line`` at once; escaped, if it has what the output's encoding lacks."""
    encoding = sys.stdout.encoding
    try:
        line.encode(encoding, "surrogateescape")
    except UnicodeEncodeError:
        line = line.encode(encoding, "backslashreplace").decode(encoding)
    print(line, flush=True)


def _expand(paths: list[str], troubles: _Troubles) -> list[str]:
    """The files that ``paths`` mean, in order; those that are missing stay, to be told in their turn.

    Raises `InputError` if there is nothing at any of ``paths``, or standard input is to be read twice.
    """
    files: list[str] = []
    for path in paths:
        there = path == "-" or os.path.lexists(path)
        for entry in [path] if there else sorted(glob.iglob(path, recursive=True)) or [path]:
            files += _pictures_below(entry, troubles) if Path(entry).is_dir() else [entry]
    if not any(file == "-" or os.path.lexists(file) for file in files):
        raise InputError(f"nothing to read at {', '.join(paths)}: no such file, or no pictures in the folder")
    if files.count("-") > 1:
        raise InputError("- stands for standard input, which can be read once")
    return files


def _pictures_below(folder: str, troubles: _Troubles) -> list[str]:
    """The pictures in ``folder`` and the folders below, by their endings, sorted."""
    found: list[str] = []

    def closed(error: OSError) -> None:
        troubles.tell(f"{error.filename}: the folder cannot be opened: {error.strerror}")

    for root, folders, names in os.walk(folder, onerror=closed):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files = (Path(root) / name for name in names if not name.startswith("."))
        found += [str(file) for file in files if file.suffix.lower() in SUFFIXES]
    if not found:
        _tell(f"{folder}: no pictures in this folder")
    return sorted(found)


def _words(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LexiconError(f"{path}: the word list cannot be read: {error}") from error


def _text(source: str, outcome: Outcome) -> str | None:
    if outcome.reading is None:
        return None
    return f"{source.translate(_ESCAPES)}\t{outcome.reading.text}\t{outcome.reading.confidence:.4f}"


def _json(source: str, outcome: Outcome) -> str:
    line: dict[str, Any] = {"path": source}
    if outcome.reading is None:
        line["error"] = {"type": type(outcome.error).__name__, "message": str(outcome.error)}
    else:
        line |= outcome.reading.to_dict()
    return json.dumps(line)


def _csv(source: str, outcome: Outcome) -> str:
    if outcome.reading is None:
        return _row([source, "", "", str(outcome.error)])
    return _row([source, outcome.reading.text, f"{outcome.reading.confidence:.4f}", ""])


def _row(values: list[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(values)
    return buffer.getvalue()


@contextmanager
def _progress(count: int) -> Iterator[tuple[Callable[[str], None], Callable[[], None]]]:
    """How to show a line, and what to call after each picture: a bar moves, if many and a person looks."""
    if count < MANY or not sys.stderr.isatty():
        yield _print, lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, redirect_stdout=False) as bar:
        task = bar.add_task("reading", total=count)

        def show_above(line: str) -> None:
            bar.console.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)

        # On a terminal the lines go above the bar; into a file they go untouched.
        yield show_above if sys.stdout.isatty() else _print, lambda: bar.advance(task)
