"""What the benchmarks of the synthetic engine are called with."""

from __future__ import annotations

import argparse
from pathlib import Path

from clipstr.synth import SynthConfig, load_synth


def parser(description: str | None, data: str) -> argparse.ArgumentParser:
    """Options for labelled crops, whose use ``data`` tells, and for the renderer's settings."""
    options = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--data", type=Path, required=True, help=data)
    options.add_argument("--config", type=Path, help="the renderer's settings, TOML")
    options.add_argument("--set", action="append", default=[], help="one setting: looks.neon=0")
    return options


def settings(options: argparse.Namespace, characters: str) -> SynthConfig:
    """The renderer's settings that ``options`` ask for, in an alphabet of ``characters``."""
    return load_synth(options.config, options.set, default=SynthConfig(characters=characters, unread=1.0))
