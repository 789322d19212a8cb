"""The plan of a job: the input cut into numbered pieces, made once and kept beside the results.

The same input gives the same plan. A piece is what is read at once and lost at most when a worker dies: some
thousand rows, and more where the input is so large that there would be too many pieces to keep account of.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from clipstr.bulk.columns import arrow
from clipstr.bulk.kinds import KINDS, Kind, Stretch, Wanted
from clipstr.bulk.stores import Entry, Store
from clipstr.errors import DataError, InputError
from clipstr.files import writing

__all__ = [
    "MOST_PIECES",
    "PLAN_FILE",
    "Input",
    "Piece",
    "find_input",
    "id_type",
    "make_plan",
    "planned_pieces",
]

PLAN_FILE = "plan.parquet"
MOST_PIECES = 65_536
LARGE_PIECE, SMALL_PIECE = 2048, 256  # rows of a piece, where there are enough of them for all workers
_SHARES = 64  # into how many pieces an input is cut that is too small for large ones
_TAR_ROW = 16 << 10  # bytes of a tar that are taken for one row where pieces are cut
_NO_DATA = ("_delta_log", "_temporary")  # folders that Spark and Delta Lake keep for themselves
_AHEAD = 16  # files that are looked at at once while the input is cut
_HELD = 8192  # stretches in memory while the plan is written


@dataclass(frozen=True)
class Piece:
    """What one worker reads at once, and one file of the results begins as."""

    number: int
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True)
class Input:
    """What was found at the address of the input; its fingerprint is that of all names, sizes and times."""

    kind: str
    files: int
    bytes: int
    fingerprint: str


def find_input(store: Store, kind: str | None) -> Input:
    """What is to be read at ``store``: files of one kind, which is found out if ``kind`` is None.

    Raises `DataError` if there is nothing, `InputError` if there are files of several kinds.
    """
    digest, count, size = hashlib.sha256(), 0, 0
    seen: dict[str, str] = {}
    for entry in _files(store):
        owner = _owner(entry.name or store.name, kind)
        if owner is None:
            continue
        seen.setdefault(owner.name, entry.path)
        if len(seen) > 1:
            there = ", ".join(f"{name} ({path})" for name, path in seen.items())
            raise InputError(f"{store.shown} holds several kinds of input: {there}; choose one by --kind")
        digest.update(f"{entry.path}\0{entry.size}\0{entry.changed}\n".encode(errors="surrogateescape"))
        count, size = count + 1, size + entry.size
    if not seen:
        wanted = kind or ", ".join(KINDS)
        there = "no such file or folder" if store.entry() is None else f"nothing of it there ({wanted})"
        raise DataError(f"{store.shown}: nothing to read: {there}")
    return Input(next(iter(seen)), count, size, digest.hexdigest())


def _owner(name: str, kind: str | None) -> Kind | None:
    """The kind that a file of this name belongs to, if it belongs to any."""
    for candidate in KINDS.values() if kind is None else [KINDS[kind]]:
        if candidate.owns(name):
            return candidate
    return None


def _files(store: Store) -> Iterator[Entry]:
    """All files in and below ``store`` in the order of their paths, hidden ones left out.

    Only one folder's names are in memory at a time, and those of the folders above it.
    """
    top = store.entry()
    if top is not None and not top.folder:
        yield top
        return
    yield from _below(store, "", frozenset())


def _below(store: Store, folder: str, above: frozenset[str]) -> Iterator[Entry]:
    # A link may lead back up: no folder is entered from within itself.
    real = os.path.realpath(store.at(folder)) if store.local else folder
    if real in above:
        return
    for entry in store.entries(folder):
        if entry.name.startswith(".") or entry.name in _NO_DATA:
            continue
        if entry.folder:
            yield from _below(store, entry.path, above | {real})
        else:
            yield entry


def id_type(store: Store, found: Input, wanted: Wanted) -> str:
    """Arrow's name of the type that ids have in the results: string, binary, int64 or uint64.

    Raises `InputError` if the first Parquet file that can be read lacks a column that is wanted.
    """
    if found.kind != "parquet":
        if wanted.id_column is not None:
            raise InputError(f"--id names a column of Parquet files, and {store.shown} holds {found.kind}")
        return "string"
    pa = arrow()
    from pyarrow import parquet

    for entry in _files(store):
        if not KINDS["parquet"].owns(entry.name or store.name):
            continue
        with store.open(entry.path) as file:
            try:
                schema = parquet.read_schema(file)
            except (OSError, ValueError):
                continue
        for name in (wanted.column, wanted.id_column):
            if name is not None and name not in schema.names:
                raise InputError(
                    f"{store.shown}/{entry.path}: there is no column {name!r}; its columns: "
                    f"{', '.join(schema.names)}"
                )
        if wanted.id_column is None:
            return "string"
        type_ = schema.field(wanted.id_column).type
        if pa.types.is_integer(type_):
            return "uint64" if type_ == pa.uint64() else "int64"
        return "binary" if pa.types.is_binary(type_) or pa.types.is_large_binary(type_) else "string"
    return "string"


def make_plan(source: Store, found: Input, wanted: Wanted, out: Store, piece_rows: int | None) -> None:
    """Cut the input into pieces, and write them to ``out`` as `PLAN_FILE`, whole or not at all.

    A piece has at least ``piece_rows`` rows, and more if there would be more than `MOST_PIECES`; the last one
    may have fewer. None stands for `LARGE_PIECE`, or down to `SMALL_PIECE` in small inputs, so that there is
    work for many. Stretches go over the disk, not through memory.
    """
    arrow()
    from pyarrow import parquet

    with tempfile.TemporaryDirectory(prefix="clipstr-plan-") as folder:
        cut = Path(folder) / "stretches.parquet"
        with writing(cut):  # the disk of temporary files may be full, too
            total = _write(cut, ((0, stretch) for stretch in _cut(source, found, wanted)))
        fitting = piece_rows or min(max(total // _SHARES, SMALL_PIECE), LARGE_PIECE)
        size = max(fitting, -(-total // (MOST_PIECES - 1)))
        stretches = (stretch for _, stretch in _read(parquet.ParquetFile(cut)))
        with out.whole_file(PLAN_FILE) as file:
            _write(file, _numbered(stretches, size))


def _cut(store: Store, found: Input, wanted: Wanted) -> Iterator[Stretch]:
    """The stretches of all files. An object store answers slowly: many files are asked for at once."""
    kind = KINDS[found.kind]
    owned = (entry for entry in _files(store) if kind.owns(entry.name or store.name))
    with ThreadPoolExecutor(_AHEAD) as threads:
        waiting: deque[Future[list[Stretch]]] = deque()
        for entry in owned:
            waiting.append(threads.submit(lambda file: list(kind.cut(store, file, wanted)), entry))
            if len(waiting) >= 2 * _AHEAD:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _weight(stretch: Stretch) -> int:
    return max(stretch.rows, 1) if stretch.rows >= 0 else max((stretch.end - stretch.begin) // _TAR_ROW, 1)


def _numbered(stretches: Iterator[Stretch], size: int) -> Iterator[tuple[int, Stretch]]:
    """Each stretch with the number of its piece; neighbours of one file are joined."""
    number, rows = 0, 0
    last: Stretch | None = None
    for stretch in stretches:
        joins = last is not None and rows < size
        if last is not None and not (joins and _adjoin(last, stretch)):
            yield number, last
            last = None
        if rows >= size:
            number, rows = number + 1, 0
        rows += _weight(stretch)
        last = stretch if last is None else _joined(last, stretch)
    if last is not None:
        yield number, last


def _adjoin(first: Stretch, second: Stretch) -> bool:
    same = first.file == second.file and first.end == second.begin
    return same and first.rows >= 0 and first.fault is None and second.fault is None


def _joined(first: Stretch, second: Stretch) -> Stretch:
    return Stretch(first.file, first.begin, second.end, first.rows + second.rows)


def _schema() -> Any:
    pa = arrow()
    return pa.schema(
        [
            ("piece", pa.int32()),
            ("file", pa.string()),
            ("begin", pa.int64()),
            ("end", pa.int64()),
            ("rows", pa.int64()),
            ("fault", pa.string()),
        ]
    )


def _write(target: Any, numbered: Iterator[tuple[int, Stretch]]) -> int:
    """Write stretches as a table; how much they weigh together in rows."""
    pa = arrow()
    from pyarrow import parquet

    schema, weight, held = _schema(), 0, list[dict[str, Any]]()
    with parquet.ParquetWriter(target, schema, compression="zstd") as writer:
        for piece, stretch in numbered:
            weight += _weight(stretch)
            held.append({"piece": piece, **asdict(stretch)})
            if len(held) >= _HELD:
                writer.write_table(pa.Table.from_pylist(held, schema=schema))
                held = []
        writer.write_table(pa.Table.from_pylist(held, schema=schema))
    return weight


def _read(file: Any) -> Iterator[tuple[int, Stretch]]:
    for batch in file.iter_batches(_HELD, use_threads=False):
        for row in batch.to_pylist():
            number = row.pop("piece")
            yield number, Stretch(**row)


def planned_pieces(out: Store) -> Iterator[Piece]:
    """The pieces of the plan in ``out`` in their order; raises `DataError` if it cannot be read."""
    arrow()
    from pyarrow import parquet

    try:
        with out.open(PLAN_FILE) as file:
            number, stretches = 0, list[Stretch]()
            for piece, stretch in _read(parquet.ParquetFile(file)):
                if piece != number:
                    yield Piece(number, tuple(stretches))
                    number, stretches = piece, []
                stretches.append(stretch)
            if stretches:
                yield Piece(number, tuple(stretches))
    except (OSError, ValueError) as error:
        raise DataError(f"{out.shown}/{PLAN_FILE}: the plan cannot be read: {error}") from error
