"""Which stage of the student meets which of the teacher, and by which module: equation 3 as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clipstr.distil.config import Distillation

__all__ = ["SYMMETRICAL", "Pair", "pairs_of"]


@dataclass(frozen=True)
class Pair:
    """One term of equation 3. Stages are named by side and number.

    ``adaptive`` compares all tokens (AAM, equation 1), ``global`` the class token with a global
    embedding (GAM, equation 2).
    """

    student: str
    teacher: str
    module: Literal["adaptive", "global"]

    @property
    def name(self) -> str:
        """What its loss is called."""
        return f"{self.student} ~ {self.teacher}"

    @property
    def textual(self) -> bool:
        """Whether its tokens are positions of the text: those need no token projection."""
        return self.student.startswith("decoder")


SYMMETRICAL = (
    Pair("encoder 1", "image 1", "adaptive"),
    Pair("encoder 2", "image 2", "adaptive"),
    Pair("encoder 3", "image 3", "adaptive"),
    Pair("encoder 4", "text 4", "global"),
    Pair("decoder 1", "text 3", "adaptive"),
    Pair("decoder 2", "text 2", "adaptive"),
    Pair("decoder 3", "text 1", "adaptive"),
)
"""Equation 3 term by term: from picture to text, the text encoder read backwards."""


def pairs_of(settings: Distillation) -> tuple[Pair, ...]:
    """The pairs that ``settings`` ask for, in the order of the flow; the paper's are `SYMMETRICAL`."""
    pairs = [Pair(f"encoder {stage}", f"image {stage}", "adaptive") for stage in settings.encoder_stages]
    if settings.bridge != "none":
        pairs.append(Pair("encoder 4", f"{settings.bridge} 4", "global"))
    pairs += [Pair(f"decoder {stage}", f"text {4 - stage}", "adaptive") for stage in settings.decoder_stages]
    return tuple(pairs)
