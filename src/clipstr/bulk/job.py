"""A job of bulk reading: made once, gone on with after any end, counted to the last row."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import clipstr
from clipstr.bulk.batch import ReadBatch
from clipstr.bulk.columns import arrow
from clipstr.bulk.crews import Crew
from clipstr.bulk.dispatch import Progress, dispatch
from clipstr.bulk.kinds import Wanted
from clipstr.bulk.ledgers import Ledger
from clipstr.bulk.locks import locked
from clipstr.bulk.pieces import PieceReader
from clipstr.bulk.plan import PLAN_FILE, Input, find_input, id_type, make_plan, planned_pieces
from clipstr.bulk.results import Results, gaps
from clipstr.bulk.stores import Store
from clipstr.errors import BulkError, InputError

__all__ = ["MANIFEST_FILE", "Account", "Job"]

MANIFEST_FILE = "manifest.json"
FORMAT = "clipstr-bulk/1"
_LOCK_FILE = ".lock"


@dataclass(frozen=True)
class Account:
    """What a job came to: ``read`` + ``failed`` = ``given``, as counted in the files."""

    given: int
    read: int
    failed: int
    files: int  # of results
    seconds: float  # of this run
    rows_now: int  # read or failed in this run


@dataclass(frozen=True, kw_only=True)
class Job:
    """All rows of ``source`` read into ``out``, both a path or a URL that `Store` knows.

    What it is, but for ``source``, is kept in the manifest in ``out``: only the same job goes on there.
    """

    source: str
    out: str
    reader: ReadBatch  # its column is that of pictures in Parquet, or the ending of pictures in tars
    kind: str | None = None  # None: found out
    id_column: str | None = None  # in Parquet; None: ids are places, FILE#ROW
    rows_at_once: int = 256
    piece_rows: int | None = None  # None: as many as fit the input
    file_bytes: int = 256 << 20  # of the parts that become a file of results

    def run(
        self,
        crew: Callable[[PieceReader], AbstractContextManager[Crew]],
        watch: Callable[[Progress], None] = lambda progress: None,
    ) -> Account:
        """What the job came to, everything being read that was missing; ``crew`` makes those who do it.

        Raises `InputError` for another job's ``out`` or a wrong call, `DataError` if there is nothing to read
        or the input has changed, `OutputError` if something cannot be written, and `BulkError` if pieces are
        missing at the end. Whatever ends it, the next call goes on.
        """
        started = time.monotonic()
        source, out = Store(self.source), Store(self.out)
        if f"{out.address}/".startswith(source.address.rstrip("/") + "/"):
            raise InputError(
                f"{out.shown} lies in the input {source.shown}: give another folder for the results"
            )
        found = find_input(source, self.kind)
        with _held(out):
            manifest = self._manifest(source, out, found)
            results = Results(out, manifest["job"])
            results.prepare()
            joined, parts = results.survey()
            ledger = Ledger(manifest["pieces"], joined, parts, file_bytes=self.file_bytes)
            before = ledger.read + ledger.failed
            if ledger.done < ledger.pieces or parts:
                worker = self._worker(source, found, manifest, results)
                with crew(worker) as workers:
                    dispatch(planned_pieces(out), ledger, workers, manifest["rows"], watch)
            account = self._counted(out, manifest, results, time.monotonic() - started, before)
            results.finish()
            self._conclude(out, manifest, account)
            return account

    def _worker(self, source: Store, found: Input, manifest: dict[str, Any], results: Results) -> PieceReader:
        return PieceReader(
            source=source,
            kind=found.kind,
            wanted=self._wanted,
            id_type=manifest["settings"]["id_type"],
            results=results,
            batch=self.reader.on_column("image"),
            model=manifest["model"],
            rows_at_once=self.rows_at_once,
        )

    @property
    def _wanted(self) -> Wanted:
        return Wanted(self.reader.column, self.id_column)

    def _manifest(self, source: Store, out: Store, found: Input) -> dict[str, Any]:
        """The manifest of this job in ``out``: the one that is there, or a new one with its plan."""
        settings = {
            **self.reader.settings(),
            "id_column": self.id_column,
            "id_type": id_type(source, found, self._wanted),
        }
        what = {"input": asdict(found), "settings": settings, "model": self.reader.model}
        job = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]
        manifest = out.read_json(MANIFEST_FILE)
        if manifest is None:
            there = [entry.name for entry in out.entries() if entry.name not in (_LOCK_FILE, PLAN_FILE)]
            if there:
                raise InputError(f"{out.shown} is not empty, and no job of clipstr: it holds {there[0]}")
            manifest = {"format": FORMAT, "status": "planned", "job": job, "source": source.shown, **what}
            manifest |= {"version": clipstr.__version__, "started": _now()}
            make_plan(source, found, self._wanted, out, self.piece_rows)
            manifest |= _totals(out)
            out.write_json(MANIFEST_FILE, manifest)
        elif manifest.get("job") != job:
            raise InputError(
                f"{out.shown} holds another job: {_difference(manifest, what)}; give another folder"
            )
        return dict(manifest)

    def _counted(
        self, out: Store, manifest: dict[str, Any], results: Results, seconds: float, before: int
    ) -> Account:
        """What the files in ``out`` hold; raises `BulkError` unless that is each row of the input once."""
        joined, read, failed = results.counted()
        given = sum(receipt.given for receipt in joined)
        account = Account(given, read, failed, len(joined), seconds, read + failed - before)
        missing = list(gaps(joined, manifest["pieces"]))
        planned = manifest["rows"]
        sums = f"read {read} + failed {failed}, given {given if planned is None else planned}"
        if missing:
            raise BulkError(f"{out.shown}: pieces {missing[0][0]} to {missing[0][1]} are missing: {sums}")
        pieces = sum(receipt.last + 1 - receipt.first for receipt in joined)
        if (
            pieces != manifest["pieces"]
            or read + failed != given
            or (planned is not None and planned != given)
        ):
            raise BulkError(f"{out.shown}: the count is wrong, call the command again: {sums}")
        return account

    def _conclude(self, out: Store, manifest: dict[str, Any], account: Account) -> None:
        if manifest["status"] == "complete":
            return
        counts = {name: getattr(account, name) for name in ("given", "read", "failed", "files")}
        last_run = {"seconds": round(account.seconds, 1), "rows": account.rows_now}
        ended = {"status": "complete", "counts": counts, "ended": _now(), "last_run": last_run}
        out.write_json(MANIFEST_FILE, manifest | ended)


@contextmanager
def _held(out: Store) -> Iterator[None]:
    """The folder ``out``, made if need be, for this process alone while it lies on a disk."""
    out.make_folder()
    lock = locked(Path(out.at(_LOCK_FILE))) if out.local else None
    if out.local and lock is None:
        raise InputError(f"{out.shown}: another clipstr bulk is at work there")
    try:
        yield
    finally:
        if lock is not None:
            lock.close()


def _totals(out: Store) -> dict[str, Any]:
    """How many pieces the plan in ``out`` has, and rows, None if that is known only when they are read."""
    arrow()
    pieces, rows, known = 0, 0, True
    for piece in planned_pieces(out):
        pieces += 1
        for stretch in piece.stretches:
            known = known and stretch.rows >= 0
            rows += stretch.rows
    return {"pieces": pieces, "rows": rows if known else None}


def _difference(manifest: dict[str, Any], what: dict[str, Any]) -> str:
    """What of a job is not as the manifest says."""
    for part, value in what.items():
        old = manifest.get(part)
        if isinstance(value, dict) and isinstance(old, dict):
            names = [name for name in value if value[name] != old.get(name)]
            if names:
                return f"its {part} had {names[0]} {old.get(names[0])!r}, and now it is {value[names[0]]!r}"
        elif value != old:
            return f"its {part} was {old!r}, and now it is {value!r}"
    return "it was made by another version"


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
