"""Which stage of the student meets which of the teacher, and by which module: equation 3 as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clipstr.distil.config import Distillation

__all__ = ["Pair", "pairs_of"]


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


def pairs_of(settings: Distillation) -> tuple[Pair, ...]:
    """The pairs that ``settings`` ask for, in the order of the flow.

    The paper's are equation 3 term by term: from picture to text, the text encoder read backwards."""
    pairs = [Pair(f"encoder {stage}", f"image {stage}", "adaptive") for stage in settings.encoder_stages]
    if settings.bridge != "none":
        pairs.append(Pair("encoder 4", f"{settings.bridge} 4", "global"))
    pairs += [Pair(f"decoder {stage}", f"text {4 - stage}", "adaptive") for stage in settings.decoder_stages]
    return tuple(pairs)
