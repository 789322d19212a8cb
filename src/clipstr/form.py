"""A word's form: what may be written, how long it may be, and how a picture of it becomes a model's input.

It is what a recogniser, its training and its readers must agree on, and stands once in a model's config.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
from PIL import Image

from clipstr.arguments import text, whole_number
from clipstr.charset import Charset
from clipstr.errors import InputError

__all__ = ["LONGEST", "Preprocessing", "WordForm"]

LONGEST = 1024
"""The most characters of a word, and pixels of an input's height; its width may have 8 times as many."""


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """How a picture becomes a model's input. Raises `InputError` for sizes and levels that cannot be."""

    height: int = 32  # pixels
    width: int = 128  # pixels
    mean: float = 0.5  # subtracted from values of 0 to 1
    deviation: float = 0.5  # divided by, after that

    def __post_init__(self) -> None:
        whole_number(self.height, "height", least=1, most=LONGEST, meaning="pixels of an input")
        whole_number(self.width, "width", least=1, most=8 * LONGEST, meaning="pixels of an input")
        levels = (self.mean, self.deviation)
        finite = all(type(level) in (int, float) and math.isfinite(level) for level in levels)
        if not finite or self.deviation <= 0:
            raise InputError(
                f"mean {self.mean!r} and deviation {self.deviation!r} of an input must be numbers, and the "
                "deviation above 0"
            )

    def resize(self, picture: Image.Image) -> np.ndarray:
        """The RGB ``picture`` as pixels (height, width, 3) in uint8: bicubic, its aspect not kept."""
        # A huge picture is halved by box filter first, which is quicker and looks the same.
        small = picture.resize((self.width, self.height), Image.Resampling.BICUBIC, reducing_gap=3.0)
        return np.asarray(small)

    def normalise(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels (..., height, width, 3) in uint8 as inputs (..., 3, height, width) in float32."""
        scaled = (pixels.astype(np.float32) / 255 - self.mean) / self.deviation
        return np.ascontiguousarray(np.moveaxis(scaled, -1, -3), dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class WordForm:
    """What may be written, how long, and how a picture becomes the input. Raises `InputError`."""

    charset: Charset
    max_length: int  # characters of the longest word
    preprocessing: Preprocessing = field(default_factory=Preprocessing)

    def __post_init__(self) -> None:
        whole_number(
            self.max_length, "max_length", least=1, most=LONGEST, meaning="characters of the longest word"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for `config.json`: `from_dict` takes them back."""
        return {
            "characters": self.charset.characters,
            "max_length": self.max_length,
            "preprocessing": asdict(self.preprocessing),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> WordForm:
        """The form that `to_dict` wrote. Raises `InputError` for what is missing, unknown or impossible."""
        _require_names(values, ["characters", "max_length", "preprocessing"], "a word's form")
        prepared = values["preprocessing"]
        _require_names(prepared, [part.name for part in fields(Preprocessing)], "a preprocessing")
        return cls(
            charset=Charset(text(values["characters"], "characters", meaning="the alphabet")),
            max_length=values["max_length"],
            preprocessing=Preprocessing(**prepared),
        )


def _require_names(values: object, names: list[str], what: str) -> None:
    found = sorted(values) if isinstance(values, Mapping) else values
    if found != sorted(names):
        raise InputError(f"{what} has {', '.join(names)}, and not {found}")
