"""Giving the pieces that are missing to a crew, and taking in what becomes of them."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from clipstr.bulk.crews import Crew, DeadWorkerError, JoinTask, ReadTask, Task
from clipstr.bulk.ledgers import Ledger
from clipstr.bulk.plan import Piece
from clipstr.errors import BulkError, ClipstrError

__all__ = ["Progress", "dispatch"]

TRIES = 3  # of a task


@dataclass(frozen=True)
class Progress:
    """How far a job is."""

    read: int
    failed: int
    given: int | None  # rows of the whole job, where they are known
    share: float  # of the job's pieces that are done
    rate: float  # rows a second in this run
    seconds_left: float | None
    troubles: int  # workers that died, and inputs that could not be fetched, in this run


class _Meter:
    """Rates and time left, of this run alone."""

    def __init__(self, ledger: Ledger, given: int | None) -> None:
        self.ledger, self.given, self.troubles = ledger, given, 0
        self._began = time.monotonic()
        self._rows, self._pieces = ledger.given, ledger.done

    def progress(self) -> Progress:
        ledger, seconds = self.ledger, max(time.monotonic() - self._began, 1e-9)
        rate, pace = (ledger.given - self._rows) / seconds, (ledger.done - self._pieces) / seconds
        left: float | None = None
        if self.given is not None and rate:
            left = (self.given - ledger.given) / rate
        elif pace:
            left = (ledger.pieces - ledger.done) / pace
        share = ledger.done / max(ledger.pieces, 1)
        return Progress(ledger.read, ledger.failed, self.given, share, rate, left, self.troubles)


class _Tasks:
    """What is to be done next: joins first, then new pieces, then what failed and is tried again."""

    def __init__(self, pieces: Iterable[Piece], ledger: Ledger) -> None:
        self.ledger = ledger
        self._pieces: Iterator[Piece] = (piece for piece in pieces if not ledger.has(piece.number))
        self._again: deque[Task] = deque()
        self._tries: Counter[int | Task] = Counter()
        self.given_up: list[str] = []

    def following(self) -> Task | None:
        """The next task, None if there is none now."""
        if receipts := self.ledger.to_join():
            return JoinTask(receipts)
        if (piece := next(self._pieces, None)) is not None:
            return ReadTask(piece)
        return self._again.popleft() if self._again else None

    def failed(self, task: Task, error: Exception) -> None:
        """Keep ``task`` to be tried again, unless it was tried often enough."""
        key = task.piece.number if isinstance(task, ReadTask) else task
        self._tries[key] += 1
        if self._tries[key] < TRIES:
            guarded = isinstance(error, DeadWorkerError) and self._tries[key] == TRIES - 1
            self._again.append(replace(task, guarded=guarded) if isinstance(task, ReadTask) else task)
        else:
            self.given_up.append(f"{_described(task)}: {error or type(error).__name__}")


def _described(task: Task) -> str:
    if isinstance(task, ReadTask):
        files = task.piece.stretches
        return (
            f"piece {task.piece.number} ({files[0].file or 'the input'}{', ...' if len(files) > 1 else ''})"
        )
    return f"joining pieces {task.receipts[0].first} to {task.receipts[-1].last}"


def dispatch(
    pieces: Iterable[Piece],
    ledger: Ledger,
    crew: Crew,
    given: int | None,
    watch: Callable[[Progress], None],
) -> None:
    """Have ``crew`` read those of ``pieces`` that the ledger lacks, and join parts.

    A task whose worker dies or whose input cannot be fetched is tried three times, the last time guarded if
    workers died of it; then the others are still done, and a `BulkError` tells of it. Raises at once what is
    not a single piece's trouble: `OutputError`, `DataError`, `ModelError`.
    """
    tasks, meter, at_work = _Tasks(pieces, ledger), _Meter(ledger, given), 0
    watch(meter.progress())
    while True:
        while crew.free and (task := tasks.following()) is not None:
            crew.give(task)
            at_work += 1
        if not at_work:
            break
        ended = crew.take()
        if ended is None:
            continue
        at_work -= 1
        task, result = ended
        if isinstance(result, Exception):
            if isinstance(result, ClipstrError) or not isinstance(result, (OSError, DeadWorkerError)):
                raise result
            meter.troubles += 1
            tasks.failed(task, result)
        elif isinstance(task, ReadTask):
            ledger.add(result)
        watch(meter.progress())
    if tasks.given_up:
        raise BulkError(
            f"{len(tasks.given_up)} tasks failed {TRIES} times, the first: {tasks.given_up[0]}; call the "
            f"command again to try what is missing ({ledger.read} rows read, {ledger.failed} failed so far)"
        )
