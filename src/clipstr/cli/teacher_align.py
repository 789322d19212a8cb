"""``clipstr teacher align IMAGES...``: the image-text similarity matrix of the paper's figure 5."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import typer
from PIL import Image

from clipstr.cli import console
from clipstr.cli.options import Json, OutFile, filled, input_path
from clipstr.errors import ImageError, InputError
from clipstr.files import whole_file
from clipstr.form import Preprocessing
from clipstr.imaging import load_image
from clipstr.texts import visible

if TYPE_CHECKING:
    from clipstr.teacher.similarity import Similarity

__all__ = ["align"]

LARGEST = 4096  # pixels of a side


def align(
    images: Annotated[
        list[Path],
        typer.Argument(
            parser=input_path, metavar="IMAGE", help="Pictures of one word each.", show_default=False
        ),
    ],
    weights: Annotated[
        str,
        typer.Option(
            "--weights",
            parser=filled,
            metavar="WEIGHTS",
            help="An OpenCLIP tag, a weight file or a folder.",
            show_default=False,
        ),
    ],
    labels: Annotated[
        list[str] | None,
        typer.Option(
            "--labels",
            parser=filled,
            metavar="WORDS",
            help="Words, separated by commas; else the pictures' file names.",
        ),
    ] = None,
    architecture: Annotated[
        str,
        typer.Option(
            "--architecture",
            parser=filled,
            metavar="NAME",
            help="OpenCLIP's name for it; a folder brings its own.",
        ),
    ] = "ViT-B-16-quickgelu",
    positions: Annotated[
        str,
        typer.Option(
            "--positions",
            parser=filled,
            metavar="HOW",
            help="How position embeddings are fitted: cut or interpolate.",
        ),
    ] = "cut",
    size: Annotated[
        str,
        typer.Option(
            "--size", parser=filled, metavar="HEIGHTxWIDTH", help="Height and width of the pictures."
        ),
    ] = "32x128",
    cosines: Annotated[
        bool, typer.Option("--cosines", help="Show the cosines instead of the chances made of them.")
    ] = False,
    out: OutFile = None,
    json: Json = None,
) -> None:
    """Show how near a CLIP finds pictures to labels, put to it as words and as characters.

    A row shares 1 among all its texts, words and characters together, by CLIP's own softmax. The paper does
    not say how its figure 5 was made; its rows sum to 1 in this way. --out draws the matrix into a PNG. Exit
    status: 1 if a picture could not be read; the others are shown.
    """
    with console.needs_extra("train", "a teacher"):
        import torch

        from clipstr.teacher import Teacher, TeacherConfig
        from clipstr.teacher.similarity import TOKENISINGS, similarity
    preprocessing = _preprocessing(size)
    config = TeacherConfig(weights=weights, architecture=architecture, positions=_positions(positions))
    pictures = _load(images)
    words = list(dict.fromkeys(_words(labels) or [path.stem for path, _ in pictures]))
    inputs = preprocessing.normalise(np.stack([preprocessing.resize(picture) for _, picture in pictures]))
    found = similarity(Teacher(config, preprocessing), torch.from_numpy(inputs), words)
    names = [path.name for path, _ in pictures]
    kind = "cosines" if cosines else "chances"
    title = f"{kind}, as {' and as '.join(TOKENISINGS)}"
    _show_table(found, names, cosines, title, aside=console.is_standard_output(json))
    if json is not None:
        console.write_json(_plain(found, names, TOKENISINGS), json)
    if out is not None:
        _draw(found, [picture for _, picture in pictures], cosines, out)
        console.tell(f"drew {out}")
    if len(pictures) < len(images):
        raise typer.Exit(1)


def _load(paths: Sequence[Path]) -> list[tuple[Path, Image.Image]]:
    """The pictures that can be read; the others are told. Raises `InputError` if there are none."""
    pictures = []
    for path in paths:
        try:
            pictures.append((path, load_image(path)))
        except ImageError as error:
            console.complain(str(error))
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
    if not all(side.isdecimal() and len(side) < 5 and 0 < int(side) <= LARGEST for side in (height, width)):
        raise InputError(f"--size is {size!r}; write height and width such as 32x128, at most {LARGEST} each")
    return Preprocessing(height=int(height), width=int(width))


def _positions(name: str) -> Literal["cut", "interpolate"]:
    if name == "cut":
        return "cut"
    if name == "interpolate":
        return "interpolate"
    raise InputError(f"--positions is {name!r}; it can be cut or interpolate")


def _plain(found: Similarity, names: Sequence[str], tokenisings: Sequence[str]) -> list[dict[str, object]]:
    """All numbers, an object for each picture, label and tokenising."""
    columns = [(label, tokens) for label in found.labels for tokens in tokenisings]
    rows = zip(names, found.chances.flatten(1).tolist(), found.cosines.flatten(1).tolist(), strict=True)
    return [
        {"image": name, "label": label, "tokens": tokens, "chance": chance, "cosine": cosine}
        for name, chances, cosines in rows
        for (label, tokens), chance, cosine in zip(columns, chances, cosines, strict=True)
    ]


def _show_table(found: Similarity, names: Sequence[str], cosines: bool, title: str, *, aside: bool) -> None:
    """Shows a picture a row and a label a column, its two numbers beside each other."""
    table = console.table("picture", *found.labels, numbers=found.labels)
    for name, row in zip(names, (found.cosines if cosines else found.chances).tolist(), strict=True):
        table.add_row(visible(name), *(f"{word:.2f} {spelled:5.2f}" for word, spelled in row))
    console.show(title, aside=aside)
    console.show_table(table, aside=aside)


def _draw(found: Similarity, pictures: Sequence[Image.Image], cosines: bool, out: Path) -> None:
    """Draws the matrix into ``out``; raises `OutputError` if that cannot be written."""
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
    with whole_file(out) as file:
        drawn.save(file, "PNG")
