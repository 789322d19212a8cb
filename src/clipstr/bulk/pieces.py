"""What a worker does: it reads one piece of the input and writes its part, or joins parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from clipstr.bulk.batch import ReadBatch
from clipstr.bulk.columns import arrow
from clipstr.bulk.guards import GuardedBatch
from clipstr.bulk.kinds import Row, Wanted, rows_of
from clipstr.bulk.plan import Piece
from clipstr.bulk.results import Receipt, Results
from clipstr.bulk.stores import Store
from clipstr.errors import DataError, ModelError

__all__ = ["PieceReader"]

_BATCH_BYTES = 64 << 20  # of pictures that are in memory together


@dataclass(frozen=True)
class PieceReader:
    """Reads pieces of an input into parts of the results; may be pickled.

    ``batch`` reads the column "image"; ``model`` is what its model must be, wherever this runs.
    """

    source: Store
    kind: str
    wanted: Wanted
    id_type: str
    results: Results
    batch: ReadBatch
    model: str
    rows_at_once: int

    def __post_init__(self) -> None:
        if self.batch.model != self.model:
            raise ModelError(f"the model here is {self.batch.model}, and that of the job {self.model}")

    def read(self, piece: Piece, *, guarded: bool = False) -> Receipt:
        """The receipt of the part that now holds all rows of ``piece``.

        With ``guarded`` pictures are read in a process of its own, and one that kills it is a failed row.

        Raises `OSError` if the input cannot be fetched, `OutputError` if the part cannot be written,
        `DataError` if the input has other rows than it had when the plan was made.
        """
        tables, given = [], 0
        with GuardedBatch(self.batch) if guarded else nullcontext(self.batch) as batch:
            for rows in _batches(self._rows(piece), self.rows_at_once):
                given += len(rows)
                tables.append(self._table(rows, batch))
        planned = [stretch.rows for stretch in piece.stretches]
        if min(planned) >= 0 and given != sum(planned):
            files = ", ".join(stretch.file for stretch in piece.stretches[:3])
            raise DataError(f"the input has changed: {given} rows instead of {sum(planned)} in {files}")
        table = arrow().concat_tables(tables or [self._table([], self.batch)])
        return self.results.write_part(piece.number, given, table)

    def join(self, receipts: list[Receipt]) -> Receipt:
        """The receipt of the file of results that these parts became."""
        return self.results.join(receipts)

    def _rows(self, piece: Piece) -> Iterator[Row]:
        for stretch in piece.stretches:
            yield from rows_of(self.kind, self.source, stretch, self.wanted)

    def _table(self, rows: list[Row], batch: ReadBatch | GuardedBatch) -> Any:
        """What stands in a part of ``rows``: their ids, their places if ids are the user's, what was read."""
        pa = arrow()
        from pyarrow import compute

        images = pa.array([row.image for row in rows], pa.binary())
        found = batch(pa.table({batch.column: images})).drop_columns([batch.column])
        faults = pa.array([row.fault for row in rows], pa.string())
        errors = compute.coalesce(faults, found.column("error").combine_chunks())
        found = found.set_column(found.column_names.index("error"), "error", pa.chunked_array([errors]))
        columns = {"id": _ids([row.id for row in rows], self.id_type)}
        if self.wanted.id_column is not None:
            columns["place"] = pa.array([row.place for row in rows], pa.string())
        named = {name: found.column(name) for name in found.column_names}
        return pa.table(columns | named)


def _ids(values: list[Any], type_: str) -> Any:
    """``values`` as an array of Arrow's type ``type_``, null where one cannot be that."""
    pa = arrow()
    if type_ == "string":
        return pa.array([None if value is None else _text(value) for value in values], pa.string())
    wanted = pa.type_for_alias(type_)
    try:
        return pa.array(values, wanted)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.concat_arrays([_one(value, wanted) for value in values])


def _one(value: Any, type_: Any) -> Any:
    pa = arrow()
    try:
        return pa.array([value], type_)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.nulls(1, type_)


def _text(value: Any) -> str:
    """``value`` as text; of a file's name that is no text, what is none is escaped."""
    return str(value).encode(errors="backslashreplace").decode()


def _batches(rows: Iterable[Row], most: int) -> Iterator[list[Row]]:
    """``rows`` in lists of ``most``, fewer where their pictures are large."""
    held, size = list[Row](), 0
    for row in rows:
        held.append(row)
        size += len(row.image or b"")
        if len(held) >= most or size >= _BATCH_BYTES:
            yield held
            held, size = [], 0
    if held:
        yield held
