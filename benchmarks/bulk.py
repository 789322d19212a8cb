"""Bulk reading beside `clipstr read`: rows a second, the slope with the rows, memory, bytes a row.

    python benchmarks/bulk.py --data DIR [--rows 25000 50000 100000 200000] [--workers 2] [--compared 2000]

The crops of DIR (any data sets) are written again and again to Parquet, each time with another comment in the
file so that no two are equal. ``clipstr read`` gets the first ``--compared`` of them as files, with as many
threads as `clipstr bulk` gets workers, before and after all else: a machine that slows down is seen.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from clipstr.data import find_sources
from clipstr.files import write_json

FILE_ROWS, GROUP_ROWS = 20_000, 512
PAGE = os.sysconf("SC_PAGE_SIZE")


def crops(data: Path) -> Iterator[bytes]:
    """The pictures of the data sets in ``data``, again and again."""
    sources = find_sources(data)
    for turn in itertools.count():
        for source in sources:
            for index in range(len(source)):
                content = source.image_bytes(index)
                mark = b"\xff\xfe" + (2 + 8).to_bytes(2, "big") + turn.to_bytes(8, "big")  # a JPEG's comment
                yield content[:2] + mark + content[2:] if content[:2] == b"\xff\xd8" else content


def write_tables(data: Path, folder: Path, rows: int) -> None:
    pictures = crops(data)
    for number in range(-(-rows // FILE_ROWS)):
        cells = list(itertools.islice(pictures, min(FILE_ROWS, rows - number * FILE_ROWS)))
        table = pa.table({"image": pa.array(cells, pa.binary())})
        parquet.write_table(table, folder / f"{number:05d}.parquet", row_group_size=GROUP_ROWS)


class Memory(threading.Thread):
    """The memory that the driver ``pid`` and each worker have for themselves, looked at twice a second."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.ended = pid, threading.Event()
        self.driver: list[float] = []
        self.worker: list[float] = []  # the largest of the workers at each moment

    def run(self) -> None:
        while not self.ended.wait(0.5):
            sizes = list(self._processes())
            self.driver += [size for name, size in sizes if name == "driver"]
            self.worker += [max(size for name, size in sizes if name == "worker")] if len(sizes) > 1 else []

    def _processes(self) -> Iterator[tuple[str, float]]:
        for path in Path("/proc").glob("[0-9]*"):
            try:
                line = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                resident = int((path / "statm").read_text().split()[1])
                shared = int((path / "statm").read_text().split()[2])
            except (OSError, IndexError):
                continue
            if int(path.name) == self.pid:
                yield "driver", (resident - shared) * PAGE / 1e6
            elif line.startswith("ray::_Worker"):
                yield "worker", (resident - shared) * PAGE / 1e6


def bulk(source: Path, out: Path, workers: int) -> dict[str, float]:
    """What one job cost: its own last line, and the memory of driver and workers."""
    command = [sys.executable, "-m", "clipstr", "bulk", str(source), "--out", str(out)]
    began = time.monotonic()
    process = subprocess.Popen([*command, "--actors", str(workers)], stdout=subprocess.PIPE, text=True)
    memory = Memory(process.pid)
    memory.start()
    assert process.stdout is not None
    last = process.stdout.read().splitlines()[-1]
    if process.wait():
        raise SystemExit(f"clipstr bulk ended with status {process.returncode}")
    memory.ended.set()
    memory.join()
    seconds = time.monotonic() - began
    read, failed, given = map(int, re.findall(r"\d+", last)[:3])
    assert read + failed == given
    size = sum(file.stat().st_size for file in out.glob("*/*.parquet"))
    quarter = max(len(memory.worker) // 4, 1)
    return {
        "rows": given,
        "seconds": seconds,
        "rows_a_second": given / seconds,
        "bytes_a_row": size / given,
        "plan_bytes_a_row": (out / "plan.parquet").stat().st_size / given,
        "manifest_bytes": (out / "manifest.json").stat().st_size,
        "driver_mb": max(memory.driver, default=0),
        "worker_mb": max(memory.worker, default=0),
        "worker_mb_first_quarter": max(memory.worker[:quarter], default=0),
        "going_on_seconds": going_on(command),
    }


def going_on(command: list[str]) -> float:
    """The seconds of a call that finds everything done."""
    began = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    return time.monotonic() - began


def read(data: Path, folder: Path, count: int, threads: int) -> float:
    """The rows a second of ``clipstr read`` on ``count`` crops."""
    for number, content in enumerate(itertools.islice(crops(data), count)):
        (folder / f"{number:06d}.jpg").write_bytes(content)
    began = time.monotonic()
    command = [sys.executable, "-m", "clipstr", "read", str(folder), "--threads", str(threads)]
    subprocess.run(command, check=True, capture_output=True)
    return count / (time.monotonic() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rows", type=int, nargs="+", default=[25_000, 50_000, 100_000, 200_000])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--compared", type=int, default=2000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    os.environ.pop("OMP_NUM_THREADS", None)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "crops").mkdir()
        rates = [read(options.data, place / "crops", options.compared, options.workers)]
        jobs = []
        for rows in options.rows:
            source = place / f"in-{rows}"
            source.mkdir()
            write_tables(options.data, source, rows)
            jobs.append(bulk(source, place / f"out-{rows}", options.workers))
            print(json.dumps(jobs[-1]), flush=True)
        rates.append(read(options.data, place / "crops", options.compared, options.workers))
    first, last = jobs[0], jobs[-1]
    summary: dict[str, object] = {"jobs": jobs, "clipstr_read_rows_a_second": rates}
    summary["of_clipstr_reads_rate"] = last["rows_a_second"] / (sum(rates) / 2)
    if len(jobs) > 1:
        each = (last["seconds"] - first["seconds"]) / (last["rows"] - first["rows"])
        summary["seconds_a_row_by_slope"] = each
        summary["slope_of_linear"] = each / (last["seconds"] / last["rows"])
    print(json.dumps({key: value for key, value in summary.items() if key != "jobs"}, indent=2))
    if options.json:
        write_json(options.json, summary)


if __name__ == "__main__":
    main()
