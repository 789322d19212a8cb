"""``clipstr synth`` as a user calls it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from clipstr.cli.main import app
from clipstr.data import LmdbDataset
from clipstr.errors import DataError, InputError
from clipstr.imaging import load_image
from clipstr.synth import SynthConfig, WordRenderer


def call(*arguments: str) -> None:
    CliRunner().invoke(app, ["synth", *arguments], catch_exceptions=False)


def test_the_data_set_holds_the_renderers_samples_whatever_the_workers(tmp_path: Path) -> None:
    call(str(tmp_path / "two"), "--count", "300", "--seed", "4", "--workers", "2")
    call(str(tmp_path / "one"), "--count", "300", "--seed", "4", "--workers", "1")
    two, one = LmdbDataset(tmp_path / "two"), LmdbDataset(tmp_path / "one")
    assert len(two) == 300
    assert [two[index] for index in (0, 255, 256, 299)] == [one[index] for index in (0, 255, 256, 299)]
    sample = WordRenderer(SynthConfig()).sample(4, 299)
    assert two.label(299) == sample.label
    assert (np.asarray(load_image(two.image_bytes(299))) == sample.image).all()


def test_a_sheet_needs_no_data_set(tmp_path: Path) -> None:
    call("--sheet", str(tmp_path / "sheet.png"), "--count", "16", "--difficulty", "0.2")
    assert Image.open(tmp_path / "sheet.png").size == (8 * 132 + 4, 2 * 50 + 4)


def test_nothing_to_write_and_a_data_set_in_the_way_are_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to write"):
        call()
    call(str(tmp_path / "set"), "--count", "2", "--workers", "1")
    with pytest.raises((DataError, InputError), match="set"):
        call(str(tmp_path / "set"), "--count", "2", "--workers", "1")
    with pytest.raises(InputError, match="cannot be written"):
        call("--sheet", str(tmp_path / "none" / "sheet.png"), "--count", "1")
