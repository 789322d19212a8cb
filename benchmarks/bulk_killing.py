"""Kills `clipstr bulk`, its driver and its workers in turn, and looks whether any row is lost or doubled.

    python benchmarks/bulk_killing.py --kills 100 --rows 3000 --piece-rows 16 --model tiny --data DIR

Each kill is a SIGKILL at a random moment. When a job is through, every id must stand once, in results or
failures; jobs follow each other until there were enough kills.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from bulk import Task, write_tables
from pyarrow import parquet

from clipstr.models import DEFAULT_MODEL


def workers() -> list[int]:
    """The numbers of the processes that are workers of a bulk job on Ray, and work."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            line = (path / "cmdline").read_bytes()
            place = (path / "cwd").readlink()
        except OSError:
            continue
        if line.startswith(b"ray::_Worker") and place == Path.cwd():
            found.append(int(path.name))
    return found


def done(out: Path) -> int:
    """How many files of the job there are."""
    return sum(1 for _ in out.glob("*/*.parquet"))


def killed_job(command: list[str], out: Path, most: int, chance: random.Random) -> tuple[Counter[str], int]:
    """The kills of ``command``, ``most`` at most, and how often it had to be called until it was through."""
    kills, calls = Counter[str](), 0
    while True:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        calls += 1
        before = done(out)
        while process.poll() is None and kills.total() < most:
            # Most moments are those of work, and some those of starting.
            if done(out) > before or chance.random() < 0.001:
                time.sleep(chance.uniform(0, 1.0))
                kind = "worker" if kills["worker"] <= kills["driver"] else "driver"
                alive = workers() if kind == "worker" else [process.pid]
                if alive and process.poll() is None:
                    os.kill(chance.choice(alive), signal.SIGKILL)
                    kills[kind] += 1
                before = done(out)
            time.sleep(0.02)
        process.wait()
        if process.returncode == 0:
            assert process.stdout is not None
            print(process.stdout.read().splitlines()[-1], flush=True)
            return kills, calls
        if process.returncode != -signal.SIGKILL:
            print(f"a job ended with status {process.returncode}; it is called again", flush=True)


def counted(out: Path) -> Counter[str]:
    """How often each id stands in results and failures."""
    ids = Counter[str]()
    for file in [*out.glob("results/*.parquet"), *out.glob("failures/*.parquet")]:
        ids.update(parquet.read_table(file, columns=["id"])["id"].to_pylist())
    return ids


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--piece-rows", type=int, default=64)
    parser.add_argument("--actors", type=int, default=2)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    task = Task(options.data.resolve(), "read", options.model, looks=False, workers=options.actors)
    chance, kills, calls, jobs = random.Random(options.seed), Counter[str](), 0, 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)  # by which the workers of this run are known
        source = Path(name) / "in"
        source.mkdir()
        write_tables(task.pictures(), source, options.rows)
        while kills.total() < options.kills:
            out = Path(name) / f"out-{jobs}"
            command = [sys.executable, "-m", "clipstr", "bulk", str(source), "--out", str(out)]
            command += [*task.options, "--actors", str(options.actors), "--file-megabytes", "1"]
            command += ["--piece-rows", str(options.piece_rows)]
            more, tries = killed_job(command, out, options.kills - kills.total(), chance)
            kills, calls, jobs = kills + more, calls + tries, jobs + 1
            ids = counted(out)
            twice, lost = sum(count > 1 for count in ids.values()), options.rows - len(ids)
            print(
                f"job {jobs}, {dict(more)}: {len(ids)} ids of {options.rows}: {lost} lost, {twice} twice",
                flush=True,
            )
            if lost or twice:
                raise SystemExit(1)
        os.chdir("/")
    print(f"{dict(kills)} in {calls} calls, {jobs} jobs, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
