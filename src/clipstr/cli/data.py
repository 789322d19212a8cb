"""``clipstr data``: converting data sets, looking into them, and the benchmarks of the field."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from clipstr.cli import console
from clipstr.cli.data_check import check
from clipstr.cli.options import OutFolder, present_path
from clipstr.data import Source, find_sources, place_below, write_lmdb, write_parquet, write_table
from clipstr.data.benchmarks import BENCHMARKS
from clipstr.errors import ClipstrError

__all__ = ["data"]

data = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)


@data.callback()
def _data() -> None:
    """Convert data sets, look into them, and list the benchmarks of the field."""


class Format(str, Enum):
    """What a data set can be written as."""

    LMDB = "lmdb"
    FOLDER = "folder"
    PARQUET = "parquet"


_WRITERS = {Format.LMDB: write_lmdb, Format.FOLDER: write_table, Format.PARQUET: write_parquet}


@data.command("convert")
def convert(
    source: Annotated[
        Path,
        typer.Argument(
            parser=present_path,
            metavar="DATA",
            help="A data set, or a folder of some, in any format.",
            show_default=False,
        ),
    ],
    out: OutFolder,
    to: Annotated[
        Format, typer.Option("--to", help="LMDB, pictures with a labels.jsonl, or Hugging Face's Parquet.")
    ] = Format.LMDB,
) -> None:
    """Write data sets in another format: the same bytes, the same labels, in the same order.

    Of several sets each keeps its place below OUT. A sample that cannot be read is told and left out.
    Exit status: 0 when everything was written, 1 when something was left out.
    """
    sources = find_sources(source)
    lost = 0
    with console.progress("writing", sum(len(each) for each in sources)) as advance:
        for each in sources:
            problems: list[str] = []
            target = out / place_below(each, source)
            written = _WRITERS[to](target, _samples(each, problems, advance))
            each.close()
            for problem in problems:
                console.tell(f"left out: {problem}")
            lost += len(problems)
            console.tell(f"wrote {written} samples to {target}")
    if lost:
        raise typer.Exit(1)


def _samples(source: Source, problems: list[str], advance: Callable[[], None]) -> Iterator[tuple[bytes, str]]:
    """The samples that can be read; what is wrong with the others goes to ``problems``."""
    for index in range(len(source)):
        try:
            yield source.image_bytes(index), source.label(index)
        except ClipstrError as error:
            problems.append(f"{source.path}, sample {index}: {error}")
        advance()


@data.command("benchmarks")
def benchmarks() -> None:
    """List the data sets of the field: how many words, what the paper reads, where they come from."""
    columns = ("set", "words", "paper, %", "what", "from", "terms")
    table = console.table(*columns, numbers=("words", "paper, %"))
    for known in BENCHMARKS:
        paper = "" if known.paper is None else f"{known.paper:.1f}"
        words, origin = f"{known.words:,}", f"{known.origin}: {known.page}"
        table.add_row(known.name, words, paper, known.about, origin, known.terms)
    console.show_table(table)


data.command("check")(check)
