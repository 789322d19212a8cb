"""The sizes of a recogniser, all in one place; nothing else in the room holds a number."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from clipstr.charset import ALPHABETS, Charset
from clipstr.errors import InputError

__all__ = ["BASE", "NUM_STAGES", "SIZES", "TINY", "StudentConfig"]

NUM_STAGES = 4
"""Encoder and decoder each have four stages (paper, section 3.2): distillation pairs them by number."""


@dataclass(frozen=True, kw_only=True)
class StudentConfig:
    """Everything that decides a recogniser's shapes. The defaults are the authors' (paper, section 4.2).

    Raises `InputError` if the numbers do not fit each other.
    """

    characters: str = ALPHABETS["36"]
    max_length: int = 25  # characters of the longest word, without begin and end
    image_height: int = 32  # pixels
    image_width: int = 128  # pixels
    stem: Literal["patch", "convolution"] = "patch"
    patch_height: int = 4  # pixels under one token
    patch_width: int = 8  # pixels under one token
    width: int = 384  # channels of every token
    encoder_depth: int = 12  # layers, split evenly into the four stages
    encoder_heads: int = 6
    encoder_mlp_ratio: float = 4.0  # hidden width of the feed-forward part over the width
    decoder_depth: int = 4  # layers, split evenly into the four stages; 1: one layer run four times
    decoder_heads: int = 12
    decoder_mlp_ratio: float = 4.0
    dropout: float = 0.1  # in the decoder only, as in the authors' code

    def __post_init__(self) -> None:
        Charset(self.characters)
        for name, depth in (("encoder_depth", self.encoder_depth), ("decoder_depth", self.decoder_depth)):
            replicated = name == "decoder_depth" and depth == 1
            if (depth < NUM_STAGES or depth % NUM_STAGES) and not replicated:
                raise InputError(
                    f"{name} is {depth}; it must be a multiple of {NUM_STAGES}, one part a stage"
                )
        for name, heads in (("encoder_heads", self.encoder_heads), ("decoder_heads", self.decoder_heads)):
            if heads < 1 or self.width % heads:
                raise InputError(f"{name} is {heads}; it must divide the width {self.width}")
        if self.image_height % self.patch_height or self.image_width % self.patch_width:
            raise InputError(
                f"a picture of {self.image_height}x{self.image_width} does not divide into patches of "
                f"{self.patch_height}x{self.patch_width} pixels"
            )
        if self.stem not in ("patch", "convolution"):
            raise InputError(f"stem is {self.stem!r}; it can be 'patch' or 'convolution'")
        if self.max_length < 1 or not 0 <= self.dropout < 1:
            raise InputError(
                f"max_length {self.max_length} must be at least 1, dropout {self.dropout} in [0, 1)"
            )

    @property
    def charset(self) -> Charset:
        """The alphabet with its ids."""
        return Charset(self.characters)

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the encoder's image tokens."""
        return self.image_height // self.patch_height, self.image_width // self.patch_width

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for `config.json`."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> StudentConfig:
        """The config that `to_dict` wrote. Raises `InputError` for an unknown name."""
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            raise InputError(f"a recogniser has no setting called {', '.join(unknown)}")
        return cls(**values)


BASE = StudentConfig()
"""The paper's recogniser: ViT-Small encoder, four decoder layers, 30.9 M parameters."""

TINY = StudentConfig(
    stem="convolution",
    patch_height=16,
    patch_width=4,
    width=192,
    encoder_depth=4,
    encoder_heads=6,
    decoder_depth=4,
    decoder_heads=6,
    decoder_mlp_ratio=2.0,
    dropout=0.0,
)
"""For small machines: a strided convolution stem to 2x32 tokens, then the same four and four stages."""

SIZES: dict[str, StudentConfig] = {"base": BASE, "tiny": TINY}
"""The two sizes by name."""
