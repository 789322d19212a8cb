"""Which CLIP teaches, and how pictures and labels are put to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clipstr.errors import InputError

__all__ = ["NUM_STAGES", "TeacherConfig", "quarter_points"]

NUM_STAGES = 4
"""Each CLIP encoder is read out in four stages (paper, section 3.2); the fourth is its global embedding."""


@dataclass(frozen=True, kw_only=True)
class TeacherConfig:
    """A frozen CLIP and how it is read out. The defaults are the paper's (sections 3.1 and 4.2)."""

    weights: str = ""  # an OpenCLIP tag, a .pt or .safetensors file, or an OpenCLIP folder; empty: no teacher
    architecture: str = "ViT-B-16-quickgelu"  # OpenCLIP's name for it; a folder brings its own
    sha256: str = ""  # of the weight file, checked before it is opened; empty: not checked
    positions: Literal["cut", "interpolate"] = "cut"  # how position embeddings fit the smaller picture
    tokens: Literal["characters", "words"] = "characters"  # what one text token stands for
    case: Literal["fold", "keep"] = "fold"  # whether A and a are the same token
    image_stages: tuple[int, ...] = ()  # layers after which stages 1, 2, 3 are read; empty: quarter points
    text_stages: tuple[int, ...] = ()  # the same for the text encoder
    cache_mib: int = 512  # memory for the text features of labels seen before; 0: no cache

    def __post_init__(self) -> None:
        choices = {
            "positions": ("cut", "interpolate"),
            "tokens": ("characters", "words"),
            "case": ("fold", "keep"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise InputError(
                    f"teacher.{name} is {getattr(self, name)!r}; it can be {' or '.join(allowed)}"
                )
        if self.cache_mib < 0:
            raise InputError(f"teacher.cache_mib is {self.cache_mib}; it must be 0 or more")
        if self.tokens == "words" and self.case == "keep":
            raise InputError(
                "teacher.case = 'keep' needs teacher.tokens = 'characters': CLIP's words have one case"
            )
        for name in ("image_stages", "text_stages"):
            layers = getattr(self, name)
            if layers and (len(layers) != NUM_STAGES - 1 or list(layers) != sorted(set(layers))):
                raise InputError(
                    f"teacher.{name} is {list(layers)}; it must be {NUM_STAGES - 1} rising layer numbers"
                )


def quarter_points(depth: int) -> tuple[int, ...]:
    """The layer counts after which stages 1, 2 and 3 of an encoder of ``depth`` layers end.

    12 layers give 3, 6, 9. Raises `InputError` for fewer layers than stages.
    """
    if depth < NUM_STAGES:
        raise InputError(f"an encoder of {depth} layers cannot be read out in {NUM_STAGES} stages")
    return tuple(round(depth * stage / NUM_STAGES) for stage in range(1, NUM_STAGES))
