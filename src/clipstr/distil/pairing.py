"""Which stage of the student meets which of the teacher, and by which module: equation 3 as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clipstr.distil.config import Distillation
from clipstr.stages import Stage

__all__ = ["Pair", "pairs_of"]


@dataclass(frozen=True)
class Pair:
    """One term of equation 3.

    ``adaptive`` compares all tokens (AAM, equation 1), ``global`` the class token with a global
    embedding (GAM, equation 2).
    """

    student: Stage
    teacher: Stage
    module: Literal["adaptive", "global"]

    @property
    def name(self) -> str:
        """What its loss is called."""
        return f"{self.student} ~ {self.teacher}"

    @property
    def textual(self) -> bool:
        """Whether its tokens are positions of the text: those need no token projection."""
        return self.student.side == "decoder"


def pairs_of(settings: Distillation) -> tuple[Pair, ...]:
    """The pairs that ``settings`` ask for, in the order of the flow.

    The paper's are equation 3 term by term: from picture to text, the text encoder read backwards."""
    pairs = [Pair(Stage("encoder", n), Stage("image", n), "adaptive") for n in settings.encoder_stages]
    if settings.bridge != "none":
        pairs.append(Pair(Stage("encoder", 4), Stage(settings.bridge, 4), "global"))
    pairs += [Pair(Stage("decoder", n), Stage("text", 4 - n), "adaptive") for n in settings.decoder_stages]
    return tuple(pairs)
