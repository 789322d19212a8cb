"""Engines that find and read words in photographs, each behind the same face: ours, RapidOCR, Tesseract."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clipstr.engine import runtime
from clipstr.errors import DamagedImageError, MissingExtraError
from clipstr.evaluation.scenes import FoundWord, ScenePeer
from clipstr.imaging import load_image

if TYPE_CHECKING:
    from clipstr.scenes import SceneReader

__all__ = ["SCENE_PEERS", "OurScenes", "RapidOcrScenes", "TesseractScenes"]


class OurScenes:
    """`SceneReader` behind the face of a peer."""

    def __init__(self, reader: SceneReader) -> None:
        self.reader = reader
        self.name = reader.name

    def find_words(self, path: Path) -> list[FoundWord]:
        """The words that our reader found."""
        return [FoundWord(word.polygon, word.text) for word in self.reader.read(path).words]


class RapidOcrScenes:
    """RapidOCR's whole pipeline as it comes, with the word boxes that it offers.

    ``threads`` is how many it computes with (None: its own choice). Raises `MissingExtraError`.
    """

    name = "RapidOCR"

    def __init__(self, threads: int | None = None) -> None:
        runtime()  # before it is imported there: without telemetry
        try:
            from rapidocr import RapidOCR
        except ImportError as error:
            raise MissingExtraError("this peer needs rapidocr: pip install 'clipstr[scenes]'") from error
        self._engine = RapidOCR(
            params={
                "Global.return_word_box": True,
                "Global.log_level": "error",
                "EngineConfig.onnxruntime.intra_op_num_threads": threads or -1,
            }
        )

    def find_words(self, path: Path) -> list[FoundWord]:
        """Its words."""
        picture = np.asarray(load_image(path, enough=None))[..., ::-1]  # it takes BGR
        result = self._engine(np.ascontiguousarray(picture))
        words = list(_words_of(getattr(result, "word_results", None) or ()))
        if words or getattr(result, "txts", None) is None:
            return words
        return [
            FoundWord(_corners(box), str(text)) for box, text in zip(result.boxes, result.txts, strict=True)
        ]


def _words_of(lines: Iterable[Iterable[Any]]) -> Iterator[FoundWord]:
    """RapidOCR's words; a line that it could not split has none."""
    for line in lines:
        for word in line:
            if isinstance(word, (tuple, list)) and len(word) == 3 and word[2] is not None:
                yield FoundWord(_corners(word[2]), str(word[0]))


def _corners(box: Iterable[Iterable[float]]) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in box]


class TesseractScenes:
    """The ``tesseract`` command as it comes, looking for sparse text. Raises `MissingExtraError`."""

    name = "Tesseract"

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads
        if shutil.which("tesseract") is None:
            raise MissingExtraError("this peer needs the command tesseract: install it as a system package")

    def find_words(self, path: Path) -> list[FoundWord]:
        """Its words."""
        content = io.BytesIO()
        load_image(path, enough=None).save(content, "PNG")
        command = ["tesseract", "stdin", "stdout", "--psm", "11", "tsv"]
        environment = {"OMP_THREAD_LIMIT": str(self.threads)} if self.threads else None
        done = subprocess.run(
            command, input=content.getvalue(), capture_output=True, env=_with(environment), check=False
        )
        if done.returncode:
            raise DamagedImageError(f"{path}: tesseract gave up: {done.stderr.decode(errors='replace')}")
        rows = csv.DictReader(io.StringIO(done.stdout.decode()), delimiter="\t", quoting=csv.QUOTE_NONE)
        return [
            FoundWord(_box(row), row["text"].strip())
            for row in rows
            if (row["text"] or "").strip() and float(row["conf"]) >= 0
        ]


SCENE_PEERS: dict[str, Callable[[int | None], ScenePeer]] = {
    "rapidocr": RapidOcrScenes,
    "tesseract": TesseractScenes,
}
"""What makes each peer, given its threads."""


def _with(environment: dict[str, str] | None) -> dict[str, str] | None:
    return None if environment is None else {**os.environ, **environment}


def _box(row: dict[str, str]) -> list[tuple[float, float]]:
    left, top = float(row["left"]), float(row["top"])
    right, bottom = left + float(row["width"]), top + float(row["height"])
    return [(left, top), (right, top), (right, bottom), (left, bottom)]
