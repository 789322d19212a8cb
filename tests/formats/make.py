"""A little model in the format of the checkout whose code runs this, and what it reads with it.

    git worktree add --detach ../old COMMIT
    PYTHONPATH=../old/src:../old/tests python tests/formats/make.py tests/formats/N

It is run once for every format that was released, by the code that wrote the format; what it made is kept.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from clipstr.export import export_model
from clipstr.reader import Reader

WORDS = ("a", "b", "c", "aa", "ab", "ac", "ba", "bb", "bc", "ca", "cb", "cc")
LEVELS = {"a": (2, 10), "b": (12, 20), "c": (22, 30)}  # rows of a letter's bar


def bars(word: str) -> Image.Image:
    """The picture of ``word``, a bar a letter, as `runs.write_bars` draws it."""
    pixels = np.full((32, 128), 128, np.uint8)
    for place, letter in enumerate(word):
        top, bottom = LEVELS[letter]
        pixels[top:bottom, 8 + 60 * place : 60 + 60 * place] = 255
    return Image.fromarray(pixels)


def main(out: Path) -> None:
    from runs import Watcher, bars_recipe, new_trainer, write_bars

    with tempfile.TemporaryDirectory() as name:
        recipe = bars_recipe(write_bars(Path(name) / "crops"), samples=6400, learning_rate=4e-3)
        student = replace(recipe.student, width=24, encoder_depth=4, decoder_depth=1)
        new_trainer(replace(recipe, student=student), Path(name) / "run", Watcher()).run()
        shutil.copytree(Path(name) / "run" / "best", out / "trained")
    export_model(out / "trained", out / "exported", trainable=True)
    reader = Reader(out / "exported", threads=1)
    readings = {word: reader.read(bars(word)) for word in WORDS}
    told = {word: {"text": r.text, "confidence": r.confidence} for word, r in readings.items()}
    (out / "readings.json").write_text(json.dumps(told, indent=2) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
