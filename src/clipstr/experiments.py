"""One restartable runner of experiments: cells with a key, kept when finished, gone on with after a kill.

A cell is one figure or a few: a training and what it reads, a data set and how it was read. Its key holds
everything that decides them, and names its folder: a changed key is another cell, and a finished one is
never made again. The tables of the paper, the releases and the benchmarks are lists of cells.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clipstr.errors import ClipstrError, DataError, ExperimentError, UnfinishedError
from clipstr.files import make_folder, read_text, text_lines, write_text

__all__ = ["Cell", "Experiment", "Turn", "accuracies", "train"]

CELL_FILE = "cell.json"
FORMAT = "clipstr-cell/1"
ENDING = 40.0  # seconds that a training gets to save and end
SHORTEST = 2 * ENDING  # seconds with fewer of which nothing is begun
LOG_FILE = "log.txt"
INTERRUPTED = 3  # the exit status of a training that can be gone on with

Values = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What a cell is given to be made.

    Its folder, which may hold what an earlier turn left there; the seconds that it may take (None: as many as
    it needs); and what tells it to save and end.
    """

    folder: Path
    seconds: float | None = None
    stop: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One piece of an experiment: its name for people, its key, and how it is made.

    ``make`` returns plain values for JSON, or raises `UnfinishedError` if there is more to do. ``key`` is
    plain too. ``folder`` names the cell's folder where it should not be made of the name and the key.
    """

    name: str
    key: Values
    make: Callable[[Turn], Values]
    folder: str = ""

    @property
    def folder_name(self) -> str:
        """The name made safe for a folder, with the first digits of the key's SHA-256."""
        if self.folder:
            return self.folder
        readable = re.sub(r"[^A-Za-z0-9.]+", "-", self.name).strip("-.") or "cell"
        return f"{readable[:80]}-{hashlib.sha256(_plain(self.key).encode()).hexdigest()[:8]}"


class Experiment:
    """Cells in one folder, each below it by its own name; experiments may share a folder, and so cells."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def place(self, cell: Cell) -> Path:
        """The folder of ``cell``, which need not be there yet."""
        return self.folder / cell.folder_name

    def finished(self, cell: Cell) -> dict[str, Any] | None:
        """What ``cell`` gave, or None if it is not finished; raises `DataError` if its file is damaged."""
        path = self.place(cell) / CELL_FILE
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            if kept["format"] != FORMAT or kept["key"] != json.loads(_plain(cell.key)):
                raise ValueError("it belongs to another experiment")
            result: dict[str, Any] = kept["result"]
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} is no finished cell of {cell.name!r} ({error}): delete it") from error
        return result

    def finish(
        self,
        cells: Sequence[Cell],
        *,
        parallel: int = 1,
        seconds: float | None = None,
        told: Callable[[Cell, dict[str, Any]], None] | None = None,
    ) -> list[dict[str, Any]]:
        """What the ``cells`` gave, in order: those that are not finished are made, ``parallel`` at a time.

        ``seconds`` is how long this call may take, and ``told`` hears of each cell that was made. A cell that
        fails does not stop the others. Raises `UnfinishedError` if there is more to do, or else
        `ExperimentError` naming those that failed.
        """
        end = None if seconds is None else time.monotonic() + seconds
        problems: dict[str, Exception] = {}
        stop = threading.Event()
        with ThreadPoolExecutor(parallel) as pool:
            jobs = [(cell, pool.submit(self._finish, cell, end, stop)) for cell in cells]
            try:
                for cell, job in jobs:
                    try:
                        result, made = job.result()
                    except (OSError, ClipstrError) as error:
                        problems[cell.name] = error
                    else:
                        if made and told is not None:
                            told(cell, result)
            except BaseException:
                stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        _raise_for(problems, len(cells))
        return [self.finished(cell) or {} for cell in cells]

    def _finish(self, cell: Cell, end: float | None, stop: threading.Event) -> tuple[dict[str, Any], bool]:
        """What ``cell`` gave, and whether that was made now."""
        kept = self.finished(cell)
        if kept is not None:
            return kept, False
        remaining = None if end is None else end - time.monotonic()
        if remaining is not None and remaining < SHORTEST:
            raise UnfinishedError(f"{cell.name} was not begun: the time is over")
        folder, start = self.place(cell), time.monotonic()
        make_folder(folder)
        made = dict(cell.make(Turn(folder=folder, seconds=remaining, stop=stop)))
        record = {"format": FORMAT, "name": cell.name, "key": cell.key, "result": made}
        text = _plain(record | {"seconds": round(time.monotonic() - start, 1)}, indent=2)
        write_text(folder / CELL_FILE, text + "\n")
        return self.finished(cell) or {}, True


def train(
    arguments: Sequence[str], turn: Turn, *, threads: int | None = None, quiet: bool = True
) -> dict[str, float]:
    """The accuracies of the finished run of ``clipstr ARGUMENTS --out turn.folder``, gone on with if begun.

    ``threads`` limits those of its arithmetic; ``quiet`` sends what it says to ``log.txt`` in its folder.
    Raises `UnfinishedError` if it was interrupted or its seconds were over, having saved what it had, and
    `ExperimentError` with the last line of its log if it failed or another process works in that folder.
    """
    folder, log = turn.folder, turn.folder / LOG_FILE
    make_folder(folder)
    resume = ["--resume"] if (folder / "last.ckpt").exists() else []
    command = [sys.executable, "-m", "clipstr", *arguments, "--out", str(folder), *resume]
    limits = {} if threads is None else {"OMP_NUM_THREADS": str(threads)}
    with _locked(folder) as lock, log.open("a", encoding="utf-8") as file:
        said = file if quiet else None
        # In a session of its own, so that Ctrl-C reaches it once, through us: a second does not save.
        process = subprocess.Popen(
            command,
            env=os.environ | limits,
            stdout=said,
            stderr=said,
            pass_fds=[] if lock is None else [lock],
            start_new_session=True,
        )
        status = _ended(process, turn)
    if status == INTERRUPTED:
        raise UnfinishedError(f"{folder} was interrupted; call again to go on")
    if status:
        lines = text_lines(log.read_text(encoding="utf-8", errors="replace"))
        last = next((line for line in reversed(lines) if line.strip()), "it said nothing")
        raise ExperimentError(f"the training in {folder} failed with status {status}: {last} (see {log})")
    return accuracies(folder)


def accuracies(run: Path) -> dict[str, float]:
    """The accuracy (0 to 1) by validation set at the end of the training in ``run``, and their "mean".

    Not the best on the way: that would be chosen on what it is judged by. Empty if it never validated.
    """
    lines = text_lines(read_text(run / "losses.jsonl", error=DataError))
    records = (json.loads(line) for line in reversed(lines))
    return next((record["accuracy"] for record in records if "accuracy" in record), {})


def _ended(process: subprocess.Popen[bytes], turn: Turn) -> int:
    """The exit status of ``process``, which is asked to save and end when its time or ours is over."""
    end = math.inf if turn.seconds is None else time.monotonic() + max(turn.seconds - ENDING, 1.0)
    try:
        while (status := process.poll()) is None and time.monotonic() < end and not turn.stop.is_set():
            time.sleep(0.05)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
    if status is not None:
        return status
    try:
        return process.wait(2 * ENDING)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return INTERRUPTED  # its last checkpoint is whole


@contextmanager
def _locked(folder: Path) -> Iterator[int | None]:
    """The lock on ``folder`` that a training inherits: it outlives us if we are killed, and must be alone."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield None
        return
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ExperimentError(
                f"another process still works in {folder}: wait for it, or end it"
            ) from error
        yield file.fileno()


def _raise_for(problems: Mapping[str, Exception], count: int) -> None:
    failed = {name: error for name, error in problems.items() if not isinstance(error, UnfinishedError)}
    if failed:
        told = "; ".join(f"{name}: {error}" for name, error in failed.items())
        raise ExperimentError(f"{len(failed)} of {count} cells failed: {told}")
    if problems:
        names = ", ".join(problems)
        raise UnfinishedError(
            f"{len(problems)} of {count} cells are not finished: {names}; call again to go on"
        )


def _plain(values: Values, *, indent: int | None = None) -> str:
    return json.dumps(values, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=indent)
