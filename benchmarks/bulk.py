"""Bulk reading beside `clipstr read`: rows a second, the slope with the rows, memory, bytes a row.

    python benchmarks/bulk.py --data DIR [--rows 25000 50000 100000 200000] [--workers 2] [--compared 2000]
                              [--model tiny] [--one-look] [--mode scan]

The crops of DIR (any data sets) are written again and again to Parquet, each time with another comment in the
file so that no two are equal. ``clipstr read`` gets the first ``--compared`` of them as files, with as many
threads as `clipstr bulk` gets workers, before and after each job: a machine that slows down is seen. Rates
are told by the clock and by the processor's own seconds, which bear a busy machine better. With
``--mode scan`` DIR holds photographs, and it is ``clipstr scan`` that is compared with.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from clipstr.data import find_sources
from clipstr.files import write_json
from clipstr.models import DEFAULT_MODEL

FILE_ROWS, GROUP_ROWS = 20_000, 512
PAGE, TICKS = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Task:
    """What is read, and how: the words that both commands get."""

    data: Path
    mode: str
    model: str
    looks: bool
    workers: int

    @property
    def options(self) -> list[str]:
        looks = "--second-looks" if self.looks else "--no-second-looks"
        return ["--model", self.model, *([looks] if self.mode == "read" else [])]

    def pictures(self) -> Iterator[bytes]:
        """The pictures in ``data``, again and again."""
        sources = find_sources(self.data) if self.mode == "read" else []
        files = sorted(self.data.glob("*.jpg")) if self.mode == "scan" else []
        for turn in itertools.count():
            every = (source.image_bytes(index) for source in sources for index in range(len(source)))
            for content in itertools.chain(every, (file.read_bytes() for file in files)):
                mark = b"\xff\xfe" + (2 + 8).to_bytes(2, "big") + turn.to_bytes(8, "big")  # a JPEG's comment
                yield content[:2] + mark + content[2:] if content[:2] == b"\xff\xd8" else content


def write_tables(pictures: Iterator[bytes], folder: Path, rows: int) -> None:
    for number in range(-(-rows // FILE_ROWS)):
        cells = list(itertools.islice(pictures, min(FILE_ROWS, rows - number * FILE_ROWS)))
        table = pa.table({"image": pa.array(cells, pa.binary())})
        parquet.write_table(table, folder / f"{number:05d}.parquet", row_group_size=GROUP_ROWS)


class Watch(threading.Thread):
    """The memory that the driver ``pid`` and each worker have for themselves, and the processor's seconds.

    Looked at twice a second; the processes of a job are known by their working folder.
    """

    def __init__(self, pid: int, place: Path) -> None:
        super().__init__(daemon=True)
        self.pid, self.place, self.ended = pid, place, threading.Event()
        self.driver: list[float] = []
        self.worker: list[float] = []  # the largest of the workers at each moment
        self.processor: dict[int, float] = {}  # seconds of each process, as last seen

    def run(self) -> None:
        while not self.ended.wait(0.5):
            sizes = list(self._processes())
            self.driver += [size for name, size in sizes if name == "driver"]
            workers = [size for name, size in sizes if name == "worker"]
            self.worker += [max(workers)] if workers else []

    def _processes(self) -> Iterator[tuple[str, float]]:
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if (path / "cwd").readlink() != self.place:
                    continue
                line = (path / "cmdline").read_bytes()
                resident, shared = map(int, (path / "statm").read_text().split()[1:3])
                times = (path / "stat").read_text().rpartition(")")[2].split()[11:13]
            except (OSError, ValueError, IndexError):
                continue
            self.processor[int(path.name)] = sum(map(int, times)) / TICKS
            if int(path.name) == self.pid:
                yield "driver", (resident - shared) * PAGE / 1e6
            elif line.startswith(b"ray::_Worker"):
                yield "worker", (resident - shared) * PAGE / 1e6


def bulk(source: Path, out: Path, task: Task) -> dict[str, float]:
    """What one job cost: its own last line, and the memory of driver and workers."""
    command = [sys.executable, "-m", "clipstr", "bulk", str(source), "--out", str(out), "--mode", task.mode]
    command += [*task.options, "--actors", str(task.workers)]
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=source)
    watch = Watch(process.pid, source.resolve())
    watch.start()
    assert process.stdout is not None
    last = process.stdout.read().splitlines()[-1]
    if process.wait():
        raise SystemExit(f"clipstr bulk ended with status {process.returncode}")
    watch.ended.set()
    watch.join()
    seconds = time.monotonic() - began
    read, failed, given = map(int, re.findall(r"\d+", last)[:3])
    assert read + failed == given
    size = sum(file.stat().st_size for file in out.glob("*/*.parquet"))
    quarter = max(len(watch.worker) // 4, 1)
    return {
        "rows": given,
        "seconds": seconds,
        "processor_seconds": sum(watch.processor.values()),
        "rows_a_second": given / seconds,
        "bytes_a_row": size / given,
        "plan_bytes_a_row": (out / "plan.parquet").stat().st_size / given,
        "manifest_bytes": (out / "manifest.json").stat().st_size,
        "driver_mb": max(watch.driver, default=0),
        "worker_mb": max(watch.worker, default=0),
        "worker_mb_first_quarter": max(watch.worker[:quarter], default=0),
        "going_on_seconds": going_on(command),
    }


def going_on(command: list[str]) -> float:
    """The seconds of a call that finds everything done."""
    began = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    return time.monotonic() - began


def read(folder: Path, task: Task) -> tuple[float, float]:
    """The seconds a picture of ``clipstr read`` (or ``scan``) in ``folder``: the clock's, the processor's."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [sys.executable, "-m", "clipstr", task.mode, str(folder), "--threads", str(task.workers)]
    subprocess.run([*command, *task.options], check=True, capture_output=True)
    count, after = sum(1 for _ in folder.iterdir()), resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return (time.monotonic() - began) / count, processor / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, nargs="+", default=[25_000, 50_000, 100_000, 200_000])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--compared", type=int, default=2000)
    parser.add_argument("--mode", choices=("read", "scan"), default="read")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--one-look", action="store_true", help="no second looks")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    os.environ.pop("OMP_NUM_THREADS", None)
    task = Task(options.data.resolve(), options.mode, options.model, not options.one_look, options.workers)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "compared").mkdir()
        for number, content in enumerate(itertools.islice(task.pictures(), options.compared)):
            (place / "compared" / f"{number:06d}.jpg").write_bytes(content)
        costs, jobs = [read(place / "compared", task)], []
        for rows in options.rows:
            source = place / f"in-{rows}"
            source.mkdir()
            write_tables(task.pictures(), source, rows)
            jobs.append(bulk(source, place / f"out-{rows}", task))
            costs.append(read(place / "compared", task))
            print(json.dumps(jobs[-1]), flush=True)
    summary = {"jobs": jobs, "compared": costs} | compared(jobs, costs)
    print(json.dumps({key: value for key, value in summary.items() if key != "jobs"}, indent=2))
    if options.json:
        write_json(options.json, summary)


def compared(jobs: list[dict[str, float]], costs: list[tuple[float, float]]) -> dict[str, object]:
    """The jobs beside what they are compared with, and beside each other."""
    first, last = jobs[0], jobs[-1]
    summary: dict[str, object] = {}
    for number, name in enumerate(("seconds", "processor_seconds")):
        # The pictures were read beside the largest job just before it and just after.
        alone = (costs[-2][number] + costs[-1][number]) / 2
        summary[f"rate_over_the_compared_by_{name}"] = alone / (last[name] / last["rows"])
        a_row = [job[name] / job["rows"] for job in (first, last)]
        summary[f"{name}_a_row_of_the_largest_over_the_smallest"] = a_row[1] / a_row[0]
    return summary


if __name__ == "__main__":
    main()
