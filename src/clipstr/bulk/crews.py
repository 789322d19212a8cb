"""Crews: those who do a job's tasks, as actors on Ray or alone in this process."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol

from clipstr.bulk.locks import locked
from clipstr.bulk.pieces import PieceReader
from clipstr.bulk.plan import Piece
from clipstr.bulk.results import Receipt
from clipstr.errors import BulkError, MissingExtraError
from clipstr.processors import usable_processors

__all__ = ["Alone", "Crew", "DeadWorkerError", "JoinTask", "RayCrew", "ReadTask", "Task"]

_OBJECT_STORE = 80 << 20  # bytes: next to nothing goes through it, and Ray wants at least 75 MB
_COLOURS = re.compile(r"\x1b\[\d+m")  # which Ray's messages have
_FOLDER = "clipstr-ray-"
_LONGEST = (
    20  # characters of the path of temporary files: Ray's sockets lie below, and Linux bounds their paths
)


@dataclass(frozen=True)
class ReadTask:
    """A piece is to be read; ``guarded`` if workers died with it: in a process of its own."""

    piece: Piece
    guarded: bool = False


@dataclass(frozen=True)
class JoinTask:
    """Parts are to be joined."""

    receipts: tuple[Receipt, ...]


Task = ReadTask | JoinTask


class DeadWorkerError(Exception):
    """The process that did a task died with it."""


class Crew(Protocol):
    """Workers that do one task each at a time."""

    @property
    def free(self) -> int:
        """How many workers have nothing to do."""

    def give(self, task: Task) -> None:
        """Let a free worker do ``task``."""

    def take(self) -> tuple[Task, Receipt | Exception] | None:
        """A task that has ended, and how; None if none has within a second."""


class Alone:
    """This process: it does the tasks itself, one after the other."""

    def __init__(self, reader: PieceReader) -> None:
        self.reader = reader
        self._tasks: deque[Task] = deque()

    def __enter__(self) -> Alone:
        return self

    def __exit__(self, *_: object) -> None:
        self._tasks.clear()

    @property
    def free(self) -> int:
        return 1 - len(self._tasks)

    def give(self, task: Task) -> None:
        self._tasks.append(task)

    def take(self) -> tuple[Task, Receipt | Exception] | None:
        task = self._tasks.popleft()
        try:
            return task, _do(self.reader, task)
        except Exception as error:
            return task, error


def _do(reader: PieceReader, task: Task) -> Receipt:
    if isinstance(task, ReadTask):
        return reader.read(task.piece, guarded=task.guarded)
    return reader.join(list(task.receipts))


class _Worker:
    """What runs in an actor."""

    def __init__(self) -> None:
        self.reader: PieceReader | None = None

    def do(self, task: Task, reader: PieceReader) -> Receipt:
        # The first one that comes is kept: it has loaded its model. It comes with a task, and not at the
        # beginning, so that what is wrong with it is the task's error, and not a worker that died.
        self.reader = self.reader or reader
        return _do(self.reader, task)


class RayCrew:
    """``actors`` workers on Ray (None: as many as there are CPUs for), each with ``cpus`` CPUs.

    ``address`` is that of a running cluster; without one, Ray is started here for the time of the ``with``
    block, in a temporary folder that is removed with it, with the smallest object store, without a dashboard
    and without statistics of its usage. Where this program has started Ray itself, that is used. A worker
    that dies is replaced. Raises `MissingExtraError` without Ray, `BulkError` if it cannot be started.
    """

    def __init__(
        self, reader: PieceReader, *, actors: int | None = None, cpus: int = 1, address: str | None = None
    ) -> None:
        self.reader, self.actors, self.cpus, self.address = reader, actors, cpus, address
        self._folder: Path | None = None
        self._idle: list[Any] = []
        self._busy: dict[Any, tuple[Any, Task]] = {}  # by what Ray calls the result that is to come

    def __enter__(self) -> RayCrew:
        self._ray, self._started = _ray(), False
        if not self._ray.is_initialized():
            self._start()
        count = self.actors or max(int(self._ray.cluster_resources().get("CPU", 1)) // self.cpus, 1)
        self._shared = self._ray.put(self.reader)
        self._idle = [self._new() for _ in range(count)]
        return self

    def _start(self) -> None:
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        if self.address is None:
            self._folder, self._lock = _own_folder()
            quiet |= {
                "num_cpus": self.actors * self.cpus if self.actors else max(usable_processors(), self.cpus),
                "object_store_memory": _OBJECT_STORE,
                "include_dashboard": False,
                "_temp_dir": str(self._folder),
            }
        try:
            self._ray.init(address=self.address or "local", **quiet)
        except Exception as error:  # Ray raises bare ones, as where a busy machine starts it too slowly
            self.__exit__(None, None, None)
            where = self.address or "here"
            raise BulkError(f"Ray cannot be used ({where}): {error}") from error
        self._started = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in [*self._idle, *(worker for worker, _ in self._busy.values())]:
            self._ray.kill(worker)
        if self._started:
            self._ray.shutdown()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._lock.close()

    def _new(self) -> Any:
        actor = self._ray.remote(_Worker).options(num_cpus=self.cpus, max_restarts=0)
        return actor.remote()

    @property
    def free(self) -> int:
        return len(self._idle)

    def give(self, task: Task) -> None:
        worker = self._idle.pop()
        self._busy[worker.do.remote(task, self._shared)] = worker, task

    def take(self) -> tuple[Task, Receipt | Exception] | None:
        ended, _ = self._ray.wait(list(self._busy), num_returns=1, timeout=1.0)
        if not ended:
            return None
        worker, task = self._busy.pop(ended[0])
        try:
            receipt: Receipt = self._ray.get(ended[0])
        except self._ray.exceptions.RayTaskError as error:
            self._idle.append(worker)
            return task, error.cause if isinstance(error.cause, Exception) else error
        except self._ray.exceptions.RayError as error:
            self._ray.kill(worker)
            self._idle.append(self._new())
            return task, DeadWorkerError(_COLOURS.sub("", str(error)).strip().partition("\n")[0])
        self._idle.append(worker)
        return task, receipt


def _ray() -> Any:
    """The module ray, which sends no statistics of its usage."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # or it warns of a change to come
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError(
            f"several workers need Ray: pip install 'clipstr[bulk]', or --actors 0 for none ({error})"
        ) from error
    return ray


def _own_folder() -> tuple[Path, BinaryIO]:
    """A new temporary folder for Ray, locked while it is used; what killed processes left is removed."""
    place = Path(tempfile.gettempdir())
    if len(str(place)) > _LONGEST and Path("/tmp").is_dir():
        place = Path("/tmp")
    for old in place.glob(f"{_FOLDER}*"):
        with suppress(OSError):
            lock = locked(old / "lock") if old.stat().st_uid == os.getuid() else None
            if lock is not None:
                shutil.rmtree(old, ignore_errors=True)
                lock.close()
    folder = Path(tempfile.mkdtemp(prefix=_FOLDER, dir=place))
    lock = locked(folder / "lock")
    assert lock is not None
    return folder, lock
