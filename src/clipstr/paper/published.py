"""Published figures of other methods, each with its source, for tables 9, 10 and 11."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clipstr.paper.tables import SETS

__all__ = ["CHALLENGING", "METHODS", "TIMES", "Method"]

_PAPER = "table 9 of the paper"
_OPENOCR = "github.com/Topdu/OpenOCR, configs/rec/svtrv2/readme.md; mean by sets, not by words"
_PRINTED = "MJ and ST"
_REAL = "Union14M-L-Filter"


@dataclass(frozen=True, kw_only=True)
class Method:
    """What a method reads, in percent of words, as it was published, and how large it is."""

    name: str
    trained: str
    figures: Mapping[str, float]
    parameters: float | None  # millions
    source: str


def _six(name: str, *figures: float, parameters: float | None = None) -> Method:
    named = dict(zip((*SETS, "Avg"), figures, strict=True))
    return Method(name=name, trained=_PRINTED, figures=named, parameters=parameters, source=_PAPER)


def _real(name: str, *figures: float) -> Method:
    named = dict(zip((*SETS, "Avg"), figures, strict=True))
    return Method(name=name, trained=_REAL, figures=named, parameters=None, source=_OPENOCR)


METHODS: tuple[Method, ...] = (
    _six("CRNN", 82.9, 81.6, 91.9, 69.4, 70.0, 65.5, 78.6, parameters=8.3),
    _six("TRBA", 87.9, 87.5, 93.6, 77.6, 79.2, 74.0, 84.6),
    _six("ViTSTR", 88.4, 87.7, 93.2, 78.5, 81.8, 81.3, 85.6),
    _six("DAN", 94.3, 89.2, 93.9, 74.5, 80.0, 84.4, 87.2),
    _six("SEED", 93.8, 89.6, 92.8, 80.0, 81.4, 83.6, 88.3),
    _six("RobustScanner", 95.3, 88.1, 94.8, 77.1, 79.5, 90.3, 88.4),
    _six("TextScanner", 93.9, 90.1, 92.9, 79.4, 84.3, 83.3, 88.5),
    _six("VisionLAN", 95.8, 91.7, 95.7, 83.7, 86.0, 88.5, 91.2, parameters=32.8),
    _six("MGP", 95.3, 93.5, 96.4, 86.1, 87.3, 87.9, 92.0, parameters=52.6),
    _six("SVTR", 96.0, 91.5, 97.1, 85.2, 89.9, 91.7, 92.3, parameters=24.6),
    _six("ABINet", 96.2, 93.5, 97.4, 86.0, 89.3, 89.2, 92.3, parameters=36.7),
    _six("ConCLR", 96.5, 94.3, 97.7, 85.4, 89.3, 91.3, 92.8, parameters=37.0),
    _six("MaskOCR", 95.5, 95.7, 97.1, 87.0, 90.1, 90.3, 92.9, parameters=31.0),
    _six("PARSeq A", 97.0, 93.6, 97.0, 86.5, 88.9, 92.2, 93.3, parameters=23.8),
    _six("CLIP-OCR (the paper)", 97.3, 94.7, 97.7, 87.2, 89.9, 93.1, 93.8, parameters=31.1),
    _real("SVTRv2-T", 98.0, 96.6, 98.6, 88.4, 90.5, 96.5, 94.78),
    _real("SVTRv2-S", 98.5, 98.3, 99.0, 89.5, 92.9, 98.6, 96.13),
    _real("SVTRv2-B", 98.7, 98.0, 99.2, 91.1, 93.5, 99.0, 96.57),
)
"""On the six sets (IC13 857, IC15 1811), by what they were trained on and then by their average.

The averages are as printed: those of ABINet and PARSeq do not quite fit their sets (92.7 and 93.2 by words).
"""

CHALLENGING: tuple[Method, ...] = tuple(
    Method(name=name, trained=_PRINTED, figures=figures, parameters=None, source="table 10 of the paper")
    for name, figures in (
        ("CRNN", {"ArT": 57.3, "COCO": 49.3, "Uber": 33.1, "WordArt": 47.5}),
        ("ViTSTR", {"ArT": 66.1, "COCO": 56.4, "Uber": 37.6}),
        ("TRBA", {"ArT": 68.2, "COCO": 61.4, "Uber": 38.0, "WordArt": 55.8}),
        ("ABINet", {"ArT": 65.4, "COCO": 57.1, "Uber": 34.9, "WordArt": 67.4}),
        ("PARSeq A", {"ArT": 70.7, "COCO": 64.0, "Uber": 42.0}),
        ("CornerTransformer", {"WordArt": 70.8}),
        ("CLIP-OCR (the paper)", {"ArT": 70.5, "COCO": 66.5, "Uber": 42.4, "WordArt": 73.9}),
    )
)
"""On harder sets."""

TIMES: tuple[tuple[str, float, float], ...] = (
    ("RobustScanner", 88.4, 40.0),
    ("VisionLAN", 91.2, 14.3),
    ("ABINet", 92.3, 38.6),
    ("PARSeq A", 93.3, 11.5),
    ("CLIP-OCR (the paper)", 93.8, 20.9),
)
"""Names, averages and milliseconds a picture on one NVIDIA 3090: table 11 of the paper."""
