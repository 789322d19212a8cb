"""``clipstr synth scenes OUT --count N``: whole rendered scenes and where their words stand, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    input_path,
    new_file,
    new_folder,
    no_nan,
)
from clipstr.cli.rendering import rendered
from clipstr.cli.settings import settings_option
from clipstr.cli.synth import require_places, synth_package
from clipstr.files import whole_file

if TYPE_CHECKING:
    from clipstr.synth.scenes import SceneRenderer

__all__ = ["scenes"]

CHUNK = 2  # scenes that a worker renders before it hands them over
QUALITY = 92  # of JPEG
SHEET = 8  # scenes on a sheet, at most
SHOWN, COLUMNS, GAP = 640, 2, 6  # pixels of a scene's width on a sheet, scenes a row, pixels between


def scenes(
    out: Annotated[
        Path | None,
        typer.Argument(
            parser=new_folder,
            metavar="OUT",
            help="The folder to write: photographs and words.jsonl.",
            show_default=False,
        ),
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, max=MOST_SAMPLES, help="How many scenes.")] = 20,
    sheet: Annotated[
        Path | None,
        typer.Option(
            "--sheet",
            parser=new_file,
            metavar="FILE",
            help="Write the first scenes with their words' outlines to this PNG.",
        ),
    ] = None,
    seed: Seed = 0,
    difficulty: Annotated[
        float,
        typer.Option(
            "--difficulty",
            min=0,
            max=1,
            callback=no_nan,
            help="0: clean and clear; 1: all that streets offer.",
        ),
    ] = 0.5,
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
    words: WordList = None,
    texts: TextList = None,
    fonts: FontFolders = None,
    backgrounds: Annotated[
        Path | None,
        typer.Option(
            "--backgrounds",
            parser=input_path,
            metavar="DIR",
            help="A folder of photographs without words to write the words on.",
        ),
    ] = None,
    workers: Workers = 0,
    settings: Annotated[bool, settings_option("clipstr.synth.scenes", "SceneConfig", "synth")] = False,
) -> None:
    """Render whole scenes, with every word's text and polygon, line and block.

    words.jsonl has a line for each photograph. Words too small or too faint to read have the text null.
    """
    require_places(out, sheet)
    synth = synth_package()
    from clipstr.fonts import cache_folder, find_fonts
    from clipstr.synth.scenes import SceneRenderer, load_scenes, write_scenes

    renderer = SceneRenderer(
        load_scenes(config, changes or ()),
        fonts=find_fonts(fonts or (), cache=cache_folder()),
        words=synth.load_words(words) if words else None,
        texts=synth.load_words(texts) if texts else None,
        backgrounds=synth.find_backgrounds(backgrounds) if backgrounds else (),
    )
    if sheet is not None:
        _write_sheet(sheet, renderer, seed, min(count, SHEET), difficulty)
        console.tell(f"wrote {sheet}")
    if out is not None:
        make = _Scenes(renderer, seed, difficulty, len(str(count)))
        made = rendered(make, count, chunk=CHUNK, workers=workers)
        written = list(write_scenes(out, made))
        console.tell(f"wrote {len(written)} scenes with {sum(written)} words to {out}")


@dataclass(frozen=True)
class _Scenes:
    """Makes scene after scene: the encoded picture, and what is to be said of it."""

    renderer: SceneRenderer
    seed: int
    difficulty: float
    digits: int

    def __call__(self, index: int) -> tuple[bytes, dict[str, Any]]:
        import cv2

        scene = self.renderer.scene(self.seed, index, self.difficulty)
        _, encoded = cv2.imencode(".jpg", scene.image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        return encoded.tobytes(), scene.record(f"{index + 1:0{self.digits}}.jpg")


def _write_sheet(sheet: Path, renderer: SceneRenderer, seed: int, count: int, difficulty: float) -> None:
    from PIL import Image

    from clipstr.synth.scenes import marked

    made = [Image.fromarray(marked(renderer.scene(seed, index, difficulty))) for index in range(count)]
    size = (SHOWN, round(SHOWN * made[0].height / made[0].width))
    rows = -(-count // COLUMNS)
    whole = Image.new("RGB", (COLUMNS * (size[0] + GAP) + GAP, rows * (size[1] + GAP) + GAP), "white")
    for number, picture in enumerate(made):
        place = (GAP + number % COLUMNS * (size[0] + GAP), GAP + number // COLUMNS * (size[1] + GAP))
        whole.paste(picture.resize(size, Image.Resampling.LANCZOS), place)
    with whole_file(sheet) as file:
        whole.save(file, "PNG")
