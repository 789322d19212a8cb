"""A run that is killed again and again ends as if nobody had."""

from __future__ import annotations

from pathlib import Path

import pytest

from killing import killed, lasting_recipe


@pytest.mark.parametrize(("workers", "kills", "steps"), [(0, 20, 400), (2, 4, 150), (4, 3, 150)])
def test_killed_runs_lose_nothing(crops: Path, tmp_path: Path, workers: int, kills: int, steps: int) -> None:
    """The same weights to the bit, the same log: every sample was learned from once, in its turn."""
    survival = killed(lasting_recipe(crops, steps=steps, workers=workers), tmp_path, kills=kills)
    assert survival.kills >= 3
    assert survival.weights == survival.expected_weights
    assert survival.log == survival.expected_log
