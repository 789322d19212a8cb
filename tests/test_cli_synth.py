"""``clipstr synth`` as a user calls it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from clipstr.cli.main import app
from clipstr.data import LmdbDataset
from clipstr.errors import DataError, InputError, RecipeError
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
    assert Image.open(tmp_path / "sheet.png").size == (8 * 132 + 4, 2 * 58 + 4)


def test_a_kind_is_written_with_its_own_words(tmp_path: Path) -> None:
    call(str(tmp_path / "set"), "--count", "12", "--kind", "occluded-heavy", "--workers", "1", "--seed", "9")
    call(
        str(tmp_path / "again"), "--count", "12", "--kind", "occluded-heavy", "--workers", "2", "--seed", "9"
    )
    one, other = LmdbDataset(tmp_path / "set"), LmdbDataset(tmp_path / "again")
    assert all(one[index] == other[index] for index in range(12))
    assert all(one.label(index).isalpha() for index in range(12))


def test_settings_words_fonts_and_backgrounds_are_the_users(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "words.txt").write_text("quokka\nthis-word-is-much-too-long-for-it\n", encoding="utf-8")
    (tmp_path / "synth.toml").write_text(
        "[shares]\nnumbers = 0\nrandom = 0\ncontacts = 0\n", encoding="utf-8"
    )
    Image.new("RGB", (60, 60), "green").save(tmp_path / "green.png")
    options = ["--words", "words.txt", "--config", "synth.toml", "--backgrounds", "."]
    options = [str(tmp_path / o) if o in ("words.txt", "synth.toml", ".") else o for o in options]
    result = CliRunner().invoke(
        app,
        [
            "synth",
            str(tmp_path / "set"),
            "--count",
            "20",
            "--workers",
            "1",
            *options,
            "--set",
            "looks.neon=0",
        ],
    )
    assert result.exit_code == 0, result.output
    assert "left out 1 words" in result.output
    written = LmdbDataset(tmp_path / "set")
    assert all("quokka" in written.label(index).lower() for index in range(20))


def test_what_cannot_be_used_is_told(tmp_path: Path) -> None:
    sheet = ("--sheet", str(tmp_path / "sheet.png"))
    with pytest.raises(DataError, match="no font there"):
        call(*sheet, "--fonts", str(tmp_path))
    with pytest.raises(DataError, match="no pictures there"):
        call(*sheet, "--backgrounds", str(tmp_path))
    with pytest.raises(RecipeError, match=r"unknown key looks\.nein"):
        call(*sheet, "--set", "looks.nein=1")


def test_nothing_to_write_and_a_data_set_in_the_way_are_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to write"):
        call()
    call(str(tmp_path / "set"), "--count", "2", "--workers", "1")
    with pytest.raises((DataError, InputError), match="set"):
        call(str(tmp_path / "set"), "--count", "2", "--workers", "1")
    told = CliRunner().invoke(app, ["synth", "--sheet", str(tmp_path / "none" / "sheet.png"), "--count", "1"])
    assert told.exit_code == 2
    assert "there is no folder" in " ".join(told.output.split())
