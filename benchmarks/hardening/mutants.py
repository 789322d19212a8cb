"""How many small faults, put into the code one at a time, the tests find (needs `cosmic-ray` 8).

python benchmarks/hardening/mutants.py --work DIR --sample 60 [--only charset files] [--tested-by PYTHON]

Faults are put into a copy of the checkout. Of each part of the code ``--sample`` faults are tried, drawn by
``--seed`` (0: all of them), by the tests that name it. What survives is told with its place; whoever reads it
decides whether it is a fault at all. What was tried stays in DIR, and the same call goes on with it.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkItem, WorkResult

ROOT = Path(__file__).resolve().parents[2]
PARTS = {
    "charset": ("src/clipstr/charset.py", "tests/test_charset.py"),
    "decoding": (
        "src/clipstr/decoding",
        "tests/test_decoding.py tests/test_decoding_beam.py tests/test_decoding_prior.py",
    ),
    "files": ("src/clipstr/files.py", "tests/test_files.py"),
    "losses": ("src/clipstr/distil/losses.py", "tests/test_distil_losses.py tests/test_distil_blocks.py"),
    "checkpoint": ("src/clipstr/training/run/checkpoint.py", "tests/test_training_run_checkpoint.py"),
}
"""What is changed, and what must find it."""

SETTINGS = """
[cosmic-ray]
module-path = "{code}"
timeout = {patience}
excluded-modules = []
test-command = "{python} -m pytest -x -q -p no:cacheprovider {tests}"
[cosmic-ray.distributor]
name = "local"
"""


def copy_in(work: Path) -> Path:
    """A copy of what is tracked here, in which faults may stand."""
    place = work / "checkout"
    shutil.rmtree(place, ignore_errors=True)
    tracked = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z"], check=True, capture_output=True)
    for name in filter(None, os.fsdecode(tracked.stdout).split("\0")):
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place / name)
    return place


def is_annotation(item: WorkItem, place: Path) -> bool:
    """Whether the fault of ``item`` is in an annotation alone (``int | None``), which nobody runs."""
    (mutation,) = item.mutations
    row, column = mutation.start_pos
    line = (place / mutation.module_path).read_text(encoding="utf-8").splitlines()[row - 1]
    between = mutation.operator_name.startswith("core/ReplaceBinaryOperator_BitOr")
    return between and ("None" in line[column:] or "->" in line[:column] or ":" in line[:column])


def draw(base: WorkDB, place: Path, sample: int, seed: int) -> int:
    """Leaves ``sample`` of the faults to be tried, drawn by ``seed``, and says of how many."""
    items = sorted(base.work_items, key=lambda item: str(item.mutations))
    faults = [item for item in items if not is_annotation(item, place)]
    kept = random.Random(seed).sample(faults, min(sample or len(faults), len(faults)))
    left = {item.job_id for item in kept}
    skipped = WorkResult(worker_outcome=WorkerOutcome.SKIPPED)
    base.set_multiple_results([item.job_id for item in items if item.job_id not in left], skipped)
    return len(faults)


def tried(session: Path) -> Counter[str]:
    """What became of the faults, those that survived told."""
    counts = Counter[str]()
    with use_db(session, WorkDB.Mode.open) as base:
        places = {item.job_id: item.mutations[0] for item in base.work_items}
        for job, result in base.results:
            if result.worker_outcome == WorkerOutcome.SKIPPED:
                continue
            survived = result.test_outcome == TestOutcome.SURVIVED
            counts["survived" if survived else "killed"] += 1
            if survived:
                place = places[job]
                print(f"survived: {place.module_path}:{place.start_pos[0]} {place.operator_name}")
                changed = [line for line in (result.diff or "").splitlines() if line[:1] in "+-"]
                print("\n".join(f"    {line}" for line in changed[2:]))
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--sample", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=[*PARTS], default=[*PARTS])
    parser.add_argument("--patience", type=float, default=120, help="seconds for the tests of one fault")
    parser.add_argument("--tested-by", default=sys.executable, help="a Python that has the tests' packages")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    place = copy_in(options.work.resolve())
    environment = os.environ | {"PYTHONPATH": str(place / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    environment["OMP_NUM_THREADS"] = "1"
    cosmic_ray = [sys.executable, "-m", "cosmic_ray.cli"]
    for part in options.only:
        code, tests = PARTS[part]
        settings, session = options.work.resolve() / f"{part}.toml", options.work.resolve() / f"{part}.sqlite"
        settings.write_text(
            SETTINGS.format(code=code, tests=tests, python=options.tested_by, patience=options.patience)
        )
        run = {"cwd": place, "env": environment, "check": True}
        if not session.exists():
            subprocess.run([*cosmic_ray, "baseline", str(settings)], **run)
            subprocess.run([*cosmic_ray, "init", str(settings), str(session)], **run)
            with use_db(session, WorkDB.Mode.open) as base:
                print(f"{part}: {draw(base, place, options.sample, options.seed)} faults", flush=True)
        subprocess.run([*cosmic_ray, "exec", str(settings), str(session)], **run)
        counts = tried(session)
        share = counts["killed"] / max(1, counts.total())
        print(f"{part}: {counts['killed']} of {counts.total()} found ({share:.1%})", flush=True)


if __name__ == "__main__":
    main()
