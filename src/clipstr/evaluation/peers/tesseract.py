"""Tesseract behind our protocol, through ``tesserocr``."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from clipstr.imaging import load_image
from clipstr.reading import Reading, WordReader

__all__ = ["SMALLEST_HEIGHT", "find_tessdata", "open_tesseract"]

SMALLEST_HEIGHT = 48  # pixels: Tesseract's documentation asks for letters of 20 to 30 pixels or more
_PLACES = ("/usr/share/tesseract-ocr/*/tessdata", "/usr/share/tessdata", "/opt/homebrew/share/tessdata")


def open_tesseract(threads: int) -> WordReader:
    """Tesseract's English model, told that each picture is one word."""
    data = find_tessdata()
    # Read when the library is loaded, and so to be set before the import.
    os.environ["OMP_THREAD_LIMIT"] = str(threads)
    import tesserocr

    name = f"Tesseract {tesserocr.tesseract_version().split()[1]}"
    return _Tesseract(name, tesserocr.PyTessBaseAPI(path=data, lang="eng", psm=tesserocr.PSM.SINGLE_WORD))


class _Tesseract:
    def __init__(self, name: str, api: Any) -> None:
        self.name, self._api = name, api

    def read_images(self, images: Iterable[Image.Image | np.ndarray]) -> list[Reading]:
        return [self._read(load_image(image)) for image in images]

    def _read(self, picture: Image.Image) -> Reading:
        if picture.height < SMALLEST_HEIGHT:
            width = max(1, round(picture.width * SMALLEST_HEIGHT / picture.height))
            picture = picture.resize((width, SMALLEST_HEIGHT), Image.Resampling.BICUBIC)
        self._api.SetImage(picture)
        text = self._api.GetUTF8Text()
        return Reading(text=text.strip(), confidence=self._api.MeanTextConf() / 100)


def find_tessdata() -> str:
    """The folder of Tesseract's language data: ``TESSDATA_PREFIX``, or where systems keep it.

    Raises `FileNotFoundError` if English is in none of them.
    """
    places = [Path(os.environ["TESSDATA_PREFIX"])] if "TESSDATA_PREFIX" in os.environ else []
    for pattern in _PLACES:
        places += sorted(Path("/").glob(pattern.lstrip("/")))
    for place in places:
        if (place / "eng.traineddata").is_file():
            return str(place)
    raise FileNotFoundError("eng.traineddata was not found: install it or set TESSDATA_PREFIX")
