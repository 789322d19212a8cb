"""PP-OCR's recognisers behind our protocol, from the RapidOCR packages, whose wheels hold the weights.

Only the recogniser is used, without detector and direction classifier: every crop is read as the word that it
is. ONNX Runtime is imported our way first, since its telemetry is off only then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from clipstr.engine import runtime
from clipstr.imaging import load_image
from clipstr.reading import Reading, WordReader

__all__ = ["open_rapid_v4", "open_rapid_v6"]

_SHAPE = [3, 48, 320]  # channels, height and least width of what both recognisers see
_BATCH = 6  # the packages' own default: more at once is slower, for the padding

Recognise = Callable[[list[np.ndarray]], Sequence[tuple[str, float]]]  # pictures in blue, green, red


def open_rapid_v4(threads: int) -> WordReader:
    """PP-OCRv4's mobile recogniser, from the package ``rapidocr-onnxruntime``."""
    runtime()
    import rapidocr_onnxruntime
    from rapidocr_onnxruntime.ch_ppocr_rec import TextRecognizer

    weights = Path(rapidocr_onnxruntime.__file__).parent / "models" / "ch_PP-OCRv4_rec_infer.onnx"
    settings: dict[str, Any] = {
        "intra_op_num_threads": threads,
        "inter_op_num_threads": 1,
        "use_cuda": False,
        "use_dml": False,
        "model_path": str(_existing(weights)),
        "rec_img_shape": _SHAPE,
        "rec_batch_num": _BATCH,
    }
    recogniser = TextRecognizer(settings)
    return _Rapid(
        "PP-OCRv4 mobile", lambda pictures: [(line[0], float(line[1])) for line in recogniser(pictures)[0]]
    )


def open_rapid_v6(threads: int) -> WordReader:
    """PP-OCRv6's small recogniser, from the package ``rapidocr``, 3.10 or newer."""
    runtime()
    import rapidocr
    from rapidocr.ch_ppocr_rec import TextRecInput, TextRecognizer
    from rapidocr.utils.log import logger
    from rapidocr.utils.parse_parameters import ParseParams

    logger.setLevel("ERROR")
    home = Path(rapidocr.__file__).parent
    whole = ParseParams.load(home / "config.yaml")
    engine = whole.EngineConfig.onnxruntime
    engine.intra_op_num_threads, engine.inter_op_num_threads = threads, 1
    settings = whole.Rec
    # The file is named, so that nothing is ever looked for on the network.
    settings.model_path = str(_existing(home / "models" / "PP-OCRv6_rec_small.onnx"))
    settings.engine_cfg, settings.font_path = engine, None
    recogniser = TextRecognizer(settings)

    def recognise(pictures: list[np.ndarray]) -> list[tuple[str, float]]:
        found = recogniser(TextRecInput(img=pictures))
        return [(text, float(score)) for text, score in zip(found.txts, found.scores, strict=True)]

    return _Rapid("PP-OCRv6 small", recognise)


class _Rapid:
    def __init__(self, name: str, recognise: Recognise) -> None:
        self.name, self._recognise = name, recognise

    def read_images(self, images: Iterable[Image.Image | np.ndarray]) -> list[Reading]:
        # They were trained on OpenCV's order of colours.
        pictures = [np.ascontiguousarray(np.asarray(load_image(image))[:, :, ::-1]) for image in images]
        found = self._recognise(pictures) if pictures else []
        return [Reading(text=text, confidence=confidence) for text, confidence in found]


def _existing(weights: Path) -> Path:
    if not weights.is_file():
        raise FileNotFoundError(f"this version of the package has no {weights.name}")
    return weights
