"""Reads in 32 threads for half an hour, and tells how much memory grew after the first tenth.

python benchmarks/hardening/threads.py --data DIR --minutes 30
"""

from __future__ import annotations

import argparse
import itertools
import threading
import time
from pathlib import Path

from clipstr.data import find_sources
from clipstr.reader import Reader


def resident() -> float:
    """The megabytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--threads", type=int, default=32)
    options = parser.parse_args()
    crops = [s.image_bytes(n) for s in find_sources(options.data) for n in range(min(len(s), 200))]
    reader, ended, turns = Reader("tiny", threads=1), threading.Event(), itertools.count()

    def reads() -> None:
        while not ended.is_set():
            reader.read(crops[next(turns) % len(crops)])

    threads = [threading.Thread(target=reads, daemon=True) for _ in range(options.threads)]
    for thread in threads:
        thread.start()
    seconds = options.minutes * 60
    time.sleep(seconds / 10)
    before, seen = resident(), list[float]()
    for _ in range(18):
        time.sleep(seconds / 20)
        seen.append(resident())
    ended.set()
    for thread in threads:
        thread.join()
    growth = max(seen[-6:]) / before - 1
    read = f"{next(turns)} words, {options.threads} threads, {options.minutes:g} minutes"
    print(f"{read}: {before:.1f} MB, {growth:+.2%}")
    raise SystemExit(1 if growth > 0.01 else 0)


if __name__ == "__main__":
    main()
