"""What the renderer draws: every rate and size, as settings with their units, from code or from TOML.

A rate is the share of pictures, 0 to 1, that has a thing at difficulty 1; at lower difficulty it is less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from clipstr.charset import ALPHABETS, Charset
from clipstr.errors import InputError
from clipstr.settings import Alphabet, built, read_values, section, setting, settings, with_changes

__all__ = [
    "MILDEST",
    "Camera",
    "Layout",
    "Looks",
    "Sample",
    "Scene",
    "SynthConfig",
    "WordShares",
    "load_synth",
]


def _share(default: float, meaning: str) -> float:
    return setting(default, meaning, least=0, most=1)


MILDEST = 0.1
"""How hard the mildest pictures are, as a share of the difficulty: streets have easy and hard words."""


@settings(frozen=True, kw_only=True)
class WordShares:
    """What is written, as shares that need not add up to 1."""

    english: float = _share(0.34, "share of frequent English words, frequent ones more often")
    signs: float = _share(0.22, "share of words that stand on signs, shops and packages")
    dictionary: float = _share(0.08, "share of the system's word list, all alike likely")
    names: float = _share(0.12, "share of people, places, brands and abbreviations")
    languages: float = _share(0.06, "share of twelve other languages in the Latin script")
    numbers: float = _share(0.07, "share of numbers, prices, times, dates, measures")
    contacts: float = _share(0.03, "share of phone numbers, plates, web addresses, e-mail")
    invented: float = _share(0.03, "share of words that could exist")
    random: float = _share(0.06, "share of strings of any characters of the alphabet, all alike likely")
    truncated: float = _share(0.015, "share of words that begin too late or end too soon")
    phrases: float = _share(0.0, "share of two to four words with spaces between, which labels drop")
    repeated: float = _share(0.02, "share of letters several times in a row: 1000000, coooool")
    long: float = _share(0.02, "share of words run together, and codes, of 15 to 25 characters")
    mixed: float = _share(0.01, "share of words whose letters are large or small by chance")
    punctuated: float = _share(0.015, "share of words joined by punctuation")
    rare: float = _share(0.03, "share of words by their letters: rare ones as often as frequent ones")
    marked: float = _share(
        0.12, "share of words with marks and signs beyond ASCII, all alike likely, if the alphabet has some"
    )
    texts: float = _share(0.15, "share of texts of the user's, drawn as they are, if there are some")

    def __post_init__(self) -> None:
        if not any(asdict(self).values()):
            raise InputError("the shares of words are not all 0")


@settings(frozen=True, kw_only=True)
class Layout:
    """Where letters stand, and from where the word is seen."""

    tracked: float = _share(0.2, "rate of letters set apart or close")
    dance: float = _share(0.03, "rate of letters off the line")
    stacked: float = _share(0.01, "rate of letters below each other")
    arc: float = _share(0.12, "rate of words along an arc")
    wave: float = _share(0.03, "rate of words along a wave")
    letters: float = _share(0.06, "rate of letters with sizes, turns, levels and gaps of their own")
    curved: float = _share(0.05, "rate of words along strong arcs, circles, waves and curves of any shape")
    upright: float = _share(0.035, "rate of words turned by 90 degrees, either way")
    turned: float = _share(0.2, "rate of words turned by up to 40 degrees")
    upside_down: float = _share(0.01, "rate of words on their heads")
    mirrored: float = _share(0.0, "rate of words seen in a mirror, or from behind a window")
    rotation: float = setting(
        6.0, "standard deviation of the turn of all other words", unit="degrees", least=0, most=90
    )
    slant: float = _share(0.14, "standard deviation of the shear")
    perspective: float = _share(0.07, "standard deviation of the corners, in letter heights")
    stretch: float = _share(0.18, "standard deviation of the logarithm of the width")
    margin: float = _share(0.11, "room around the word, mean, in letter heights")
    looseness: float = _share(0.07, "standard deviation of each margin; below 0 it cuts letters")


@settings(frozen=True, kw_only=True)
class Looks:
    """How letters are made."""

    bold: float = _share(0.25, "rate of letters fattened")
    outline: float = _share(0.08, "rate of a contour in another colour")
    hollow: float = _share(0.02, "rate of contours alone")
    shadow: float = _share(0.14, "rate of shadows, hard and soft")
    extruded: float = _share(0.07, "rate of letters with a side")
    glow: float = _share(0.03, "rate of a halo")
    neon: float = _share(0.015, "rate of light tubes")
    embossed: float = _share(0.06, "rate of letters that catch light at their edges")
    engraved: float = _share(0.02, "rate of letters in the colour of their ground, seen by light alone")
    worn: float = _share(0.05, "rate of paint come off")
    stencil: float = _share(0.01, "rate of letters with bridges")
    dot_matrix: float = _share(0.015, "rate of letters of dots")
    segments: float = _share(0.3, "rate of seven-segment displays, of the numbers that can be shown on one")
    gradient: float = _share(0.10, "rate of ink that changes its colour")
    two_tone: float = _share(0.03, "rate of words in two colours, one after the other")
    textured: float = _share(0.10, "rate of ink with a surface")
    counterchanged: float = _share(
        0.015, "rate of ink and ground that swap colours at an edge across the word"
    )
    translucent: float = _share(0.06, "rate of thin ink")


@settings(frozen=True, kw_only=True)
class Scene:
    """What is behind, beside and before the word."""

    surface: float = _share(0.5, "rate of grounds with a surface")
    clutter: float = _share(0.12, "rate of grounds with things on them, or of the user's photographs")
    photograph: float = _share(0.3, "rate of the user's photographs as they are, if there are some")
    gradient: float = _share(0.2, "rate of grounds that change their colour")
    panel: float = _share(0.12, "rate of grounds that end inside the picture")
    neighbours: float = _share(0.35, "rate of other words beside, above and below")
    rules: float = _share(0.08, "rate of lines above, below or around")
    bars: float = _share(0.03, "rate of a bar across")
    stains: float = _share(0.03, "rate of stains")
    leaves: float = _share(0.01, "rate of leaves")
    faint: float = _share(0.1, "rate of hardly any contrast between word and ground")


@settings(frozen=True, kw_only=True)
class Camera:
    """What light, lens, sensor and file do to the picture."""

    height: float = setting(30.0, "height of a crop, median", unit="pixels", least=4, most=512)
    height_spread: float = _share(0.5, "standard deviation of the logarithm of a crop's height")
    light: float = _share(0.25, "rate of uneven light")
    glare: float = _share(0.06, "rate of spots of light")
    defocus: float = _share(0.5, "rate of lenses out of focus")
    motion: float = _share(0.08, "rate of movement")
    small: float = _share(0.2, "rate of pictures enlarged from a tiny one")
    sharpened: float = _share(0.15, "rate of halos of sharpening")
    noise: float = _share(1.0, "rate of sensor noise")
    cast: float = _share(0.25, "rate of coloured light")
    bloom: float = _share(0.2, "rate of bright parts that spill over")
    grey: float = _share(0.06, "rate of pictures without colour")
    exposure: float = _share(0.25, "rate of a gamma between 0.5 and 2")
    compression: float = _share(0.5, "rate of JPEG's traces")


@settings(frozen=True, kw_only=True)
class SynthConfig:
    """The words' alphabet and length, and all that happens in their pictures."""

    characters: Alphabet = setting(ALPHABETS["94"], "the alphabet of what is drawn")
    max_length: int = setting(25, "the longest word", unit="characters", least=1, most=1000)
    mildest: float = _share(
        MILDEST, "how hard the mildest pictures are, as a share of the difficulty; the rest in between"
    )
    unread: float = _share(
        0.0, "rate of texts that may keep punctuation the alphabet lacks, which is not in their label"
    )
    empty: float = _share(0.0, "rate of pictures with nothing to read, whose label is empty")
    shares: WordShares = section(WordShares)
    layout: Layout = section(Layout)
    looks: Looks = section(Looks)
    scene: Scene = section(Scene)
    camera: Camera = section(Camera)

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
    nearest known one, and for values that cannot be.
    """
    return built(SynthConfig, with_changes(read_values(path) if path else {}, changes), default)
