"""The sizes of a recogniser, all in one place; nothing else in the room holds a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, Literal

from clipstr.charset import ALPHABETS, Charset
from clipstr.errors import InputError
from clipstr.form import LONGEST, Preprocessing, WordForm
from clipstr.settings import Alphabet, setting, settings

__all__ = ["BASE", "NUM_STAGES", "SIZES", "TINY", "StudentConfig"]

NUM_STAGES = 4
"""Encoder and decoder each have four stages (paper, section 3.2): distillation pairs them by number."""


@settings(frozen=True, kw_only=True)
class StudentConfig:
    """Everything that decides a recogniser's shapes. The defaults are the authors' (paper, section 4.2).

    Raises `InputError` if the numbers do not fit each other.
    """

    characters: Alphabet = setting(ALPHABETS["36"], "the alphabet that it reads")
    max_length: int = setting(
        25, "the longest word, without begin and end", unit="characters", least=1, most=LONGEST
    )
    image_height: int = setting(
        32, "height of the pictures that it sees", unit="pixels", least=1, most=LONGEST
    )
    image_width: int = setting(
        128, "width of the pictures that it sees", unit="pixels", least=1, most=8 * LONGEST
    )
    image_mean: float = setting(0.5, "what is subtracted from values of 0 to 1", least=-100, most=100)
    image_deviation: float = setting(0.5, "what they are divided by after that", above=0, most=100)
    stem: Literal["patch", "convolution"] = setting("patch", "what makes tokens of pixels")
    patch_height: int = setting(4, "height of what becomes one token", unit="pixels", least=1, most=8192)
    patch_width: int = setting(8, "width of what becomes one token", unit="pixels", least=1, most=8192)
    width: int = setting(384, "size of every token", unit="channels", least=1, most=8192)
    encoder_depth: int = setting(
        12,
        "depth of the encoder, split evenly into the four stages",
        unit="layers",
        least=NUM_STAGES,
        most=256,
    )
    encoder_heads: int = setting(6, "heads of attention; they divide the width", least=1, most=8192)
    encoder_mlp_ratio: float = setting(
        4.0, "hidden width of the feed-forward part over the width", above=0, most=64
    )
    decoder_depth: int = setting(
        4,
        "depth of the decoder, split evenly into the four stages; 1: one layer run four times",
        unit="layers",
        least=1,
        most=256,
    )
    decoder_heads: int = setting(12, "heads of attention; they divide the width", least=1, most=8192)
    decoder_mlp_ratio: float = setting(4.0, "the same in the decoder", above=0, most=64)
    dropout: float = setting(
        0.1, "share of values dropped, in the decoder only, as in the authors' code", least=0, below=1
    )

    def __post_init__(self) -> None:
        for name, depth in (("encoder_depth", self.encoder_depth), ("decoder_depth", self.decoder_depth)):
            replicated = name == "decoder_depth" and depth == 1
            if (depth < NUM_STAGES or depth % NUM_STAGES) and not replicated:
                raise InputError(
                    f"{name} is {depth}; it must be a multiple of {NUM_STAGES}, one part a stage"
                )
        for name, heads in (("encoder_heads", self.encoder_heads), ("decoder_heads", self.decoder_heads)):
            if self.width % heads:
                raise InputError(f"{name} is {heads}; it must divide the width {self.width}")
        if self.image_height % self.patch_height or self.image_width % self.patch_width:
            raise InputError(
                f"a picture of {self.image_height}x{self.image_width} does not divide into patches of "
                f"{self.patch_height}x{self.patch_width} pixels"
            )

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
