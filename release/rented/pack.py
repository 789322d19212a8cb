"""What a rented machine without a network needs, in two folders of at most 64 MiB each.

    python release/rented/pack.py ../load --fonts ~/fonts --fonts ~/more-fonts --wheels ~/wheels

``first`` has the code, the weights to go on from, half of the fonts, the words and the wheels that are
missing there; ``second`` the crops and the other fonts. `setup.sh` unpacks either one (docs/release.md).
"""

from __future__ import annotations

import io
import logging
import lzma
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from fontTools import subset
from fontTools.varLib import instancer

from clipstr.data import find_sources
from clipstr.data.lmdb import write_lmdb
from clipstr.errors import ClipstrError, InputError
from clipstr.files import make_folder, write_text

HERE = Path(__file__).resolve().parents[2]
WEIGHTS = HERE / "release" / "weights" / "full"
LIMIT = 64 * 2**20  # bytes of a folder
HEIGHT, QUALITY = 56, 80  # of crops; tables of JPEG are alike in all, so that xz leaves one of them
LARGEST = 130_000  # bytes of a font
LATIN = (range(0x20, 0x7F), range(0xA0, 0x180), range(0x2013, 0x2027), (0x20AC,))
SOURCES = ("real64/train", "more/photos", "more/codes", "more/documents")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def pack(
    out: Annotated[Path, typer.Argument(help="A new folder: first and second are written there.")],
    fonts: Annotated[list[Path], typer.Option(exists=True, help="A folder of fonts; may be repeated.")],
    wheels: Annotated[Path, typer.Option(exists=True, help="Wheels that the machine lacks.")],
    shared: Annotated[Path, typer.Option(exists=True, help="Where the crops are.")] = HERE.parent / "shared",
    weights: Annotated[Path, typer.Option(exists=True, help="To go on from.")] = HERE
    / "release/weights/full",
    words: Annotated[Path, typer.Option(exists=True, help="A word list.")] = Path("/usr/share/dict/words"),
) -> None:
    """Write both folders. Raises `InputError` if one is too large to travel."""
    first, second, work = out / "first", out / "second", out / "work"
    for folder in (first / "wheels", second, work / "fonts"):
        make_folder(folder)
    for wheel in wheels.glob("*.whl"):
        (first / "wheels" / wheel.name).write_bytes(wheel.read_bytes())
    made = list(_small_fonts(fonts, work / "fonts"))
    archive(first / "fonts.tar.xz", [(path, f"fonts/{path.name}") for path in made[::2]])
    archive(second / "fonts.tar.xz", [(path, f"fonts/{path.name}") for path in made[1::2]])
    texts = set[str]()
    for place in SOURCES:
        texts |= set(_small_crops(shared / place, work / "shared" / place))
    archive(second / "data.tar.xz", _below(work, "shared"))
    write_text(work / "texts.txt", "\n".join(sorted(texts)) + "\n")
    archive(first / "val.tar.xz", _below(shared / "real64", "val", "shared/real/"))
    archive(first / "weights.tar.xz", _below(weights.parent, weights.name, "code/release/weights/"))
    code = [*_below(HERE, "src/clipstr", "code/"), *_below(HERE, "release", "code/")]
    light = [(path, name) for path, name in code if "/assets/" not in name and "/weights/" not in name]
    tiny = _below(HERE / "src/clipstr/assets", "tiny")
    archive(first / "code.tar.xz", [*light, *tiny, (work / "texts.txt", "texts.txt"), (words, "words")])
    for folder in (first, second):
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        typer.echo(f"{folder}: {size / 2**20:.1f} MiB")
        if size > LIMIT:
            raise InputError(f"{folder} has more than 64 MiB: give fewer fonts")


def archive(target: Path, files: Iterable[tuple[Path, str]]) -> None:
    """Write ``files``, each under its name, into the tar ``target``, the same one of the same files."""
    with lzma.open(target, "wb", preset=6) as stream, tarfile.open(fileobj=stream, mode="w|") as tar:
        for path, name in files:
            entry = tar.gettarinfo(str(path), name)
            entry.mtime = 0
            with path.open("rb") as content:
                tar.addfile(entry, content)


def _below(root: Path, folder: str, prefix: str = "") -> list[tuple[Path, str]]:
    files = sorted(path for path in (root / folder).rglob("*") if path.is_file())
    return [(path, f"{prefix}{path.relative_to(root)}") for path in files if path.suffix != ".pyc"]


def _small_crops(source: Path, target: Path) -> Iterator[str]:
    """The labels of all crops below ``source``, which stand in ``target`` as small JPEGs."""
    for data in find_sources(str(source)):
        texts = [data.label(index) for index in range(len(data))]
        samples = ((_jpeg(data.image_bytes(index)), text) for index, text in enumerate(texts))
        write_lmdb(target / Path(data.path).relative_to(source), samples)
        yield from (text for text in texts if len(text) > 1)


def _jpeg(content: bytes) -> bytes:
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    height, width = picture.shape[:2]
    if height > HEIGHT:
        size = (max(round(width * HEIGHT / height), 1), HEIGHT)
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1])


def _small_fonts(folders: Iterable[Path], out: Path) -> Iterator[Path]:
    """The fonts of ``folders``, the Latin letters of each, without hints; large ones are left out."""
    logging.disable(logging.WARNING)  # fontTools says much of fonts that are a little out of order
    every = {path for folder in folders for path in folder.rglob("*")}
    files = sorted(path for path in every if path.suffix in (".ttf", ".otf", ".woff"))
    for number, path in enumerate(files):
        content = _latin(path)
        if content is not None and len(content) <= LARGEST:
            small = out / f"{number:04}-{path.stem}.ttf"
            small.write_bytes(content)
            yield small


def _latin(path: Path) -> bytes | None:
    options = subset.Options(
        hinting=False, layout_features=["kern"], notdef_outline=True, name_IDs=[1, 2, 16, 17]
    )
    try:
        font = subset.load_font(str(path), options)
        chosen = subset.Subsetter(options)
        chosen.populate(unicodes=[code for codes in LATIN for code in codes])
        chosen.subset(font)
        font.flavor = None
        if "fvar" in font:
            usual = {axis.axisTag: axis.defaultValue for axis in font["fvar"].axes}
            font = instancer.instantiateVariableFont(font, usual)
        content = io.BytesIO()
        font.save(content)
    except Exception as error:  # fonts are out of order in every way; one less is none missed
        typer.echo(f"left out: {path}: {error}", err=True)
        return None
    return content.getvalue()


if __name__ == "__main__":
    try:
        app()
    except ClipstrError as error:
        raise SystemExit(f"pack: {error}") from error
