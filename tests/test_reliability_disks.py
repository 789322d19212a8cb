"""Disks that are full, and savings that are killed. Longer: benchmarks/hardening/disks.py and saving.py."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource")
pytest.importorskip("torch")
pytest.importorskip("rapidocr")

from disks import Outcome, writings
from saving import killed_while_saving


def outcomes(folder: Path, *arguments: str) -> list[Outcome]:
    program = Path(__file__).parent / "disks.py"
    command = [sys.executable, program, folder, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    return [Outcome(**json.loads(line)) for line in done.stdout.splitlines()]


def test_no_space_for_a_file_is_told_by_every_verb_and_costs_neither_the_old_file_nor_the_next_try(
    tmp_path: Path,
) -> None:
    found = outcomes(tmp_path, "100")
    assert len(found) == len(writings(tmp_path, tmp_path)) + 1
    assert [(each.verb, each.found) for each in found if not each.found.startswith("told: ")] == []
    assert [each.verb for each in found if not each.whole] == []
    assert [(each.verb, each.again) for each in found if each.again != "done"] == []


def test_a_saving_that_is_killed_at_any_byte_or_moment_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    found = killed_while_saving(tmp_path, 40)
    assert found.total() == 40
    assert found["killed at a byte, old one whole"] > 10
