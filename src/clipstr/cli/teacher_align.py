"""``clipstr teacher align IMAGES...``: the image-text similarity matrix of the paper's figure 5."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import typer
from PIL import Image, ImageDraw, ImageFont
from rich.console import Console
from rich.table import Table

from clipstr.errors import ImageError, InputError, MissingExtraError
from clipstr.imaging import Preprocessing, load_image

if TYPE_CHECKING:
    from clipstr.teacher.similarity import Similarity

__all__ = ["align"]


def align(
    images: Annotated[list[Path], typer.Argument(help="Pictures of one word each.", show_default=False)],
    weights: Annotated[
        str, typer.Option("--weights", help="An OpenCLIP tag, a weight file or a folder.", show_default=False)
    ],
    labels: Annotated[
        str, typer.Option("--labels", help="Words, separated by commas; else the pictures' file names.")
    ] = "",
    architecture: Annotated[
        str, typer.Option("--architecture", help="OpenCLIP's name for it; a folder brings its own.")
    ] = "ViT-B-16-quickgelu",
    positions: Annotated[
        str, typer.Option("--positions", help="How position embeddings are fitted: cut or interpolate.")
    ] = "cut",
    size: Annotated[str, typer.Option("--size", help="Height and width of the pictures.")] = "32x128",
    out: Annotated[
        Path | None, typer.Option("--out", help="Draw the matrix into this PNG.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all numbers as JSON.")] = False,
) -> None:
    """Show how near a CLIP finds pictures to labels, put to it as words and as characters.

    A row shares 1 among all its texts by CLIP's own softmax. Exit status: 1 if a picture could not be read;
    the others are shown.
    """
    try:
        from clipstr.teacher import Teacher, TeacherConfig
        from clipstr.teacher.similarity import similarity
    except ImportError as error:
        raise MissingExtraError(
            f"a teacher needs more packages: pip install 'clipstr[train]' ({error})"
        ) from error
    console = Console(stderr=True)
    preprocessing = _preprocessing(size)
    pictures = {}
    for path in images:
        try:
            pictures[path] = load_image(path)
        except ImageError as error:
            console.print(f"{path}: {error}", soft_wrap=True)
    if not pictures:
        raise InputError("no picture could be read")
    words = [word.strip() for word in labels.split(",") if word.strip()] or [path.stem for path in pictures]
    config = TeacherConfig(weights=weights, architecture=architecture, positions=_positions(positions))
    inputs = preprocessing.normalise(np.stack([preprocessing.resize(p) for p in pictures.values()]))
    import torch

    found = similarity(Teacher(config, preprocessing), torch.from_numpy(inputs), list(dict.fromkeys(words)))
    names = [path.name for path in pictures]
    if as_json:
        print(json.dumps(_plain(found, names), indent=2, ensure_ascii=False))
    else:
        table, shown = _table(found, names), Console()
        # A table that is cut to the terminal says nothing: a line that wraps still does.
        shown.width = max(
            shown.width, shown.measure(table, options=shown.options.update(width=10_000)).maximum
        )
        shown.print(table)
    if out is not None:
        try:
            _drawing(found, list(pictures.values())).save(out)
        except (OSError, ValueError) as error:
            raise InputError(f"{out}: the matrix cannot be written: {error}") from error
        console.print(f"drew {out}", soft_wrap=True)
    if len(pictures) < len(images):
        raise typer.Exit(1)


def _preprocessing(size: str) -> Preprocessing:
    height, _, width = size.partition("x")
    if not (height.isdecimal() and width.isdecimal()):
        raise InputError(f"--size is {size!r}; write height and width such as 32x128")
    return Preprocessing(height=int(height), width=int(width))


def _positions(name: str) -> Literal["cut", "interpolate"]:
    if name == "cut":
        return "cut"
    if name == "interpolate":
        return "interpolate"
    raise InputError(f"--positions is {name!r}; it can be cut or interpolate")


def _columns(found: Similarity) -> list[tuple[str, str]]:
    """The label and the tokenising of each column."""
    from clipstr.teacher.similarity import TOKENISINGS

    return [(label, tokens) for label in found.labels for tokens in TOKENISINGS]


def _plain(found: Similarity, names: list[str]) -> list[dict[str, object]]:
    return [
        {"image": name, "label": label, "tokens": tokens, "chance": float(chance), "cosine": float(cosine)}
        for name, chances, cosines in zip(
            names, found.chances.flatten(1), found.cosines.flatten(1), strict=True
        )
        for (label, tokens), chance, cosine in zip(_columns(found), chances, cosines, strict=True)
    ]


def _table(found: Similarity, names: list[str]) -> Table:
    """A picture a row, a label a column, its two chances beside each other."""
    table = Table(title="chance of each label, as words and as characters")
    table.add_column("picture", no_wrap=True)
    for label in found.labels:
        table.add_column(label, justify="right", no_wrap=True)
    for name, chances in zip(names, found.chances, strict=True):
        table.add_row(name, *(f"{word:.2f}  {spelled:.2f}" for word, spelled in chances.tolist()))
    return table


_CELL, _ROW, _HEAD, _THUMBNAIL = 96, 56, 64, 176  # pixels
_DARK = 0.55  # a cell darker than this has white figures


def _drawing(found: Similarity, pictures: list[Image.Image]) -> Image.Image:
    """The matrix: a picture a row, two columns a label, the darker the nearer."""
    columns = _columns(found)
    sheet = Image.new("RGB", (_THUMBNAIL + _CELL * len(columns), _HEAD + _ROW * len(pictures)), "white")
    draw = ImageDraw.Draw(sheet)
    large, small = ImageFont.load_default(16), ImageFont.load_default(13)
    for number, (label, tokens) in enumerate(columns):
        left = _THUMBNAIL + number * _CELL
        if number % 2 == 0:
            draw.text((left + _CELL, 20), label, "black", large, anchor="mm")
            draw.line((left, 0, left, sheet.height), "silver")
        draw.text((left + _CELL / 2, 46), tokens, "dimgray", small, anchor="mm")
    for row, (picture, chances) in enumerate(zip(pictures, found.chances.flatten(1), strict=True)):
        top = _HEAD + row * _ROW
        thumbnail = picture.copy()
        thumbnail.thumbnail((_THUMBNAIL - 16, _ROW - 8))
        sheet.paste(thumbnail, (8, top + (_ROW - thumbnail.height) // 2))
        for number, chance in enumerate(chances.tolist()):
            left = _THUMBNAIL + number * _CELL
            shade = round(255 - 215 * chance)
            cell = (left + 2, top + 2, left + _CELL - 2, top + _ROW - 2)
            draw.rectangle(cell, (shade, shade, (255 + shade) // 2))
            ink = "white" if chance > _DARK else "black"
            draw.text((left + _CELL / 2, top + _ROW / 2), f"{chance:.2f}", ink, large, anchor="mm")
    return sheet
