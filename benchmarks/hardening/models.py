"""Damages model folders and data sets by the thousand, and counts what came of it.

python benchmarks/hardening/models.py --models 100000 --sets 1000
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).parents[2] / "tests"
sys.path.insert(0, str(TESTS))


def main() -> None:
    from hardening import as_json, read_cut_sets, read_mutated_models
    from toy import write_toy

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", type=int, default=100_000)
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, began = Path(name), time.monotonic()
        toy, trained = write_toy(folder / "toy"), TESTS / "formats" / "3" / "trained"
        found = read_mutated_models(toy, trained, folder, options.models, options.seed)
        cut = read_cut_sets(folder, options.sets, options.seed)
    print(as_json(found))
    print(as_json(cut))
    everything = (found + cut).items()
    bad = sum(count for (_, outcome), count in everything if outcome.startswith(("DIES", "HANGS", "ESCAPES")))
    silent = sum(
        count
        for (name, outcome), count in found.items()
        if outcome == "another text" and not name.endswith("vouched for")
    )
    print(
        f"{found.total()} models, {cut.total()} sets, {time.monotonic() - began:.0f} s: {bad} died, hung or "
        f"raised what is not ours, {silent} read another text without being vouched for"
    )
    raise SystemExit(1 if bad or silent else 0)


if __name__ == "__main__":
    main()
