"""Kills `clipstr bulk`, its driver and its workers in turn, and looks whether any row is lost or doubled.

    python benchmarks/bulk_killing.py --kills 100 --rows 4000 --data DIR

Each kill is a SIGKILL at a random moment. At the end every id must stand once, in results or failures.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bulk import write_tables
from pyarrow import parquet


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--piece-rows", type=int, default=64)
    parser.add_argument("--actors", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    data = options.data.resolve()
    chance, kills = random.Random(options.seed), collections.Counter[str]()
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)  # by which the workers of this run are known
        source, out = Path(name) / "in", Path(name) / "out"
        source.mkdir()
        write_tables(data, source, options.rows)
        command = [sys.executable, "-m", "clipstr", "bulk", str(source), "--out", str(out)]
        command += ["--actors", str(options.actors), "--piece-rows", str(options.piece_rows)]
        began, jobs = time.monotonic(), 0
        while True:
            process = subprocess.Popen(
                [*command, "--file-megabytes", "1"], stdout=subprocess.PIPE, text=True, cwd=name
            )
            jobs += 1
            before = done(out)
            while process.poll() is None and kills.total() < options.kills:
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
                break
            if process.returncode != -signal.SIGKILL:
                print(f"a job ended with status {process.returncode}; it is called again")
        assert process.stdout is not None
        last = process.stdout.read().splitlines()[-1]
        ids = collections.Counter[str]()
        for file in [*out.glob("results/*.parquet"), *out.glob("failures/*.parquet")]:
            ids.update(parquet.read_table(file, columns=["id"])["id"].to_pylist())
        twice, lost = sum(count > 1 for count in ids.values()), options.rows - len(ids)
        print(f"{dict(kills)} in {jobs} calls, {time.monotonic() - began:.0f} s; {last}")
        print(f"{len(ids)} ids of {options.rows}: {lost} lost, {twice} twice")
        os.chdir("/")
        raise SystemExit(1 if lost or twice else 0)


if __name__ == "__main__":
    main()
