"""Every verb that writes, where files may have only so many bytes, and with --full on a disk of that size.

python benchmarks/hardening/disks.py [--full] [--limits 0 100 1000 10000 100000]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

PROGRAM = Path(__file__).parents[2] / "tests" / "disks.py"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--limits", type=int, nargs="+", default=[0, 100, 1000, 10_000, 100_000])
    parser.add_argument("--full", action="store_true", help="a disk is mounted for it, which only root may")
    options = parser.parse_args()
    counts, bad = Counter[str](), 0
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(PROGRAM), folder, *map(str, options.limits)]
        done = subprocess.run(
            [*command, *(["--full"] if options.full else [])], stdout=subprocess.PIPE, text=True, check=True
        )
    for line in done.stdout.splitlines():
        found = json.loads(line)
        kind = found["found"].partition(":")[0]
        counts[kind] += 1
        if kind not in ("done", "told") or not found["whole"] or found["again"] != "done":
            bad += 1
            print(line)
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
    print(f"{counts.total()} writings, {told}; {bad} lost something, escaped, or stood in the next one's way")
    raise SystemExit(1 if bad else 0)


if __name__ == "__main__":
    main()
