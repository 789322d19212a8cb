"""The renderer's settings: documented, checked, from TOML and single changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from clipstr.charset import ALPHABETS
from clipstr.errors import InputError, RecipeError
from clipstr.synth import SynthConfig, load_synth
from clipstr.synth.config import Camera, Looks, Scene, WordShares


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
    with pytest.raises(InputError, match=r"Looks\.neon is 1\.5; it must be a number from 0 to 1"):
        Looks(neon=1.5)
    with pytest.raises(InputError, match=r"Scene\.bars is -0\.1"):
        Scene(bars=-0.1)
    with pytest.raises(InputError, match=r"Camera\.height is 2; it must be a number of pixels from 4 to 512"):
        Camera(height=2)
    with pytest.raises(InputError, match="the shares of words are not all 0"):
        WordShares(**dict.fromkeys(WordShares.__dataclass_fields__, 0.0))
    with pytest.raises(InputError, match="SynthConfig.max_length is 0"):
        SynthConfig(max_length=0)
    with pytest.raises(InputError, match="SynthConfig.mildest is 2; it must be a number from 0 to 1"):
        SynthConfig(mildest=2)
