"""The readers that are compared, each behind `clipstr.reading.WordReader`.

An engine's packages are imported when it is made, so that one that is not installed can be left out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from clipstr.reading import Reading, WordReader

TESSDATA = ("/usr/share/tesseract-ocr/*/tessdata", "/usr/share/tessdata", "/opt/homebrew/share/tessdata")
SMALLEST_HEIGHT = 48  # pixels: Tesseract's documentation asks for letters of 20 to 30 pixels or more


@dataclass(frozen=True, kw_only=True)
class Engine:
    """How to make one of the readers, and the shortest program that reads a first word with it.

    ``make`` takes the number of threads. ``program`` is Python, run with a picture's path as its argument.
    """

    key: str
    make: Callable[[int], WordReader]
    program: str
    batches: bool  # whether several pictures in one call are read together
    title: str = "{}"  # in the table, of the reader's own name


class Tesseract:
    """Tesseract's English model, told that the picture is one word, through ``tesserocr``."""

    def __init__(self, threads: int) -> None:
        # Read when the library is loaded, and so to be set before the import.
        os.environ["OMP_THREAD_LIMIT"] = str(threads)
        os.environ["TESSDATA_PREFIX"] = tessdata()
        import tesserocr

        self.name = f"Tesseract {tesserocr.tesseract_version().split()[1]}"
        self._api = tesserocr.PyTessBaseAPI(lang="eng", psm=tesserocr.PSM.SINGLE_WORD)

    def read_images(self, images: Iterable[Image.Image | np.ndarray]) -> list[Reading]:
        return [self._read(as_picture(image)) for image in images]

    def _read(self, picture: Image.Image) -> Reading:
        if picture.height < SMALLEST_HEIGHT:
            width = max(1, round(picture.width * SMALLEST_HEIGHT / picture.height))
            picture = picture.resize((width, SMALLEST_HEIGHT), Image.Resampling.BICUBIC)
        self._api.SetImage(picture)
        text = self._api.GetUTF8Text()
        return Reading(text=text.strip(), confidence=self._api.MeanTextConf() / 100)


class PaddleRecogniser:
    """PP-OCRv4's mobile recogniser alone, without detector and direction classifier, from ``rapidocr``."""

    def __init__(self, threads: int) -> None:
        from rapidocr_onnxruntime.ch_ppocr_rec import TextRecognizer

        self.name = "PP-OCRv4 recogniser"
        self._recogniser = TextRecognizer(
            {
                "intra_op_num_threads": threads,
                "inter_op_num_threads": 1,
                "use_cuda": False,
                "use_dml": False,
                "model_path": str(paddle_model()),
                "rec_img_shape": [3, 48, 320],
                "rec_batch_num": 6,  # the package's own default: more at once is slower, for the padding
            }
        )

    def read_images(self, images: Iterable[Image.Image | np.ndarray]) -> list[Reading]:
        # It was trained on OpenCV's order of colours.
        pictures = [np.asarray(as_picture(image))[:, :, ::-1] for image in images]
        results, _ = self._recogniser(pictures) if pictures else ([], 0)
        return [Reading(text=result[0], confidence=float(result[1])) for result in results]


def as_picture(image: Image.Image | np.ndarray) -> Image.Image:
    """``image`` as an RGB picture."""
    return (image if isinstance(image, Image.Image) else Image.fromarray(image)).convert("RGB")


def tessdata() -> str:
    """The folder of Tesseract's language data: ``TESSDATA_PREFIX``, or where systems keep it.

    Raises `FileNotFoundError` if it is in none of them.
    """
    places = [Path(os.environ["TESSDATA_PREFIX"])] if "TESSDATA_PREFIX" in os.environ else []
    for pattern in TESSDATA:
        places += sorted(Path("/").glob(pattern.lstrip("/")))
    for place in places:
        if (place / "eng.traineddata").is_file():
            return str(place)
    raise FileNotFoundError("Tesseract's eng.traineddata was not found: install it or set TESSDATA_PREFIX")


def paddle_model() -> Path:
    """The recogniser's file inside the ``rapidocr_onnxruntime`` package."""
    import rapidocr_onnxruntime

    return Path(rapidocr_onnxruntime.__file__).parent / "models" / "ch_PP-OCRv4_rec_infer.onnx"


def make_clipstr(model: str, *, second_looks: bool = True) -> Callable[[int], WordReader]:
    """A maker of our own reader of ``model``."""

    def make(threads: int) -> WordReader:
        from clipstr.reader import Reader

        return Reader(model, threads=threads, second_looks=second_looks)

    return make


TESSERACT_PROGRAM = """
import sys, tesserocr
from PIL import Image
with tesserocr.PyTessBaseAPI(lang="eng", psm=tesserocr.PSM.SINGLE_WORD) as api:
    api.SetImage(Image.open(sys.argv[1]))
    print(api.GetUTF8Text())
"""

PADDLE_PROGRAM = """
import sys, cv2, rapidocr_onnxruntime
from rapidocr_onnxruntime.ch_ppocr_rec import TextRecognizer
model = rapidocr_onnxruntime.__path__[0] + "/models/ch_PP-OCRv4_rec_infer.onnx"
recogniser = TextRecognizer({"model_path": model, "rec_img_shape": [3, 48, 320], "rec_batch_num": 1})
print(recogniser([cv2.imread(sys.argv[1])])[0][0][0])
"""


def engines(model: str) -> list[Engine]:
    """All engines, ours first."""
    program = "import sys, clipstr; print(clipstr.Reader({!r}, second_looks={}).read(sys.argv[1]).text)"
    return [
        Engine(
            key="clipstr",
            make=make_clipstr(model),
            program=program.format(model, True),
            batches=True,
            title="clipstr {}",
        ),
        Engine(
            key="clipstr-one-look",
            make=make_clipstr(model, second_looks=False),
            program=program.format(model, False),
            batches=True,
            title="clipstr {}, one look",
        ),
        Engine(key="tesseract", make=Tesseract, program=TESSERACT_PROGRAM, batches=False),
        Engine(key="ppocr", make=PaddleRecogniser, program=PADDLE_PROGRAM, batches=True),
    ]
