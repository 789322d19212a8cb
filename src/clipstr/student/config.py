"""The sizes of a recogniser, all in one place; nothing else in the room holds a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from clipstr.charset import ALPHABETS, Charset
from clipstr.errors import InputError
from clipstr.form import Preprocessing, WordForm

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
    image_mean: float = 0.5  # subtracted from values of 0 to 1
    image_deviation: float = 0.5  # divided by, after that
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
        self.form  # noqa: B018  # what cannot be raises its error
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
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout is {self.dropout}; it must be at least 0 and below 1")

    @property
    def charset(self) -> Charset:
        """The alphabet with its ids."""
        return Charset(self.characters)

    @property
    def form(self) -> WordForm:
        """The form of the words that it reads."""
        return WordForm(
            charset=self.charset,
            max_length=self.max_length,
            preprocessing=Preprocessing(
                height=self.image_height,
                width=self.image_width,
                mean=self.image_mean,
                deviation=self.image_deviation,
            ),
        )

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the encoder's image tokens."""
        return self.image_height // self.patch_height, self.image_width // self.patch_width

    @property
    def sizes(self) -> dict[str, Any]:
        """All but the form in plain values, for `config.json`, which has the form beside them."""
        return {name: value for name, value in asdict(self).items() if name not in _OF_THE_FORM}

    @classmethod
    def of(cls, form: WordForm, sizes: Mapping[str, Any]) -> StudentConfig:
        """The config with this form and these `sizes`. Raises `InputError` for an unknown name."""
        known = {field.name for field in fields(cls)} - _OF_THE_FORM
        unknown = sorted(set(sizes) - known)
        if unknown:
            raise InputError(f"a recogniser has no size called {', '.join(unknown)}")
        return cls(
            characters=form.charset.characters,
            max_length=form.max_length,
            image_height=form.preprocessing.height,
            image_width=form.preprocessing.width,
            image_mean=form.preprocessing.mean,
            image_deviation=form.preprocessing.deviation,
            **sizes,
        )


_OF_THE_FORM = frozenset(
    ("characters", "max_length", "image_height", "image_width", "image_mean", "image_deviation")
)

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
