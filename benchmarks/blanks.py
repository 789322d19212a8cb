"""What is read where nothing stands: words invented on pictures without text, and how `legible` tells them.

    python benchmarks/blanks.py --data DIR --blanks DIR --scenes DIR [--model full --model tiny]

``--data`` are words that can be read, ``--blanks`` rendered grounds (`clipstr synth DIR --set empty=1`), and
``--scenes`` photographs out of which grounds are cut beside all words. See README.md beside this file.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from PIL import Image, ImageDraw
from rich import box
from rich.console import Console
from rich.table import Table
from shapely.geometry import Polygon
from shapely.geometry import box as rectangle

from clipstr.data import find_sources
from clipstr.evaluation.scenes import load_photographs
from clipstr.models import embedded_models
from clipstr.reader import Reader
from clipstr.reading import Reading

WAYS = {"one look": False, "second looks": True}
BATCH = 32
CONFIDENT = 0.5  # from which a word counts as told
HEIGHTS = (12.0, 90.0)  # pixels of a ground, all scales alike likely
SHAPES = (1.5, 6.0)  # its width over its height
TRIES = 200  # for a ground in a photograph, before it is left alone


def main(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of labelled crops.")],
    blanks: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Folder of crops without any text.")
    ] = None,
    scenes: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Photographs with words.jsonl.")
    ] = None,
    model: Annotated[list[str] | None, typer.Option(help="Our models; else the embedded ones.")] = None,
    count: Annotated[int, typer.Option(min=1, help="Grounds to cut out of the photographs.")] = 2000,
    every: Annotated[int, typer.Option(min=1, help="Take every so many-th picture.")] = 1,
    sheet: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Draw the grounds on which most is read here.")
    ] = None,
) -> None:
    """Read all of them in each way and print one table."""
    sets: dict[str, list[Any]] = {"words": crops(data)[::every]}
    if blanks is not None:
        sets["rendered grounds"] = crops(blanks)[::every]
    if scenes is not None:
        sets["photographed grounds"] = grounds(scenes, count)[::every]
    table = Table(box=box.MARKDOWN)
    for name in ("", "pictures", f"told at {CONFIDENT}", "empty", "legible, mean", "below 0.5", "AUC"):
        table.add_column(name)
    for name in model or list(embedded_models()):
        for way, looks in WAYS.items():
            reader = Reader(name, threads=1, batch_size=BATCH, second_looks=looks)
            readings = {kind: reader.read_images(pictures) for kind, pictures in sets.items()}
            for kind, found in readings.items():
                table.add_row(f"{name}, {way}, {kind}", *row(found, readings["words"]))
            if sheet is not None and scenes is not None and looks:
                drawn(sets["photographed grounds"], readings["photographed grounds"]).save(sheet)
    Console(width=140).print(table)


def row(found: Sequence[Reading], words: Sequence[Reading]) -> list[str]:
    """What the table says of the readings ``found``, beside those of ``words``."""
    told = sum(bool(reading.text) and reading.confidence >= CONFIDENT for reading in found)
    legible = np.array([reading.legible for reading in found])
    return [
        str(len(found)),
        f"{100 * told / len(found):.2f} %",
        f"{100 * sum(not reading.text for reading in found) / len(found):.1f} %",
        f"{legible.mean():.3f}",
        f"{100 * (legible < 0.5).mean():.2f} %",
        "" if found is words else f"{auc([reading.legible for reading in words], legible):.4f}",
    ]


def auc(above: Iterable[float], below: Iterable[float]) -> float:
    """How often one of ``above`` is more than one of ``below``, equal ones counting half."""
    high, low = np.sort(np.array(list(above))), np.array(list(below))
    less, less_or_equal = (np.searchsorted(high, low, side=side) for side in ("left", "right"))
    return float(1 - (less + less_or_equal).mean() / 2 / len(high))


def crops(folder: Path) -> list[bytes]:
    """The files of all crops at or below ``folder``."""
    return [source.image_bytes(index) for source in find_sources(folder) for index in range(len(source))]


def grounds(folder: Path, count: int) -> list[Image.Image]:
    """``count`` crops of the photographs in ``folder``, of words' sizes, half a height away from any word."""
    draw = np.random.default_rng(0)
    photographs = load_photographs(folder)
    found: list[Image.Image] = []
    for photograph in photographs:
        picture = Image.open(photograph.path).convert("RGB")
        words = [Polygon(word.polygon).buffer(0) for word in photograph.words]
        found += islice(_places(picture, words, draw), math.ceil(count / len(photographs)))
    return found[:count]


def _places(picture: Image.Image, words: list[Any], draw: np.random.Generator) -> Iterator[Image.Image]:
    for _ in range(TRIES):
        height = math.exp(draw.uniform(math.log(HEIGHTS[0]), math.log(HEIGHTS[1])))
        width = height * draw.uniform(*SHAPES)
        if width >= picture.width or height >= picture.height:
            continue
        x, y = draw.uniform(0, picture.width - width), draw.uniform(0, picture.height - height)
        around = rectangle(x - height / 2, y - height / 2, x + width + height / 2, y + height * 1.5)
        if not any(around.intersects(word) for word in words):
            yield picture.crop((int(x), int(y), int(x + width), int(y + height)))


def drawn(pictures: Sequence[Image.Image], readings: Sequence[Reading]) -> Image.Image:
    """The grounds on which most is read, and what that is: some may hold words that nobody marked."""
    worst = sorted(
        (number for number, reading in enumerate(readings) if reading.text),
        key=lambda number: -readings[number].confidence,
    )[:60]
    sheet = Image.new("RGB", (6 * 210, 10 * 80), "white")
    draw = ImageDraw.Draw(sheet)
    for place, number in enumerate(worst):
        x, y = place % 6 * 210, place // 6 * 80
        small = pictures[number].copy()
        small = small.resize((min(200, small.width * 56 // small.height), 56))
        sheet.paste(small, (x, y))
        reading = readings[number]
        draw.text((x, y + 60), f"{reading.text} {reading.confidence:.2f} {reading.legible:.2f}", fill="black")
    return sheet


if __name__ == "__main__":
    typer.run(main)
