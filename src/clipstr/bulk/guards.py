"""Reading in a process of its own, so that a picture that kills who reads it costs that picture alone."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Any

from clipstr.bulk.batch import ReadBatch
from clipstr.bulk.columns import Finding, added_columns, arrow

__all__ = ["GuardedBatch"]

DIED = "DeadReaderError: the process that read the picture died of it, or of too little memory"

_batch: ReadBatch | None = None  # in the process that reads


def _open(batch: ReadBatch) -> None:
    global _batch
    _batch = batch


def _read(table: Any) -> Any:
    assert _batch is not None
    return _batch(table)


class GuardedBatch:
    """What ``batch`` does with Arrow tables, done in another process, which may die.

    A table with which it dies is halved, down to the row that does it: that becomes a row with its error.
    """

    def __init__(self, batch: ReadBatch) -> None:
        self.batch, self.column = batch, batch.column
        self._process: ProcessPoolExecutor | None = None

    def __enter__(self) -> GuardedBatch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._process is not None:
            self._process.shutdown(cancel_futures=True)
            self._process = None

    def __call__(self, table: Any) -> Any:
        """``table`` with what was read in it."""
        if self._process is None:
            spawn = multiprocessing.get_context("spawn")
            self._process = ProcessPoolExecutor(1, spawn, _open, (self.batch,))
        try:
            return self._process.submit(_read, table).result()
        except BrokenProcessPool:
            self._close()
        if len(table) > 1:
            half = len(table) // 2
            return arrow().concat_tables([self(table.slice(0, half)), self(table.slice(half))])
        died = [Finding(None, DIED)] * len(table)
        for name, column in added_columns(died, self.batch.model, self.batch.mode).items():
            table = table.append_column(name, column)
        return table
