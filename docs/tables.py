"""Writes the tables of settings in these pages anew: python docs/tables.py."""

from __future__ import annotations

from pathlib import Path

from clipstr.settings import with_tables
from clipstr.synth import SynthConfig
from clipstr.synth.scenes import SceneConfig
from clipstr.training import Recipe, TeacherRecipe

KINDS = {"recipe": Recipe, "teacher": TeacherRecipe, "synth": SynthConfig, "scenes": SceneConfig}


def main() -> None:
    """Renews every page beside this file."""
    for page in sorted(Path(__file__).parent.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        renewed = with_tables(text, KINDS)
        if renewed != text:
            page.write_text(renewed, encoding="utf-8")
            print(f"renewed {page}")


if __name__ == "__main__":
    main()
