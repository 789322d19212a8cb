"""Bulk reading on Ray: `ReadBatch` in Ray Data, the command, and workers and drivers that are killed."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clipstr.bulk import Job, RayCrew, ReadBatch
from clipstr.bulk.batch import threads_given
from clipstr.errors import BulkError

ray = pytest.importorskip("ray")

from tables import DAMAGED, DEADLY, DeadlyBatch, result, rows, words, write_table, write_tables  # noqa: E402

COUNT = 150


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """One Ray for the tests of this file, as small as it gets."""
    # Workers find the tests' own modules by it.
    paths = [str(Path(__file__).parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    place = "/tmp" if Path("/tmp").is_dir() else None  # for short paths of sockets
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory(prefix="ray-", dir=place) as folder,
    ):
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(
            num_cpus=2,
            object_store_memory=80 << 20,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
            _temp_dir=folder,
        )
        yield
        ray.shutdown()


def job(model: Path, source: Path, out: Path) -> Job:
    return Job(source=str(source), out=str(out), reader=ReadBatch(model, second_looks=False), piece_rows=16)


def good(count: int = COUNT) -> dict[str, str]:
    each = -(-count // 3)
    return {f"{n // each}.parquet#{n % each}": w for n, w in enumerate(words(count)) if n not in DAMAGED}


def test_it_works_in_ray_data(cluster: None, toy_model: Path) -> None:
    import pyarrow as pa

    cells = pa.table({"image": pa.array(rows(COUNT), pa.binary()), "n": list(range(COUNT))})
    ray.data.DataContext.get_current().enable_progress_bars = False
    found = (
        ray.data.from_arrow(cells)
        .map_batches(
            ReadBatch,
            fn_constructor_kwargs={"model": str(toy_model), "second_looks": False, "keep": ["n"]},
            batch_format="pyarrow",
            batch_size=64,
            concurrency=1,
        )
        .take_all()
    )
    texts = {row["n"]: row["text"] for row in found}
    assert texts == {n: None if n in DAMAGED else word for n, word in enumerate(words(COUNT))}
    assert sum(row["error"] is not None for row in found) == len(DAMAGED)


def test_threads_follow_the_cpus_of_an_actor(cluster: None) -> None:
    assert threads_given() is None  # this process is no actor
    remote = ray.remote(threads_given)
    assert ray.get([remote.options(num_cpus=n).remote() for n in (1, 2)]) == [1, 2]


def test_workers_on_ray_read_everything_once(cluster: None, toy_model: Path, tmp_path: Path) -> None:
    source = write_tables(tmp_path / "in", COUNT)
    account = job(toy_model, source, tmp_path / "out").run(lambda reader: RayCrew(reader, actors=2))
    assert (account.given, account.failed) == (COUNT, len(DAMAGED))
    assert good().items() <= result(tmp_path / "out").items()


def test_a_ray_that_does_not_come_up_is_told(toy_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(**options: Any) -> None:
        raise Exception("The current node timed out during startup.")  # as Ray itself raises it

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", slow)
    with pytest.raises(BulkError, match="Ray cannot be used .*timed out"), RayCrew(ReadBatch(toy_model)):
        pass


def test_workers_that_are_killed_lose_nothing(cluster: None, toy_model: Path, tmp_path: Path) -> None:
    source = write_tables(tmp_path / "in", 900)
    chance, killed = random.Random(1), list[Any]()

    class Watched(RayCrew):
        def give(self, task: Any) -> None:
            super().give(task)
            if len(killed) < 4 and chance.random() < 0.3:
                worker = next(reversed(self._busy.values()))[0]
                killed.append(worker)
                ray.kill(worker, no_restart=True)

    account = job(toy_model, source, tmp_path / "out").run(lambda reader: Watched(reader, actors=2))
    assert len(killed) == 4
    assert account.given == 900
    assert good(900).items() <= result(tmp_path / "out").items()


def test_a_piece_that_kills_its_workers_is_told_and_the_others_are_read(
    cluster: None, toy_model: Path, tmp_path: Path
) -> None:
    source = write_tables(tmp_path / "in", COUNT)

    class Deadly(RayCrew):
        def give(self, task: Any) -> None:
            super().give(task)
            if getattr(task, "piece", None) is not None and task.piece.number == 2:
                ray.kill(next(reversed(self._busy.values()))[0], no_restart=True)

    with pytest.raises(BulkError, match=r"failed 3 times, the first: piece 2"):
        job(toy_model, source, tmp_path / "out").run(lambda reader: Deadly(reader, actors=1))
    account = job(toy_model, source, tmp_path / "out").run(lambda reader: RayCrew(reader, actors=1))
    assert account.given == COUNT
    assert account.rows_now < 20


def test_a_picture_that_kills_its_worker_is_one_failed_row(
    cluster: None, toy_model: Path, tmp_path: Path
) -> None:
    cells = rows(48)
    cells[30] = DEADLY
    source = write_table(tmp_path / "in/0.parquet", cells)
    reader = DeadlyBatch(toy_model, second_looks=False)
    deadly = Job(source=str(source), out=str(tmp_path / "out"), reader=reader, piece_rows=16)
    account = deadly.run(lambda worker: RayCrew(worker, actors=1))
    assert (account.given, account.failed) == (48, len(DAMAGED) + 1)
    assert result(tmp_path / "out")["0.parquet#30"] == "DeadReaderError"


def status(process: str) -> list[str]:
    """What Linux says of a process, from its state on; nothing of one that is gone."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def descendants(pid: int) -> dict[str, str]:
    """The command lines of the processes that ``pid`` and its children have started, by their numbers."""
    parents = {path.name: (status(path.name) or ["", ""])[1] for path in Path("/proc").glob("[0-9]*")}
    found, waiting = dict[str, str](), [str(pid)]
    while waiting:
        parent = waiting.pop()
        for child in [process for process, above in parents.items() if above == parent]:
            found[child] = Path(f"/proc/{child}/cmdline").read_text(errors="replace")
            waiting.append(child)
    return found


def alive(process: str) -> bool:
    return (status(process) or ["Z"])[0] != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")
def test_the_command_killed_with_its_ray_goes_on_and_leaves_no_process(
    toy_model: Path, tmp_path: Path
) -> None:
    source, out = write_tables(tmp_path / "in", 600), tmp_path / "out"
    command = [sys.executable, "-m", "clipstr", "bulk", str(source), "--out", str(out)]
    command += ["--model", str(toy_model), "--no-second-looks", "--actors", "1", "--piece-rows", "16"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 240
    while len(list(out.glob("parts/*.parquet"))) < 3 and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.02)
    # Ray's own agents go by themselves, within a minute of their parent.
    started = [number for number, line in descendants(process.pid).items() if "Agent" not in line]
    assert len(started) > 2
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    while any(map(alive, started)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [number for number in started if alive(number)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.startswith("read 597 + failed 3 = given 600; ")
    assert int(last.split("; ")[1].split()[0]) <= 600 - 3 * 16
    assert good(600).items() <= result(out).items()
