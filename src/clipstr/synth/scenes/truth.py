"""What stands where in a rendered scene, exactly; on disk as photographs and one ``words.jsonl``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from clipstr.errors import DataError
from clipstr.files import make_folder, write_bytes, write_text

__all__ = ["TRUTH", "RenderedScene", "SceneWord", "marked", "write_scenes"]

TRUTH = "words.jsonl"
READ, NOT_READ = (40, 220, 60), (255, 60, 60)  # colours of outlines on a marked scene


@dataclass(frozen=True)
class SceneWord:
    """A word: its ``text``, or None if it is too small to read, and its ``polygon`` in pixels.

    The polygon goes clockwise, as the word is read, from its upper left: four corners, or more along a curve.
    ``line`` and ``block`` count the lines and blocks of the scene from 0, in reading order.
    """

    text: str | None
    polygon: tuple[tuple[float, float], ...]
    line: int
    block: int


@dataclass(frozen=True)
class RenderedScene:
    """A picture (height, width, 3) in uint8 RGB, and its words in reading order."""

    image: np.ndarray
    words: tuple[SceneWord, ...]

    def record(self, file: str) -> dict[str, Any]:
        """What ``words.jsonl`` says of the scene, whose picture is ``file``."""
        height, width = self.image.shape[:2]
        words = [
            {
                "polygon": [[round(x, 2), round(y, 2)] for x, y in word.polygon],
                "text": word.text,
                "line": word.line,
                "block": word.block,
            }
            for word in self.words
        ]
        return {"file": file, "width": width, "height": height, "words": words}


def write_scenes(folder: Path, scenes: Iterable[tuple[bytes, dict[str, Any]]]) -> Iterator[int]:
    """How many words each scene has, one scene after the other, as they are written.

    ``scenes`` are encoded pictures and their records. ``folder`` is new or empty; its ``words.jsonl`` comes
    last, so that a folder that has one is whole. Raises `DataError` for a folder in use, and
    `OutputError` if it cannot be written.
    """
    lines = []
    if folder.exists() and any(folder.iterdir()):
        raise DataError(f"{folder}: there is something already: name a new folder")
    make_folder(folder)
    for picture, record in scenes:
        write_bytes(folder / record["file"], picture)
        lines.append(json.dumps(record, ensure_ascii=False))
        yield len(record["words"])
    write_text(folder / TRUTH, "".join(f"{line}\n" for line in lines))


def marked(scene: RenderedScene) -> np.ndarray:
    """The picture with its words outlined: green, or red where they cannot be read; dots where they begin."""
    picture = np.array(scene.image)
    for word in scene.words:
        polygon = np.round(np.array(word.polygon)).astype(np.int32)
        colour = READ if word.text is not None else NOT_READ
        cv2.polylines(picture, [polygon], True, colour, 1, cv2.LINE_AA)
        cv2.circle(picture, polygon[0].tolist(), 3, colour, -1, cv2.LINE_AA)
    return picture
