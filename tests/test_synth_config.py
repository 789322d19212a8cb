"""The renderer's settings: documented, checked, from TOML and single changes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from clipstr.charset import ALPHABETS
from clipstr.errors import InputError, RecipeError
from clipstr.synth import SynthConfig, load_synth
from clipstr.synth.config import Camera, Looks, Scene, WordShares
from clipstr.synth.scenes.config import Blocks


def test_settings_come_from_a_file_and_then_from_changes(tmp_path: Path) -> None:
    path = tmp_path / "synth.toml"
    path.write_text(
        'characters = "94"\n[looks]\nneon = 0.5\nworn = 0\n[camera]\nheight = 20\n', encoding="utf-8"
    )
    config = load_synth(path, ["looks.neon=0.25", "max_length=12"], default=SynthConfig())
    assert config.characters == ALPHABETS["94"]
    assert config.looks == Looks(neon=0.25, worn=0.0)
    assert config.camera == Camera(height=20.0)
    assert config.scene == Scene()
    assert config.max_length == 12


def test_an_unknown_setting_names_the_nearest_known_one(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"unknown key looks\.nion; did you mean looks\.neon\?"):
        load_synth(None, ["looks.nion=1"], default=SynthConfig())
    with pytest.raises(RecipeError, match="cannot be read"):
        load_synth(tmp_path / "none.toml", default=SynthConfig())


def test_rates_are_shares_and_sizes_can_be_drawn() -> None:
    with pytest.raises(InputError, match=r"looks\.neon is 1\.5; it must be a share"):
        Looks(neon=1.5)
    with pytest.raises(InputError, match=r"scene\.bars is -0\.1"):
        Scene(bars=-0.1)
    with pytest.raises(InputError, match=r"camera\.height is 2; a crop is at least 4 pixels high"):
        Camera(height=2)
    with pytest.raises(InputError, match="the shares of words are not all 0"):
        WordShares(**dict.fromkeys(WordShares.__dataclass_fields__, 0.0))
    with pytest.raises(InputError, match="max_length is 0"):
        SynthConfig(max_length=0)
    with pytest.raises(InputError, match="mildest is 2; it must be a share"):
        SynthConfig(mildest=2)


def test_every_setting_and_its_default_are_told_in_the_documentation() -> None:
    """`python benchmarks/synth_sheets.py --tables-alone` writes the tables anew."""
    text = (Path(__file__).parents[1] / "docs" / "synth.md").read_text(encoding="utf-8")
    config = SynthConfig()
    for section in ("shares", "layout", "looks", "scene", "camera"):
        for name, value in asdict(getattr(config, section)).items():
            assert f"| `{section}.{name}` | {value:g} | " in text, f"{section}.{name}"
    for name, value in asdict(Blocks()).items():
        assert f"| `blocks.{name}` | {value:g} | " in text, f"blocks.{name}"
