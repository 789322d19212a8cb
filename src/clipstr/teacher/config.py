"""Which CLIP teaches, and how pictures and labels are put to it."""

from __future__ import annotations

from typing import Literal

from clipstr.errors import InputError
from clipstr.settings import Numbers, setting, settings

__all__ = ["NUM_STAGES", "TeacherConfig", "check_tokens", "quarter_points"]

NUM_STAGES = 4
"""Each CLIP encoder is read out in four stages (paper, section 3.2); the fourth is its global embedding."""


@settings(frozen=True, kw_only=True)
class TeacherConfig:
    """A frozen CLIP and how it is read out. The defaults are the paper's (sections 3.1 and 4.2)."""

    weights: str = setting(
        "", "an OpenCLIP tag, a .pt or .safetensors file, or an OpenCLIP folder; empty: no teacher"
    )
    architecture: str = setting("ViT-B-16-quickgelu", "OpenCLIP's name for it; a folder brings its own")
    sha256: str = setting("", "checksum of the weight file, checked before it is opened; empty: not checked")
    positions: Literal["cut", "interpolate"] = setting(
        "cut", "how position embeddings fit the smaller picture"
    )
    tokens: Literal["characters", "words"] = setting("characters", "what one text token stands for")
    case: Literal["fold", "keep"] = setting("fold", "whether A and a are the same token")
    image_stages: Numbers = setting((), "layers after which stages 1, 2, 3 are read; empty: quarter points")
    text_stages: Numbers = setting((), "the same for the text encoder")
    cache_mib: int = setting(
        512,
        "memory for the text features of labels seen before; 0: no cache",
        unit="MiB",
        least=0,
        most=2**20,
    )

    def __post_init__(self) -> None:
        check_tokens(self.tokens, self.case)
        for name in ("image_stages", "text_stages"):
            layers = getattr(self, name)
            rising = list(layers) == sorted(set(layers)) and min(layers, default=1) >= 1
            if layers and (len(layers) != NUM_STAGES - 1 or not rising):
                raise InputError(
                    f"{name} is {list(layers)}; it must be {NUM_STAGES - 1} rising layer numbers"
                )


def check_tokens(tokens: str, case: str) -> None:
    """Raises `InputError` for a way to write labels that CLIP has not."""
    if tokens == "words" and case == "keep":
        raise InputError("case = 'keep' needs tokens = 'characters': CLIP's words have one case")


def quarter_points(depth: int) -> tuple[int, ...]:
    """The layer counts after which stages 1, 2 and 3 of an encoder of ``depth`` layers end.

    12 layers give 3, 6, 9. Raises `InputError` for fewer layers than stages.
    """
    if depth < NUM_STAGES:
        raise InputError(f"an encoder of {depth} layers cannot be read out in {NUM_STAGES} stages")
    return tuple(round(depth * stage / NUM_STAGES) for stage in range(1, NUM_STAGES))
