"""What whole scenes hold: sizes, numbers and rates, as settings with their units."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from clipstr.charset import ALPHABETS
from clipstr.errors import InputError
from clipstr.settings import built, read_values, section, setting, settings, with_changes
from clipstr.synth.config import SynthConfig

__all__ = ["Blocks", "SceneConfig", "load_scenes"]


@settings(frozen=True, kw_only=True)
class Blocks:
    """How the words of a scene stand together: shares need not add up to 1, rates are of all blocks."""

    words: float = setting(0.25, "share of single words and short names", least=0, most=1000)
    signs: float = setting(0.3, "share of signs: one to three short lines", least=0, most=1000)
    paragraphs: float = setting(0.2, "share of running text, in one column", least=0, most=1000)
    columns: float = setting(0.1, "share of running text in two or three columns", least=0, most=1000)
    lists: float = setting(0.1, "share of lists: names at the left, prices at the right", least=0, most=1000)
    curved: float = setting(0.12, "share of lines along arcs, circles and waves", least=0, most=1000)
    panel: float = setting(
        0.7, "rate of blocks on a board of their own; the others stand on what is there", least=0, most=1
    )
    level: float = setting(0.5, "rate of blocks that stand level and face the camera", least=0, most=1)
    rotation: float = setting(
        7.0, "standard deviation of the turn of the others", unit="degrees", least=0, most=90
    )
    turned: float = setting(0.06, "rate of blocks turned by any angle", least=0, most=1)
    upright: float = setting(0.05, "rate of blocks turned by 90 degrees, either way", least=0, most=1)
    upside_down: float = setting(0.02, "rate of blocks on their heads", least=0, most=1)
    perspective: float = setting(
        0.06, "standard deviation of the corners, as a share of the block's height", least=0, most=1
    )
    unreadable: float = setting(
        0.06, "rate of blocks too small to read: their words have no text", least=0, most=1
    )

    def __post_init__(self) -> None:
        shares = (self.words, self.signs, self.paragraphs, self.columns, self.lists, self.curved)
        if not any(shares):
            raise InputError("the shares of blocks are not all 0")


@settings(frozen=True, kw_only=True)
class SceneConfig:
    """The size of scenes, how many blocks of words they have, and how these look.

    Raises `InputError` for what cannot be drawn.
    """

    width: int = setting(1280, "width of a scene", unit="pixels", least=64, most=20_000)
    height: int = setting(720, "height of a scene", unit="pixels", least=64, most=20_000)
    fewest: int = setting(2, "how many blocks at least; fewer where there is no room", least=0, most=1000)
    most: int = setting(9, "how many blocks at most", least=0, most=1000)
    smallest: float = setting(
        11.0, "least height of capitals that can be read", unit="pixels", least=4, most=20_000
    )
    largest: float = setting(110.0, "largest height of capitals", unit="pixels", least=4, most=20_000)
    photographs: float = setting(
        0.9, "share of scenes on the user's photographs, if there are some", least=0, most=1
    )
    blocks: Blocks = section(Blocks)
    words: SynthConfig = section(lambda: SynthConfig(characters=ALPHABETS["94"]))

    def __post_init__(self) -> None:
        if self.fewest > self.most:
            raise InputError(f"fewest is {self.fewest} and most {self.most}: in that order")
        if self.smallest > self.largest:
            raise InputError(f"letters of {self.smallest} to {self.largest} pixels: in that order")


def load_scenes(path: Path | None, changes: Sequence[str] = ()) -> SceneConfig:
    """The settings of the TOML file ``path``, and then ``changes`` such as ``blocks.curved=1``, put in.

    The words' own settings stand below ``words`` (``words.looks.neon=0``). Raises `RecipeError` for an
    unknown key and for values that cannot be.
    """
    return built(SceneConfig, with_changes(read_values(path) if path else {}, changes), SceneConfig())
