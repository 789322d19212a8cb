"""What whole scenes hold: sizes, numbers and rates, as settings with their units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from clipstr.charset import ALPHABETS, Charset
from clipstr.errors import InputError
from clipstr.plain import built, read_values, with_changes
from clipstr.synth.config import SynthConfig

__all__ = ["Blocks", "SceneConfig", "load_scenes"]


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """How the words of a scene stand together: shares need not add up to 1, rates are of all blocks."""

    words: float = 0.25  # share of single words and short names
    signs: float = 0.3  # share of signs: one to three short lines
    paragraphs: float = 0.2  # share of running text, in one column
    columns: float = 0.1  # share of running text in two or three columns
    lists: float = 0.1  # share of lists: names at the left, prices at the right
    curved: float = 0.12  # share of lines along arcs, circles and waves
    panel: float = 0.7  # rate of blocks on a board of their own; the others stand on what is there
    level: float = 0.5  # rate of blocks that stand level and face the camera
    rotation: float = 7.0  # degrees, standard deviation of the others
    turned: float = 0.06  # rate of blocks turned by any angle
    upright: float = 0.05  # rate of blocks turned by 90 degrees, either way
    upside_down: float = 0.02  # rate of blocks on their heads
    perspective: float = 0.06  # standard deviation of the corners, as a share of the block's height
    unreadable: float = 0.06  # rate of blocks too small to read: their words have no text

    def __post_init__(self) -> None:
        shares = ("words", "signs", "paragraphs", "columns", "lists", "curved")
        for name, value in vars(self).items():
            limit = float("inf") if name == "rotation" or name in shares else 1.0
            if not 0 <= value <= limit:
                raise InputError(f"blocks.{name} is {value}; it must be 0 or more, and a rate at most 1")
        if not any(getattr(self, name) for name in shares):
            raise InputError("the shares of blocks are not all 0")


@dataclass(frozen=True, kw_only=True)
class SceneConfig:
    """The size of scenes, how many blocks of words they have, and how these look.

    Raises `InputError` for what cannot be drawn.
    """

    width: int = 1280  # pixels
    height: int = 720  # pixels
    fewest: int = 2  # blocks; fewer where there is no room
    most: int = 9  # blocks
    smallest: float = 11.0  # pixels: the height of capitals that can be read
    largest: float = 110.0  # pixels
    photographs: float = 0.9  # share of scenes on the user's photographs, if there are some
    blocks: Blocks = field(default_factory=Blocks)
    words: SynthConfig = field(default_factory=lambda: SynthConfig(characters=ALPHABETS["94"]))

    def __post_init__(self) -> None:
        if min(self.width, self.height) < 64 or max(self.width, self.height) > 20_000:
            raise InputError(f"scenes of {self.width} x {self.height} pixels: sides are 64 to 20,000")
        if not 0 <= self.fewest <= self.most:
            raise InputError(f"fewest is {self.fewest} and most {self.most}: 0 or more, and in that order")
        if not 4 <= self.smallest <= self.largest:
            raise InputError(f"letters of {self.smallest} to {self.largest} pixels: 4 or more, in that order")
        if not 0 <= self.photographs <= 1:
            raise InputError(f"photographs is {self.photographs}; it must be a share, from 0 to 1")


def load_scenes(path: Path | None, changes: Sequence[str] = ()) -> SceneConfig:
    """The settings of the TOML file ``path``, and then ``changes`` such as ``blocks.curved=1``, put in.

    The words' own settings stand below ``words`` (``words.looks.neon=0``). Raises `RecipeError` for an
    unknown key and `InputError` for values that cannot be.
    """
    config = built(SceneConfig, with_changes(read_values(path) if path else {}, changes), "", SceneConfig())
    characters = Charset.named(config.words.characters).characters
    return replace(config, words=replace(config.words, characters=characters))
