"""``clipstr bulk INPUT --out DIR``: all pictures of large tables and stores, counted to the last one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clipstr.cli import console
from clipstr.cli.options import (
    MOST_AT_ONCE,
    Allow,
    BatchSize,
    DeviceName,
    KnownWords,
    LexiconFile,
    Model,
    SecondLooks,
    filled,
    lexicon_words,
    new_folder,
)
from clipstr.devices import AUTO
from clipstr.models import DEFAULT_MODEL

if TYPE_CHECKING:
    from clipstr.bulk import Account, Progress

__all__ = ["bulk"]

EVERY = 30.0  # seconds between lines of progress where no person looks


def _place(given: str) -> str:
    """``given`` as the folder to write, which can be written if it is on this machine."""
    return filled(given) if "://" in given else str(new_folder(given))


class Kind(str, Enum):
    """The kinds of input."""

    parquet = "parquet"
    tar = "tar"
    lmdb = "lmdb"
    pictures = "pictures"


class Mode(str, Enum):
    """What pictures are."""

    read = "read"
    scan = "scan"


def bulk(
    source: Annotated[
        str,
        typer.Argument(
            parser=filled,
            metavar="INPUT",
            help="A file or a folder of Parquet files, WebDataset tars, LMDBs or pictures: a path, or a URL "
            "such as s3://bucket/crops.",
            show_default=False,
        ),
    ],
    out: Annotated[
        str,
        typer.Option(
            parser=_place,
            metavar="DIR",
            help="Where results, failures and the manifest go: a new folder, or one to go on in.",
            show_default=False,
        ),
    ],
    kind: Annotated[
        Kind | None, typer.Option(help="What of INPUT is read, where it holds several kinds.")
    ] = None,
    id_column: Annotated[
        str | None,
        typer.Option(
            "--id",
            parser=filled,
            metavar="COLUMN",
            help="The column of ids in Parquet; without it an id is FILE#ROW.",
        ),
    ] = None,
    column: Annotated[
        str,
        typer.Option(
            parser=filled,
            metavar="COLUMN",
            help="The column of pictures in Parquet; in tars the ending of pictures, if there are several.",
        ),
    ] = "image",
    mode: Annotated[
        Mode, typer.Option(help="read: pictures of one word. scan: whole photographs (extra scenes).")
    ] = Mode.read,
    model: Model = DEFAULT_MODEL,
    batch_size: BatchSize = 32,
    actors: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=MOST_AT_ONCE,
            help="Workers on Ray; as many as there are CPUs for, if not given. 0: this process, without Ray.",
        ),
    ] = None,
    threads: Annotated[
        int,
        typer.Option(
            min=0,
            max=MOST_AT_ONCE,
            help="Threads of each worker, and CPUs that it takes; 0: one, or all without Ray.",
        ),
    ] = 0,
    address: Annotated[
        str | None,
        typer.Option(
            parser=filled,
            metavar="ADDRESS",
            help="A running Ray cluster, such as auto or ray://host:10001; else Ray is started here.",
        ),
    ] = None,
    allow: Allow = None,
    lexicon: LexiconFile = None,
    second_looks: SecondLooks = True,
    device: DeviceName = AUTO,
    known_words: KnownWords = None,
    piece_rows: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1 << 20,
            help="Rows that are read at once, and lost at most when a worker dies; 256 to 2048 else.",
        ),
    ] = None,
    file_megabytes: Annotated[
        int, typer.Option(min=1, max=1 << 20, help="About how large a file of results becomes.")
    ] = 256,
) -> None:
    """Read every picture of INPUT into Parquet files in --out; called again, read what is missing.

    Rows that were read go to results/, those that could not be to failures/, with the reason; manifest.json
    says what was done. The last line counts them: read + failed = given. Exit status: 0 each row of INPUT
    is in results or failures once, 1 some are missing, 2 a wrong call.
    """
    console.require_output()
    with console.needs_extra("bulk", "bulk reading"):
        from clipstr.bulk import Job, ReadBatch
    words = lexicon_words(lexicon)
    reader = ReadBatch(
        model,
        column=column,
        mode=mode.value,
        threads=threads or None,
        batch_size=batch_size,
        allow=allow,
        lexicon=words,
        second_looks=second_looks,
        device=device,
        known_words=known_words,
    )
    job = Job(
        source=source,
        out=out,
        reader=reader,
        kind=kind and kind.value,
        id_column=id_column,
        rows_at_once=8 * batch_size if mode is Mode.read else 16,
        piece_rows=piece_rows,
        file_bytes=file_megabytes << 20,
    )
    with _line() as show:
        account = job.run(lambda worker: _crew(worker, actors, threads, address), show)
    console.show(_last_line(account))


def _crew(worker: Any, actors: int | None, threads: int, address: str | None) -> AbstractContextManager[Any]:
    from clipstr.bulk import Alone, RayCrew

    if actors == 0:
        return Alone(worker)
    return RayCrew(worker, actors=actors, cpus=max(threads, 1), address=address)


class _Line:
    """A line of progress: on a terminal it stays and changes, elsewhere there is one now and then."""

    def __init__(self, live: Any | None) -> None:
        self._live, self._told = live, time.monotonic()

    def __call__(self, progress: Progress) -> None:
        if self._live is not None:
            self._live.update(_described(progress))
        elif time.monotonic() - self._told >= EVERY:
            self._told = time.monotonic()
            console.tell(_described(progress))


@contextmanager
def _line() -> Iterator[_Line]:
    terminal = console.terminal()
    if not terminal.is_terminal:
        yield _Line(None)
        return
    with terminal.status("starting") as live:
        yield _Line(live)


def _described(progress: Progress) -> str:
    total = "" if progress.given is None else f" of {progress.given:,}"
    parts = [
        f"{progress.share:.1%}",
        f"{progress.read + progress.failed:,}{total} rows",
        f"{progress.failed:,} failed",
    ]
    if progress.rate:
        parts.append(f"{progress.rate:,.0f} rows/s")
    if progress.seconds_left is not None:
        parts.append(f"{_duration(progress.seconds_left)} left")
    if progress.troubles:
        parts.append(f"{progress.troubles} tasks to be tried again")
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"


def _last_line(account: Account) -> str:
    done = f"read {account.read} + failed {account.failed} = given {account.given}"
    if not account.rows_now:
        return f"{done}; nothing was missing"
    rate = account.rows_now / max(account.seconds, 1e-9)
    return f"{done}; {account.rows_now} rows now, in {_duration(account.seconds)}, {rate:.0f} a second"
