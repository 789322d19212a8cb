"""Kills a process while it saves a checkpoint, hundreds of times, and looks whether there is a whole one.

python benchmarks/hardening/saving.py --kills 500
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))


def main() -> None:
    from saving import killed_while_saving

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = killed_while_saving(Path(folder), options.kills, options.seed)
    for ended, count in sorted(found.items()):
        print(f"{count:>6}  {ended}")
    print(f"{found.total()} savings, {time.monotonic() - began:.0f} s: a whole checkpoint after each")


if __name__ == "__main__":
    main()
