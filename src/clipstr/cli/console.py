"""The one place where verbs speak: results on standard output, all else on standard error.

What a verb needs::

    console.show("coffee")                      a line of results
    console.show_row([path, text, "0.98"])      cells by tabs, as `Format.text` has them
    console.show_table(table)                   a table of `console.table`, never cut
    console.write_json(value, target)           to a file, or to standard output for "-"
    console.tell("wrote 3 samples to out")      a remark
    console.complain("a.png: damaged")          a trouble: "clipstr: a.png: damaged"
    with console.progress("reading", 500) as advance: ...; advance()
    with console.needs_extra("train", "training"): from clipstr.training import ...

All text is taken as it is, never as markup, and without what would break a line or move a cursor. Standard
streams may be closed or full: where results cannot go the verb ends with an `OutputError`; where remarks
cannot go nothing ends.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clipstr.cli.streams import ClosedStream
from clipstr.errors import (
    ClipstrError,
    InputError,
    MissingExtraError,
    ModelNotFoundError,
    OutputError,
    UnfinishedError,
)
from clipstr.files import json_text, write_text
from clipstr.texts import visible

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress
    from rich.table import Table

__all__ = [
    "STANDARD_OUTPUT",
    "Format",
    "complain",
    "csv_row",
    "exit_status",
    "flush",
    "is_standard_output",
    "needs_extra",
    "on_terminal",
    "progress",
    "require_output",
    "show",
    "show_row",
    "show_table",
    "table",
    "tell",
    "terminal",
    "text_row",
    "write_json",
]

STANDARD_OUTPUT = Path("-")
"""What ``--json -`` means."""

MANY = 20  # steps from which a bar is worth its line
_WIDE = 10_000  # columns of a console that no table fills

_bar: Progress | None = None  # the one that moves now


class Format(str, Enum):
    """How rows are written: cells by tabs, an object of JSON a line, or CSV with a header."""

    text = "text"
    json = "json"
    csv = "csv"


def show(text: str, *, aside: bool = False, exact: bool = False) -> None:
    """Write the line ``text`` to standard output at once, above a bar that moves there.

    With ``aside`` it goes to standard error: standard output holds JSON. An ``exact`` line is for programs:
    it is cleaned on a terminal only. Raises `OutputError` if it cannot be written.
    """
    stream = sys.stderr if aside else sys.stdout
    on_terminal = stream.isatty()
    if on_terminal or not exact:
        text = visible(text, keep="\t", bytes_too=on_terminal)
    if _bar is not None and on_terminal:
        _print(_bar.console, text)
    else:
        print(text, file=stream, flush=True)


def show_row(cells: Sequence[str]) -> None:
    """`show` the ``cells`` by tabs, which stand nowhere else in the line."""
    show(text_row(cells))


def text_row(cells: Sequence[str]) -> str:
    """The ``cells`` on a line, by tabs; tabs, line ends and the like in them are escaped."""
    return "\t".join(visible(cell) for cell in cells)


def csv_row(cells: Sequence[str]) -> str:
    """The ``cells`` as a row of CSV without its end, for `show` with ``exact``."""
    buffer = io.StringIO()
    # With this end, cells with a line feed or a carriage return get quotes in every version of Python.
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue()[:-2]


def tell(message: str) -> None:
    """Write the remark ``message`` to standard error."""
    print(visible(message), file=sys.stderr, flush=True)


def complain(message: str) -> None:
    """Write "clipstr: ``message``" to standard error: what could not be done."""
    tell(f"clipstr: {message}")


def write_json(value: Any, target: Path) -> None:
    """Write ``value`` as JSON to the file ``target``, or to standard output if that is "-"."""
    if not is_standard_output(target):
        write_text(target, json_text(value))
        return
    print(json_text(value), end="", flush=True)


def is_standard_output(target: Path | None) -> bool:
    """Whether JSON goes to standard output, so that what people read must go `aside`."""
    return target == STANDARD_OUTPUT


def flush() -> None:
    """Hand all results to the system. Raises `OutputError` if they find no room there."""
    sys.stdout.flush()


def on_terminal() -> bool:
    """Whether a person looks at standard output, for whom bytes are nothing."""
    return sys.stdout.isatty()


def require_output() -> None:
    """Raises `OutputError` if standard output is closed: called before the work, not after it."""
    if isinstance(sys.stdout, ClosedStream):
        raise OutputError("standard output is closed: there is nowhere to write to")


def table(*columns: str, numbers: Iterable[str] = (), markdown: bool = False, header: bool = True) -> Table:
    """An empty table with ``columns``, those of ``numbers`` to the right; its cells are never markup.

    ``markdown`` rules it as Markdown does, to be pasted into a page.
    """
    from rich import box
    from rich.table import Table

    right = set(numbers)
    made = Table(box=box.MARKDOWN if markdown else None, pad_edge=markdown, show_header=header)
    for name in columns:
        made.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return made


def show_table(made: RenderableType, *, aside: bool = False) -> None:
    """Write a table as wide as it wants to be: a line that a terminal wraps still says everything."""
    console = terminal(aside=aside)
    wanted = console.measure(made, options=console.options.update(width=_WIDE)).maximum
    console.width = max(console.width, wanted)
    console.print(made, soft_wrap=True)


def terminal(*, aside: bool = True) -> Console:
    """Rich's view of standard error, or else of standard output, where text is text and never markup."""
    from rich.console import Console

    return Console(stderr=aside, markup=False, highlight=False, emoji=False)


def _print(console: Console, text: str) -> None:
    from rich.text import Text

    console.print(Text(text), soft_wrap=True)


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[..., None]]:
    """What to call after each step (or with their number): a bar moves, if there are many and a person looks.

    Without a ``total`` it only counts. What is shown and told meanwhile goes above the bar.
    """
    global _bar
    if (total is not None and total < MANY) or not sys.stderr.isatty():
        yield lambda steps=1: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(visible(what), markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=terminal(), transient=True, redirect_stdout=False) as bar:
        task = bar.add_task("", total=total)
        _bar = bar
        try:
            yield lambda steps=1: bar.advance(task, steps)
        finally:
            _bar = None


@contextmanager
def needs_extra(extra: str, doing: str) -> Iterator[None]:
    """An `ImportError` in the block is a `MissingExtraError`: ``doing`` needs the packages of ``extra``."""
    try:
        yield
    except ImportError as error:
        if isinstance(error, ClipstrError):
            raise
        raise MissingExtraError(
            f"{doing} needs more packages: pip install 'clipstr[{extra}]' ({error})"
        ) from error


def exit_status(error: ClipstrError | OSError) -> int:
    """What the command ends with after ``error``: 2 a wrong call, 3 can be gone on with, 1 what failed."""
    if isinstance(error, UnfinishedError):
        return 3
    return 2 if isinstance(error, (InputError, ModelNotFoundError)) else 1
