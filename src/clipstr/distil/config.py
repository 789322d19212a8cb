"""What is distilled from the teacher, and by which loss: every switch of the paper's ablations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clipstr.errors import InputError

__all__ = ["Distillation"]

_LOSSES = ("consistency", "intra", "inter", "l1", "cosine", "kl")


@dataclass(frozen=True, kw_only=True)
class Distillation:
    """How a student follows its teacher. The defaults are the paper's where it names them.

    ``encoder_stages`` = [] leaves out CLIP's image encoder, ``decoder_stages`` = [] its text encoder
    (table 1); fewer ``decoder_stages`` give table 12.
    """

    encoder_stages: tuple[int, ...] = (1, 2, 3)  # which meet the image stages of the same number
    decoder_stages: tuple[int, ...] = (1, 2, 3)  # of which i meets text stage 4 - i; 4 meets text stage 0
    bridge: Literal["text", "image", "none"] = "text"  # whose global embedding encoder stage 4 meets
    loss: Literal["consistency", "intra", "inter", "l1", "cosine", "kl"] = "consistency"
    weight: float = 1.0  # of all its terms beside the recognition loss (equation 8)
    intra_weight: float = 5.0  # the paper's lambda 1 (equation 7)
    inter_weight: float = 0.1  # the paper's lambda 2
    tau: float = 0.03  # temperature of the inter loss (equation 6)
    kl_temperature: float = 1.0  # of the KL loss; the paper does not name it
    padding: Literal["mask", "include"] = "mask"  # behind a label's end: out, or as the authors do
    rows: Literal["batch", "word"] = "batch"  # what a row is compared with: the whole batch, or its own word

    def __post_init__(self) -> None:
        choices = {
            "bridge": ("text", "image", "none"),
            "loss": _LOSSES,
            "padding": ("mask", "include"),
            "rows": ("batch", "word"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise InputError(
                    f"distillation.{name} is {getattr(self, name)!r}; it can be {', '.join(allowed)}"
                )
        for name, highest in (("encoder_stages", 3), ("decoder_stages", 4)):
            stages = getattr(self, name)
            if list(stages) != sorted(set(stages)) or not set(stages) <= set(range(1, highest + 1)):
                raise InputError(
                    f"distillation.{name} is {list(stages)}; it must be rising numbers of 1 to {highest}"
                )
        for name in ("tau", "kl_temperature"):
            if getattr(self, name) <= 0:
                raise InputError(f"distillation.{name} is {getattr(self, name)}; it must be above 0")
        if min(self.weight, self.intra_weight, self.inter_weight) < 0:
            raise InputError("distillation.weight, intra_weight and inter_weight must be 0 or more")
        if self.rows == "word" and self.loss not in ("consistency", "intra", "inter"):
            raise InputError(
                f"distillation.rows = 'word' means nothing to the loss {self.loss!r}: set 'batch'"
            )
