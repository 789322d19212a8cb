"""``clipstr teacher align IMAGES...``: the image-text similarity matrix of the paper's figure 5."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import typer
from PIL import Image
from rich.console import Console
from rich.table import Table
from rich.text import Text

from clipstr.errors import ImageError, InputError, MissingExtraError
from clipstr.form import Preprocessing
from clipstr.imaging import load_image

if TYPE_CHECKING:
    from clipstr.teacher.similarity import Similarity

__all__ = ["align"]

_LINE = 10_000  # columns of a console that no table fills


def align(
    images: Annotated[list[Path], typer.Argument(help="Pictures of one word each.", show_default=False)],
    weights: Annotated[
        str, typer.Option("--weights", help="An OpenCLIP tag, a weight file or a folder.", show_default=False)
    ],
    labels: Annotated[
        list[str] | None,
        typer.Option("--labels", help="Words, separated by commas; else the pictures' file names."),
    ] = None,
    architecture: Annotated[
        str, typer.Option("--architecture", help="OpenCLIP's name for it; a folder brings its own.")
    ] = "ViT-B-16-quickgelu",
    positions: Annotated[
        str, typer.Option("--positions", help="How position embeddings are fitted: cut or interpolate.")
    ] = "cut",
    size: Annotated[str, typer.Option("--size", help="Height and width of the pictures.")] = "32x128",
    cosines: Annotated[
        bool, typer.Option("--cosines", help="Show the cosines instead of the chances made of them.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Draw the matrix into this PNG.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all numbers as JSON.")] = False,
) -> None:
    """Show how near a CLIP finds pictures to labels, put to it as words and as characters.

    A row shares 1 among all its texts, words and characters together, by CLIP's own softmax. The paper does
    not say how its figure 5 was made; its rows sum to 1 in this way. Exit status: 1 if a picture could not
    be read; the others are shown.
    """
    try:
        import torch

        from clipstr.teacher import Teacher, TeacherConfig
        from clipstr.teacher.similarity import TOKENISINGS, similarity
    except ImportError as error:
        raise MissingExtraError(
            f"a teacher needs more packages: pip install 'clipstr[train]' ({error})"
        ) from error
    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    preprocessing = _preprocessing(size)
    config = TeacherConfig(weights=weights, architecture=architecture, positions=_positions(positions))
    pictures = _load(images, console)
    words = list(dict.fromkeys(_words(labels) or [path.stem for path, _ in pictures]))
    inputs = preprocessing.normalise(np.stack([preprocessing.resize(picture) for _, picture in pictures]))
    found = similarity(Teacher(config, preprocessing), torch.from_numpy(inputs), words)
    names = [path.name for path, _ in pictures]
    if as_json:
        print(json.dumps(_plain(found, names, TOKENISINGS), indent=2))
    else:
        kind = "cosines" if cosines else "chances"
        _print_table(found, names, cosines, f"{kind}, as {' and as '.join(TOKENISINGS)}")
    if out is not None:
        _draw(found, [picture for _, picture in pictures], cosines, out)
        console.print(f"drew {out}", soft_wrap=True)
    if len(pictures) < len(images):
        raise typer.Exit(1)


def _load(paths: Sequence[Path], console: Console) -> list[tuple[Path, Image.Image]]:
    """The pictures that can be read; the others are told. Raises `InputError` if there are none."""
    pictures = []
    for path in paths:
        try:
            pictures.append((path, load_image(path)))
        except ImageError as error:
            console.print(f"clipstr: {_visible(str(error))}", soft_wrap=True)
    if not pictures:
        raise InputError("no picture could be read")
    return pictures


def _words(given: Sequence[str] | None) -> list[str]:
    """The words in ``given`` lists, none if there are no lists."""
    if not given:
        return []
    words = [word.strip() for words in given for word in words.split(",") if word.strip()]
    if not words:
        raise InputError(f"--labels is {', '.join(given)!r}, which has no word in it; write hotel,coffee")
    return words


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


def _visible(text: str) -> str:
    """``text`` on one line: what would break it, or is no text at all in a file's name, is escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _plain(found: Similarity, names: Sequence[str], tokenisings: Sequence[str]) -> list[dict[str, object]]:
    """All numbers, an object for each picture, label and tokenising."""
    columns = [(label, tokens) for label in found.labels for tokens in tokenisings]
    rows = zip(names, found.chances.flatten(1).tolist(), found.cosines.flatten(1).tolist(), strict=True)
    return [
        {"image": name, "label": label, "tokens": tokens, "chance": chance, "cosine": cosine}
        for name, chances, cosines in rows
        for (label, tokens), chance, cosine in zip(columns, chances, cosines, strict=True)
    ]


def _print_table(found: Similarity, names: Sequence[str], cosines: bool, title: str) -> None:
    """Prints a picture a row and a label a column, its two numbers beside each other."""
    table = Table()
    table.add_column("picture", no_wrap=True)
    for label in found.labels:
        table.add_column(Text(label), justify="right", no_wrap=True)
    for name, row in zip(names, (found.cosines if cosines else found.chances).tolist(), strict=True):
        table.add_row(Text(_visible(name)), *(f"{word:.2f} {spelled:5.2f}" for word, spelled in row))
    console = Console()
    # A table that is cut to the terminal says nothing: a line that wraps still does.
    wanted = console.measure(table, options=console.options.update(width=_LINE)).maximum
    console.width = max(console.width, wanted)
    console.print(title)
    console.print(table)


def _draw(found: Similarity, pictures: Sequence[Image.Image], cosines: bool, out: Path) -> None:
    """Draws the matrix into ``out``; raises `InputError` if that cannot be written."""
    from clipstr.teacher.drawing import draw_matrix
    from clipstr.teacher.similarity import TOKENISINGS

    values = shades = found.chances.flatten(1)
    if cosines:  # CLIP's lie close together: the whole range of shades is theirs
        values = found.cosines.flatten(1)
        shades = (values - values.min()) / (values.max() - values.min()).clamp_min(1e-6)
    drawn = draw_matrix(
        pictures,
        found.labels,
        TOKENISINGS,
        values.tolist(),
        shades.tolist(),
        title="cosines" if cosines else "chances",
    )
    try:
        drawn.save(out, "PNG")
    except OSError as error:
        raise InputError(f"{out}: the matrix cannot be written: {error}") from error
