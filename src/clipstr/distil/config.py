"""What is distilled from the teacher, and by which loss: every switch of the paper's ablations."""

from __future__ import annotations

from typing import Literal

from clipstr.errors import InputError
from clipstr.settings import Numbers, setting, settings

__all__ = ["Distillation"]


@settings(frozen=True, kw_only=True)
class Distillation:
    """How a student follows its teacher. The defaults are the paper's where it names them.

    ``encoder_stages`` = [] leaves out CLIP's image encoder, ``decoder_stages`` = [] its text encoder
    (table 1); fewer ``decoder_stages`` give table 12.
    """

    encoder_stages: Numbers = setting(
        (1, 2, 3), "stages of the encoder that meet the image stages of the same number"
    )
    decoder_stages: Numbers = setting(
        (1, 2, 3), "stages of the decoder, of which i meets text stage 4 - i; 4 meets text stage 0"
    )
    bridge: Literal["text", "image", "none"] = setting("text", "whose global embedding encoder stage 4 meets")
    loss: Literal["consistency", "intra", "inter", "l1", "cosine", "kl"] = setting(
        "consistency", "how stages are compared (tables 2 and 3)"
    )
    weight: float = setting(1.0, "weight of all its terms beside the recognition loss (equation 8)", least=0)
    intra_weight: float = setting(5.0, "the paper's lambda 1 (equation 7)", least=0)
    inter_weight: float = setting(0.1, "the paper's lambda 2", least=0)
    tau: float = setting(0.03, "temperature of the inter loss (equation 6)", above=0)
    kl_temperature: float = setting(1.0, "temperature of the KL loss; the paper does not name it", above=0)
    padding: Literal["mask", "include"] = setting(
        "mask", "behind a label's end: out, or in as the authors do"
    )
    rows: Literal["batch", "word"] = setting(
        "batch", "what a row is compared with: the whole batch, or its own word"
    )

    def __post_init__(self) -> None:
        for name, highest in (("encoder_stages", 3), ("decoder_stages", 4)):
            stages = getattr(self, name)
            if list(stages) != sorted(set(stages)) or not set(stages) <= set(range(1, highest + 1)):
                raise InputError(f"{name} is {list(stages)}; it must be rising numbers of 1 to {highest}")
        if self.rows == "word" and self.loss not in ("consistency", "intra", "inter"):
            raise InputError(f"rows = 'word' means nothing to the loss {self.loss!r}: set 'batch'")
