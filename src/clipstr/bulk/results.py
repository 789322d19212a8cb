"""What a job has written: parts, one a piece, and the files of results and failures that they are joined to.

Everything that is known of what was done stands in these files themselves. A file is written whole or not at
all, carries in its footer which pieces it holds and of which job, and counts only if that footer can be read.

- ``parts/00000042.parquet``: all rows of piece 42, read or failed.
- ``results/00000000-00000041.parquet``: the rows of pieces 0 to 41 that were read;
  ``failures/00000000-00000041.parquet``: those that failed. The failures are written first: from the moment
  at which the file of results appears, the parts do not count any more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from clipstr.bulk.columns import arrow
from clipstr.bulk.stores import Store

__all__ = ["Receipt", "Results", "gaps"]

PARTS, RESULTS, FAILURES = "parts", "results", "failures"
_PART = re.compile(r"(\d{8})\.parquet")
_JOINED = re.compile(r"(\d{8})-(\d{8})\.parquet")
_KEY = b"clipstr.bulk"
_GROUP_BYTES = 32 << 20  # of Arrow's memory, gathered to a group of rows
_AT_ONCE = 16  # footers read at once


@dataclass(frozen=True)
class Receipt:
    """Which pieces a file holds, and how many rows were given to them, read and failed."""

    first: int
    last: int
    given: int
    read: int
    failed: int
    bytes: int  # of the file

    @property
    def name(self) -> str:
        """The name of a file of results that holds these pieces."""
        return f"{self.first:08d}-{self.last:08d}.parquet"


class Results:
    """The files of the job ``job`` in the store ``out``; may be pickled. Raises `OutputError`, `OSError`."""

    def __init__(self, out: Store, job: str) -> None:
        self.out, self.job = out, job

    def write_part(self, number: int, given: int, table: Any) -> Receipt:
        """The receipt of the part ``number``, which now holds the rows of ``table`` of ``given`` ones."""
        failed = len(table) - table.column("error").null_count
        receipt = Receipt(number, number, given, len(table) - failed, failed, 0)
        path = f"{PARTS}/{number:08d}.parquet"
        with self.out.whole_file(path) as file:
            with self._writer(file, table.schema, receipt) as writer:
                writer.write_table(table)
            size = file.tell()
        return Receipt(**{**asdict(receipt), "bytes": size})

    def join(self, receipts: list[Receipt]) -> Receipt:
        """The receipt of the file that now holds the rows of these parts, which are in order and adjoin."""
        pa = arrow()
        sums = {name: sum(getattr(r, name) for r in receipts) for name in ("given", "read", "failed")}
        joined = Receipt(receipts[0].first, receipts[-1].last, **sums, bytes=0)
        if joined.failed:
            self._write_joined(FAILURES, joined, receipts, _failures)
        size = self._write_joined(RESULTS, joined, receipts, _readings)
        for receipt in receipts:
            self.out.remove(f"{PARTS}/{receipt.first:08d}.parquet")
        pa.default_memory_pool().release_unused()
        return Receipt(**{**asdict(joined), "bytes": size})

    def _write_joined(self, folder: str, joined: Receipt, receipts: list[Receipt], choose: Any) -> int:
        """The size of the new file of ``joined`` in ``folder``: what ``choose`` takes of each part."""
        pa = arrow()
        with self.out.whole_file(f"{folder}/{joined.name}") as file:
            parts = (choose(self._part(receipt.first)) for receipt in receipts)
            first = next(parts)
            with self._writer(file, first.schema, joined) as writer:
                held, size = [first], first.nbytes
                for table in parts:
                    if size >= _GROUP_BYTES:
                        writer.write_table(pa.concat_tables(held), row_group_size=1 << 30)
                        held, size = [], 0
                    held.append(table)
                    size += table.nbytes
                writer.write_table(pa.concat_tables(held), row_group_size=1 << 30)
            return file.tell()

    def _part(self, number: int) -> Any:
        from pyarrow import parquet

        with self.out.open(f"{PARTS}/{number:08d}.parquet") as file:
            return parquet.read_table(file, use_threads=False).replace_schema_metadata(None)

    def _writer(self, file: Any, schema: Any, receipt: Receipt) -> Any:
        from pyarrow import parquet

        told = json.dumps({"job": self.job, **asdict(receipt)}).encode()
        return parquet.ParquetWriter(file, schema.with_metadata({_KEY: told}), compression="zstd")

    def survey(self) -> tuple[list[Receipt], list[Receipt]]:
        """The receipts of the joined files and of the parts that count, each in order; all else is removed.

        What does not count: files that broke off, parts that a joined file holds, joined files that overlap,
        failures without their results.
        """
        whole = self._receipts(RESULTS, _JOINED)
        joined: list[Receipt] = []
        for receipt in sorted(whole, key=lambda r: (r.first, -r.last)):
            if not joined or receipt.first > joined[-1].last:
                joined.append(receipt)
        self._keep(RESULTS, {receipt.name for receipt in joined})
        self._keep(FAILURES, {receipt.name for receipt in joined})
        covered = {number for receipt in joined for number in range(receipt.first, receipt.last + 1)}
        parts = [r for r in self._receipts(PARTS, _PART) if r.first not in covered]
        self._keep(PARTS, {f"{receipt.first:08d}.parquet" for receipt in parts})
        return joined, sorted(parts, key=lambda receipt: receipt.first)

    def _receipts(self, folder: str, pattern: re.Pattern[str]) -> list[Receipt]:
        names = [entry.name for entry in self.out.entries(folder) if pattern.fullmatch(entry.name)]
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            found = threads.map(lambda name: self._receipt(f"{folder}/{name}"), names)
            return [receipt for receipt in found if receipt is not None]

    def _receipt(self, path: str) -> Receipt | None:
        """What the footer of a file says; None if it has none, is of another job, or contradicts itself."""
        from pyarrow import parquet

        try:
            with self.out.open(path) as file:
                metadata = parquet.ParquetFile(file).metadata
                told = json.loads((metadata.metadata or {})[_KEY])
                size = file.size()
            job, receipt = told.pop("job"), Receipt(**{**told, "bytes": size})
        except (ValueError, KeyError, TypeError):
            return None
        except OSError as error:
            if error.errno is not None:  # the disk, and not the file
                raise
            return None
        folder = path.partition("/")[0]
        rows = {PARTS: receipt.read + receipt.failed, RESULTS: receipt.read, FAILURES: receipt.failed}[folder]
        return receipt if job == self.job and metadata.num_rows == rows else None

    def _keep(self, folder: str, names: set[str]) -> None:
        """Remove the files of ``folder`` that are ours by their names, and none of ``names``."""
        for entry in self.out.entries(folder):
            ours = entry.name[:8].isdigit() and ".parquet" in entry.name
            if ours and not entry.folder and entry.name not in names:
                self.out.remove(entry.path)

    def counted(self) -> tuple[list[Receipt], int, int]:
        """The receipts of all joined files in order, and how many rows are in the results and failures now.

        Counted in the files' footers, which Parquet's writer made.
        """
        joined = sorted(self._receipts(RESULTS, _JOINED), key=lambda receipt: receipt.first)
        read = sum(receipt.read for receipt in joined)
        return joined, read, sum(receipt.failed for receipt in self._receipts(FAILURES, _JOINED))

    def finish(self) -> None:
        """Remove the folder of the parts, which are all joined."""
        self.out.remove_folder(PARTS)

    def prepare(self) -> None:
        """Make the folders that the files go into."""
        for folder in (PARTS, RESULTS, FAILURES):
            self.out.make_folder(folder)


def _readings(table: Any) -> Any:
    pc = _compute()
    return table.filter(pc.is_null(table.column("error"))).drop_columns(["error"])


def _failures(table: Any) -> Any:
    """The failed rows of a part: ids, the kind of the error, and what it says."""
    pc = _compute()
    failed = table.filter(pc.is_valid(table.column("error")))
    kind = pc.list_element(pc.split_pattern(failed.column("error"), ":", max_splits=1), 0)
    kept = failed.select([name for name in failed.column_names if name in ("id", "place")])
    return kept.append_column("kind", kind).append_column("error", failed.column("error"))


def _compute() -> Any:
    arrow()
    from pyarrow import compute

    return compute


def gaps(receipts: Iterable[Receipt], pieces: int) -> Iterator[tuple[int, int]]:
    """The ranges of pieces, first and last, that ``receipts``, in order, leave out of ``pieces``."""
    following = 0
    for receipt in receipts:
        if receipt.first > following:
            yield following, receipt.first - 1
        following = receipt.last + 1
    if following < pieces:
        yield following, pieces - 1
