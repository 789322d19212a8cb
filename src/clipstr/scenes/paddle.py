"""The detector of PP-OCRv6 (Apache-2.0), which comes inside the ``rapidocr`` package, run by our engine."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from clipstr.devices import AUTO, CPU, device_named
from clipstr.engine import Session
from clipstr.errors import MissingExtraError, ModelFileError
from clipstr.scenes.binarization import MapSettings, regions_in
from clipstr.scenes.detector import Region, Unit
from clipstr.scenes.tiles import map_of_tiles, merged, small_text, tiles_over, whole

__all__ = ["PaddleDetector", "PyramidSettings", "packaged_detector"]

FILE = "PP-OCRv6_det_small.onnx"
_WORTHWHILE = 1.3  # times that a finer map must be larger


@dataclass(frozen=True, kw_only=True)
class PyramidSettings:
    """At which sizes a photograph is looked at."""

    pixels: int = 1_000_000  # of the map of the whole, about
    largest_scale: float = 2.5  # of a map over the photograph
    most_pixels: int = 16_000_000  # of a map: they bound the memory that a large photograph takes
    small: float = 20.0  # pixels of the map; lines lower than this are looked for again, enlarged
    finer: float = 2.0  # how much larger each further map is
    hint: float = 0.2  # of a pixel, 0 to 1: what may be text that is too small to be sure of


class PaddleDetector:
    """Finds lines of text with a detector of PaddleOCR. It may be shared by threads.

    ``model`` is the ONNX file of one (by default PP-OCRv6's small one, inside the ``rapidocr`` package);
    ``threads`` is how many it computes with (None: as many as are useful); ``device`` is what computes,
    unless it compiles for sizes, of which photographs have many. Raises `MissingExtraError` if
    there is none, `ModelFileError` if it cannot be opened or is no such detector.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        *,
        threads: int | None = None,
        device: str = CPU.name,
        maps: MapSettings | None = None,
        pyramid: PyramidSettings | None = None,
    ) -> None:
        file = packaged_detector() if model is None else Path(model)
        self.maps, self.pyramid = maps or MapSettings(), pyramid or PyramidSettings()
        self.name = file.stem.split("_")[0]
        self.unit = Unit.line
        # Every photograph has a size of its own, for which nobody would wait to have the network compiled.
        compiles = device != AUTO and device_named(device).compiles
        self._session = Session(file, threads=threads, device=CPU.name if compiles else device)
        if len(self._session.inputs) != 1 or len(self._session.outputs) != 1:
            raise ModelFileError(f"{file}: no detector of PaddleOCR: it has not one input and one output")
        self._input, self._output = next(iter(self._session.inputs)), next(iter(self._session.outputs))

    def find(self, picture: np.ndarray) -> list[Region]:
        """The lines in ``picture`` (height, width, 3) in uint8, RGB.

        The whole is looked at once, at about as many pixels whatever its size, and then, larger and larger,
        what may be text that was too small.
        """
        height, width = picture.shape[:2]
        settings = self.pyramid
        largest = min((settings.most_pixels / (width * height)) ** 0.5, settings.largest_scale)
        scale = min((settings.pixels / (width * height)) ** 0.5, largest)
        found: list[Region] = []
        wanted: np.ndarray | None = None  # where to look, on the map before; everywhere at first
        small = 0.0  # pixels of the picture, of what the map before was too coarse for
        while True:
            size = (max(round(width * scale), 1), max(round(height * scale), 1))
            tiles = [whole(*size)] if wanted is None else tiles_over(wanted, size)
            chances = map_of_tiles(picture, size, tiles, self._look)
            here = regions_in(chances, self.maps)
            to_picture = np.array([width / size[0], height / size[1]])
            there = [replace(region, polygon=region.polygon * to_picture) for region in here]
            found = there if wanted is None else merged(found, there, small)
            wanted, small = small_text(chances, here, settings.small, settings.hint), settings.small / scale
            finer = min(scale * settings.finer, largest)
            if not wanted.any() or finer < _WORTHWHILE * scale:
                return found
            scale = finer

    def _look(self, part: np.ndarray) -> np.ndarray:
        """The map (height, width) in uint8 of ``part`` (height, width, 3), RGB."""
        inputs = part[..., ::-1].astype(np.float32)  # it was trained on BGR
        inputs /= 127.5
        inputs -= 1
        feeds = {self._input: np.ascontiguousarray(inputs.transpose(2, 0, 1)[None])}
        return np.asarray(self._session.run(feeds)[self._output][0, 0] * 255).astype(np.uint8)


def packaged_detector() -> Path:
    """The detector's file inside the ``rapidocr`` package, nothing of which is run.

    Raises `MissingExtraError` if it is not there.
    """
    package = importlib.util.find_spec("rapidocr")
    for place in (package.submodule_search_locations or ()) if package is not None else ():
        file = Path(place) / "models" / FILE
        if file.is_file():
            return file
    raise MissingExtraError(
        "finding words in photographs needs the detector inside the package rapidocr, from version 3.10 on: "
        "pip install 'clipstr[scenes]', or give a detector of your own"
    )
