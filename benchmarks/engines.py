"""The readers whose speed is compared: ours, and the peers of `clipstr.evaluation.peers`.

Beside each stands the shortest program that reads a first word with it, run with a picture's path.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clipstr.evaluation.peers import PEERS
from clipstr.reader import Reader
from clipstr.reading import WordReader


@dataclass(frozen=True, kw_only=True)
class Engine:
    """How to make one of the readers with so many threads, and its shortest program."""

    key: str
    make: Callable[[int], WordReader]
    program: str
    batches: bool  # whether several pictures in one call are read together
    title: str = "{}"  # in the table, of the reader's own name


CLIPSTR_PROGRAM = "import sys, clipstr; print(clipstr.Reader({!r}, second_looks={}).read(sys.argv[1]).text)"

PEER_PROGRAMS = {
    "tesseract": """
import sys, tesserocr
from PIL import Image
from clipstr.evaluation.peers.tesseract import find_tessdata
with tesserocr.PyTessBaseAPI(path=find_tessdata(), lang="eng", psm=tesserocr.PSM.SINGLE_WORD) as api:
    api.SetImage(Image.open(sys.argv[1]))
    print(api.GetUTF8Text())
""",
    "rapidocr-v4": """
import sys, cv2, rapidocr_onnxruntime
from rapidocr_onnxruntime.ch_ppocr_rec import TextRecognizer
model = rapidocr_onnxruntime.__path__[0] + "/models/ch_PP-OCRv4_rec_infer.onnx"
recogniser = TextRecognizer({"model_path": model, "rec_img_shape": [3, 48, 320], "rec_batch_num": 1})
print(recogniser([cv2.imread(sys.argv[1])])[0][0][0])
""",
    "rapidocr-v6": """
import sys, rapidocr
engine = rapidocr.RapidOCR(params={"Global.use_det": False, "Global.use_cls": False})
print(engine(sys.argv[1]).txts[0])
""",
}


def engines(models: Sequence[str]) -> list[Engine]:
    """All engines, ours first: each of ``models`` with second looks and without."""
    ours = [
        Engine(
            key=f"{model}{key}",
            make=lambda threads, model=model, looks=looks: Reader(model, threads=threads, second_looks=looks),
            program=CLIPSTR_PROGRAM.format(model, looks),
            batches=True,
            title=title,
        )
        for model in models
        for key, looks, title in (
            ("", True, "clipstr {}"),
            ("-one-look", False, "clipstr {}, one look"),
        )
    ]
    return ours + [
        Engine(key=key, make=PEERS[key].words, program=program, batches=key != "tesseract")
        for key, program in PEER_PROGRAMS.items()
    ]
