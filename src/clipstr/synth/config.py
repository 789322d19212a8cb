"""What the renderer draws: every rate and size, as settings with their units, from code or from TOML.

A rate is the share of pictures, 0 to 1, that has a thing at difficulty 1; at lower difficulty it is less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

import numpy as np

from clipstr.charset import ALPHABETS, Charset
from clipstr.errors import InputError
from clipstr.plain import built, read_values, with_changes

__all__ = ["Camera", "Layout", "Looks", "Sample", "Scene", "SynthConfig", "WordShares", "load_synth"]


def _rates(settings: object, *, beyond: Sequence[str] = ()) -> None:
    """Raises `InputError` for a field that is no rate, those named in ``beyond`` only for being negative."""
    for item in fields(settings):  # type: ignore[arg-type]
        value = getattr(settings, item.name)
        if value < 0 or (value > 1 and item.name not in beyond):
            what = "0 or more" if item.name in beyond else "a share, from 0 to 1"
            raise InputError(f"{type(settings).__name__.lower()}.{item.name} is {value}; it must be {what}")


@dataclass(frozen=True, kw_only=True)
class WordShares:
    """What is written, as shares that need not add up to 1."""

    english: float = 0.34  # of frequent English words, frequent ones more often
    signs: float = 0.22  # of words that stand on signs, shops and packages
    dictionary: float = 0.08  # of the system's word list, all alike likely
    names: float = 0.12  # of people, places, brands and abbreviations
    languages: float = 0.06  # of twelve other languages in the Latin script
    numbers: float = 0.07  # of numbers, prices, times, dates, measures
    contacts: float = 0.03  # of phone numbers, plates, web addresses, e-mail
    invented: float = 0.03  # of words that could exist
    random: float = 0.05  # of strings of any characters of the alphabet, all alike likely

    def __post_init__(self) -> None:
        _rates(self)
        if not any(asdict(self).values()):
            raise InputError("the shares of words are not all 0")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where letters stand, and from where the word is seen."""

    tracked: float = 0.2  # rate of letters set apart or close
    dance: float = 0.03  # rate of letters off the line
    stacked: float = 0.01  # rate of letters below each other
    arc: float = 0.12  # rate of words along an arc
    wave: float = 0.03  # rate of words along a wave
    upright: float = 0.035  # rate of words turned by 90 degrees, either way
    turned: float = 0.2  # rate of words turned by up to 40 degrees
    rotation: float = 6.0  # degrees, standard deviation of all other words
    slant: float = 0.14  # standard deviation of the shear
    perspective: float = 0.07  # standard deviation of the corners, in letter heights
    stretch: float = 0.18  # standard deviation of the logarithm of the width
    margin: float = 0.11  # around the word, mean, in letter heights
    looseness: float = 0.07  # standard deviation of each margin; below 0 it cuts letters

    def __post_init__(self) -> None:
        _rates(self, beyond=("rotation",))


@dataclass(frozen=True, kw_only=True)
class Looks:
    """How letters are made."""

    bold: float = 0.25  # rate of letters fattened
    outline: float = 0.08  # rate of a contour in another colour
    hollow: float = 0.02  # rate of contours alone
    shadow: float = 0.14  # rate of shadows, hard and soft
    extruded: float = 0.07  # rate of letters with a side
    glow: float = 0.03  # rate of a halo
    neon: float = 0.015  # rate of light tubes
    embossed: float = 0.06  # rate of letters that catch light at their edges
    engraved: float = 0.02  # rate of letters in the colour of their ground, seen by light alone
    worn: float = 0.05  # rate of paint come off
    stencil: float = 0.01  # rate of letters with bridges
    dot_matrix: float = 0.015  # rate of letters of dots
    segments: float = 0.3  # rate of seven-segment displays, of the numbers that can be shown on one
    gradient: float = 0.10  # rate of ink that changes its colour
    two_tone: float = 0.03  # rate of words in two colours, one after the other
    textured: float = 0.10  # rate of ink with a surface
    translucent: float = 0.06  # rate of thin ink

    def __post_init__(self) -> None:
        _rates(self)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What is behind, beside and before the word."""

    surface: float = 0.5  # rate of grounds with a surface
    clutter: float = 0.12  # rate of grounds with things on them, or of the user's photographs
    gradient: float = 0.2  # rate of grounds that change their colour
    panel: float = 0.12  # rate of grounds that end inside the picture
    neighbours: float = 0.35  # rate of other words beside, above and below
    rules: float = 0.08  # rate of lines above, below or around
    bars: float = 0.03  # rate of a bar across
    stains: float = 0.03  # rate of stains
    leaves: float = 0.01  # rate of leaves
    faint: float = 0.1  # rate of hardly any contrast between word and ground

    def __post_init__(self) -> None:
        _rates(self)


@dataclass(frozen=True, kw_only=True)
class Camera:
    """What light, lens, sensor and file do to the picture."""

    height: float = 30.0  # pixels of a crop, median
    height_spread: float = 0.5  # standard deviation of its logarithm
    light: float = 0.25  # rate of uneven light
    glare: float = 0.06  # rate of spots of light
    defocus: float = 0.5  # rate
    motion: float = 0.08  # rate of movement
    small: float = 0.2  # rate of pictures enlarged from a tiny one
    sharpened: float = 0.15  # rate of halos of sharpening
    noise: float = 1.0  # rate of sensor noise
    cast: float = 0.25  # rate of coloured light
    bloom: float = 0.2  # rate of bright parts that spill over
    grey: float = 0.06  # rate of pictures without colour
    exposure: float = 0.25  # rate of a gamma between 0.5 and 2
    compression: float = 0.5  # rate of JPEG's traces

    def __post_init__(self) -> None:
        _rates(self, beyond=("height",))
        if self.height < 4:
            raise InputError(f"camera.height is {self.height}; a crop is at least 4 pixels high")


@dataclass(frozen=True, kw_only=True)
class SynthConfig:
    """The words' alphabet and length, and all that happens in their pictures.

    Raises `InputError` for a length that cannot be drawn and rates that are none.
    """

    characters: str = ALPHABETS["36"]
    max_length: int = 25  # characters of the longest word
    mildest: float = (
        0.1  # how hard the mildest pictures are, as a share of the difficulty; the rest in between
    )
    shares: WordShares = field(default_factory=WordShares)
    layout: Layout = field(default_factory=Layout)
    looks: Looks = field(default_factory=Looks)
    scene: Scene = field(default_factory=Scene)
    camera: Camera = field(default_factory=Camera)

    def __post_init__(self) -> None:
        Charset(self.characters)
        if not 0 <= self.mildest <= 1:
            raise InputError(f"mildest is {self.mildest}; it must be a share, from 0 to 1")
        if self.max_length < 1:
            raise InputError(f"max_length is {self.max_length}; it is at least 1")

    @property
    def charset(self) -> Charset:
        """The alphabet."""
        return Charset(self.characters)


@dataclass(frozen=True)
class Sample:
    """One rendered word: its picture (height, width, 3) in uint8 RGB, and its text as drawn.

    Pictures have many sizes and shapes, as real crops do.
    """

    image: np.ndarray
    label: str


def load_synth(path: Path | None, changes: Sequence[str] = (), *, default: SynthConfig) -> SynthConfig:
    """``default`` with the settings of the TOML file ``path`` and then ``changes`` put in.

    ``changes`` are texts such as ``looks.neon=0.2``. Raises `RecipeError` for an unknown key, naming the
    nearest known one, and `InputError` for values that cannot be.
    """
    config = built(SynthConfig, with_changes(read_values(path) if path else {}, changes), "", default)
    return replace(config, characters=Charset.named(config.characters).characters)
