"""``clipstr synth OUT --count N``: rendered words as a data set, or as a sheet to look at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from clipstr.cli import console
from clipstr.cli.options import (
    MOST_SAMPLES,
    Changes,
    FontFolders,
    Seed,
    TextList,
    WordList,
    Workers,
    alphabet,
    filled,
    input_path,
    new_file,
    new_folder,
    no_nan,
)
from clipstr.cli.rendering import rendered
from clipstr.cli.settings import settings_option
from clipstr.errors import InputError
from clipstr.files import whole_file

if TYPE_CHECKING:
    from clipstr.synth import KindRenderer, WordRenderer

__all__ = ["synth", "synth_package"]

CHUNK = 256  # pictures that a worker renders before it hands them over
SHEET = 160  # pictures on a contact sheet, at most
NAMED = 5  # words left out that are named


class Kind(str, Enum):
    """What a data set is for."""

    WORDS = "words"
    SHUFFLE = "shuffle"
    RANDOM = "random"
    REPEATS = "repeats"
    OCCLUDED_WEAK = "occluded-weak"
    OCCLUDED_HEAVY = "occluded-heavy"


def synth(
    out: Annotated[
        Path | None,
        typer.Argument(parser=new_folder, metavar="OUT", help="The folder to write.", show_default=False),
    ] = None,
    count: Annotated[
        int, typer.Option("--count", min=1, max=MOST_SAMPLES, help="How many pictures.")
    ] = SHEET,
    sheet: Annotated[
        Path | None,
        typer.Option(
            "--sheet",
            parser=new_file,
            metavar="FILE",
            help="Write a contact sheet of the first ones to this PNG.",
        ),
    ] = None,
    seed: Seed = 0,
    kind: Annotated[
        Kind,
        typer.Option(
            "--kind",
            help="Words to train on; or a test: words with their characters shuffled, random characters, "
            "repeats and numbers and codes, one letter covered by half or wholly.",
        ),
    ] = Kind.WORDS,
    difficulty: Annotated[
        float | None,
        typer.Option(
            "--difficulty",
            min=0,
            max=1,
            callback=no_nan,
            help="0: clean and upright; 1: all that streets offer. Of tests 0.3, else 1.",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            parser=input_path,
            metavar="FILE",
            help="A TOML file of settings, as --settings prints them.",
        ),
    ] = None,
    changes: Changes = None,
    charset: Annotated[
        str | None,
        typer.Option(
            "--charset",
            parser=filled,
            metavar="CHARSET",
            help="36, 62, 94, latin, or the characters themselves.",
            show_default="94",
        ),
    ] = None,
    words: WordList = None,
    texts: TextList = None,
    fonts: FontFolders = None,
    backgrounds: Annotated[
        Path | None,
        typer.Option(
            "--backgrounds",
            parser=input_path,
            metavar="DIR",
            help="A folder of pictures to put behind words.",
        ),
    ] = None,
    workers: Workers = 0,
    settings: Annotated[bool, settings_option("clipstr.synth", "SynthConfig", "synth")] = False,
) -> None:
    """Render labelled pictures of words.

    Picture number i of a seed is the same on any number of workers. The labels are as drawn; whoever trains
    on them folds them into an alphabet. Words that cannot be drawn are told.
    """
    require_places(out, sheet)
    if charset is not None:
        changes = [*(changes or ()), f"characters={alphabet(charset).characters}"]
    renderer = _renderer(kind.value, config, changes or (), fonts or (), words, texts, backgrounds)
    _tell_left_out(renderer)
    if sheet is not None:
        _write_sheet(sheet, renderer, seed, min(count, SHEET), difficulty)
        console.tell(f"wrote {sheet}")
    if out is not None:
        from clipstr.data import write_lmdb

        pictures = _Pictures(renderer, seed, difficulty)
        made = rendered(pictures, count, chunk=CHUNK, workers=workers)
        written = write_lmdb(out, made)
        console.tell(f"wrote {written} pictures to {out}")


def synth_package() -> ModuleType:
    """The renderer's package. Raises `MissingExtraError` without what it needs."""
    with console.needs_extra("synth", "rendering"):
        import clipstr.synth as synth  # not as an attribute of a package that is there in part
    return synth


def require_places(out: Path | None, sheet: Path | None) -> None:
    """Raises `InputError` if there is nothing to write."""
    if out is None and sheet is None:
        raise InputError("nothing to write: give a folder, or --sheet FILE.png")


def _renderer(
    kind: str,
    config: Path | None,
    changes: list[str] | tuple[()],
    fonts: list[Path] | tuple[()],
    words: Path | None,
    texts: Path | None,
    backgrounds: Path | None,
) -> KindRenderer:
    synth = synth_package()
    from clipstr.fonts import cache_folder, find_fonts

    settings = synth.load_synth(config, changes, default=synth.SynthConfig())
    renderer: WordRenderer = synth.WordRenderer(
        synth.settings_of_kind(kind, settings),
        fonts=find_fonts(fonts, cache=cache_folder()),
        words=synth.load_words(words) if words else None,
        texts=synth.load_words(texts) if texts else None,
        backgrounds=synth.find_backgrounds(backgrounds) if backgrounds else (),
    )
    kinds: KindRenderer = synth.KindRenderer(renderer, kind)
    return kinds


def _tell_left_out(renderer: KindRenderer) -> None:
    """Tells which words do not fit, with the reasons of the first ones, and what no font has."""
    vocabulary = renderer.renderer.vocabulary
    left_out = vocabulary.left_out
    if left_out:
        named = "; ".join(f"{word} ({vocabulary.fits.why_not(word)})" for word in left_out[:NAMED])
        console.tell(f"left out {len(left_out)} words: {named}{'; ...' if len(left_out) > NAMED else ''}")
    if vocabulary.undrawable:
        lacking = " ".join(vocabulary.undrawable)
        console.tell(f"never drawn, since none of {renderer.renderer.fonts} has them: {lacking}")


def _write_sheet(
    sheet: Path, renderer: KindRenderer, seed: int, count: int, difficulty: float | None
) -> None:
    from clipstr.sheets import contact_sheet

    samples = [renderer.sample(seed, index, difficulty) for index in range(count)]
    with whole_file(sheet) as file:
        contact_sheet([(sample.image, sample.label) for sample in samples]).save(file, "PNG")


@dataclass(frozen=True)
class _Pictures:
    """Makes picture after picture, encoded, each with its label."""

    renderer: KindRenderer
    seed: int
    difficulty: float | None

    def __call__(self, index: int) -> tuple[bytes, str]:
        import cv2

        sample = self.renderer.sample(self.seed, index, self.difficulty)
        _, encoded = cv2.imencode(".png", sample.image[..., ::-1])
        return encoded.tobytes(), sample.label
