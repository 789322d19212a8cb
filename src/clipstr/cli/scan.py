"""``clipstr scan PHOTO...``: the words in whole photographs, and where they stand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from clipstr.cli import console
from clipstr.cli.options import (
    Allow,
    BatchSize,
    DeviceName,
    KnownWords,
    LexiconFile,
    Model,
    SecondLooks,
    Threads,
    filled,
    lexicon_words,
    new_file,
    new_folder,
    tell_device,
)
from clipstr.cli.sources import Troubles, require_something
from clipstr.cli.streams import standard_input, standard_output
from clipstr.devices import AUTO
from clipstr.errors import InputError
from clipstr.files import whole_file
from clipstr.models import DEFAULT_MODEL
from clipstr.pictures import PICTURE_SUFFIXES, find_pictures

if TYPE_CHECKING:
    from PIL import Image

    from clipstr.scenes import Scene, SceneOutcome

__all__ = ["SceneFormat", "scan"]


class SceneFormat(str, Enum):
    """How scenes are written."""

    text = "text"
    json = "json"
    csv = "csv"
    hocr = "hocr"
    alto = "alto"
    pdf = "pdf"


def scan(
    paths: Annotated[
        list[str],
        typer.Argument(
            parser=filled,
            metavar="PHOTO",
            help="Photographs and PDFs, folders of them (hidden ones aside), patterns such as "
            "'scans/**/*.jpg', "
            "or - for one on standard input.",
            show_default=False,
        ),
    ],
    output: Annotated[
        SceneFormat,
        typer.Option(
            "--format",
            help="text: lines and paragraphs. json: an object a picture and line. csv: a row a word. hocr, "
            "alto: a document with a page for each picture. pdf: the pictures, searchable.",
        ),
    ] = SceneFormat.text,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            parser=new_file,
            metavar="FILE",
            help="Write into this file, not to standard output.",
            show_default=False,
        ),
    ] = None,
    overlay: Annotated[
        Path | None,
        typer.Option(
            parser=new_folder,
            metavar="DIR",
            help="Write each picture with its words drawn over it into this folder.",
            show_default=False,
        ),
    ] = None,
    boxes_only: Annotated[
        bool, typer.Option("--boxes-only", help="Find words and do not read them; corners instead of texts.")
    ] = False,
    min_confidence: Annotated[
        float, typer.Option("--min-confidence", min=0, max=1, help="Leave out words that are less sure.")
    ] = 0.3,
    model: Model = DEFAULT_MODEL,
    batch_size: BatchSize = 32,
    threads: Threads = 0,
    allow: Allow = None,
    lexicon: LexiconFile = None,
    second_looks: SecondLooks = False,
    device: DeviceName = AUTO,
    known_words: KnownWords = None,
) -> None:
    """Find and read the words in whole photographs, and in pages of PDFs.

    Words come in reading order, their places in pixels of the picture as a person sees it. A word's
    confidence is the model's probability of exactly this text. A picture that cannot be read is told on
    standard error, and the others are read. A picture without words is no error. Exit status: 0 all were
    read, 1 some were not, 2 a wrong call (also if there is nothing at those paths).
    """
    if out is None:
        _require_room_for(output)
    words = lexicon_words(lexicon)
    troubles = Troubles()
    suffixes = PICTURE_SUFFIXES | {".pdf"}
    sources = find_pictures(paths, told=console.complain, failed=troubles.tell, suffixes=suffixes)
    require_something(sources, paths)
    from clipstr.scenes import SceneReader

    reader = SceneReader(
        model,
        min_confidence=min_confidence,
        batch_size=batch_size,
        threads=threads or None,
        allow=allow,
        lexicon=words,
        second_looks=second_looks,
        device=device,
        known_words=known_words is not False,
    )
    tell_device(device, reader.device)
    taken = (standard_input() if source == "-" else source for source in sources)
    draw = _Overlays(overlay) if overlay else None
    with console.progress("scanning", len(sources)) as advance:

        def outcomes() -> Iterator[tuple[str, SceneOutcome]]:
            for name, source in zip(sources, taken, strict=True):
                for outcome in reader.stream([source], boxes_only=boxes_only):
                    if outcome.error is not None:
                        troubles.tell(str(outcome.error))
                    elif draw is not None:
                        draw.write(name, outcome)
                    yield name, outcome
                advance()

        with _target(out) as (show, raw):
            if output in _LINES:
                for line in _LINES[output](outcomes(), many=len(sources) > 1):
                    show(line)
            elif output is SceneFormat.pdf:
                _write_pdf(outcomes(), raw)
            else:
                show(_document(output, outcomes()))
    if troubles.count:
        raise typer.Exit(1)


def _require_room_for(output: SceneFormat) -> None:
    """Raises unless standard output can take it."""
    console.require_output()
    if output is SceneFormat.pdf and console.on_terminal():
        raise InputError("a PDF is nothing for a terminal: give --out FILE, or send it into a file")


@contextmanager
def _target(out: Path | None) -> Iterator[tuple[Callable[[str], None], BinaryIO]]:
    """How to write a line, and where bytes go: the file ``out``, or standard output."""
    if out is None:
        yield lambda line: console.show(line, exact=True), standard_output()
        return
    with whole_file(out) as file:

        def write(line: str) -> None:
            file.write(line.encode() + b"\n")

        yield write, file


Outcomes = Iterable[tuple[str, "SceneOutcome"]]


def _text_lines(outcomes: Outcomes, *, many: bool) -> Iterator[str]:
    """The text of each scene; where there are several, each under a line that names it."""
    first = True
    for name, outcome in outcomes:
        if outcome.scene is None:
            continue
        if many or outcome.page is not None:
            page = "" if outcome.page is None else f", page {outcome.page}"
            yield from ([] if first else [""])
            yield f"==> {name}{page} <=="
        first = False
        yield from _shown(outcome.scene)


def _shown(scene: Scene) -> Iterator[str]:
    if any(word.text for word in scene.words):
        yield from scene.text.split("\n")
        return
    for word in scene.words:
        yield " ".join(f"{x:.0f},{y:.0f}" for x, y in word.polygon)


def _json_lines(outcomes: Outcomes, *, many: bool) -> Iterator[str]:
    from clipstr.scenes import plain_scene

    for name, outcome in outcomes:
        line: dict[str, Any] = {"path": name}
        if outcome.page is not None:
            line["page"] = outcome.page
        if outcome.scene is None:
            line["error"] = {"type": type(outcome.error).__name__, "message": str(outcome.error)}
        else:
            line |= plain_scene(outcome.scene)
        yield json.dumps(line)


def _csv_lines(outcomes: Outcomes, *, many: bool) -> Iterator[str]:
    from clipstr.scenes.formats import COLUMNS, word_rows

    yield console.csv_row(["path", "page", *COLUMNS, "error"])
    for name, outcome in outcomes:
        page = "" if outcome.page is None else str(outcome.page)
        if outcome.scene is None:
            yield console.csv_row([name, page, *("" for _ in COLUMNS), str(outcome.error)])
        else:
            yield from (console.csv_row([name, page, *row, ""]) for row in word_rows(outcome.scene))


_LINES: dict[SceneFormat, Callable[..., Iterator[str]]] = {
    SceneFormat.text: _text_lines,
    SceneFormat.json: _json_lines,
    SceneFormat.csv: _csv_lines,
}


def _document(output: SceneFormat, outcomes: Outcomes) -> str:
    """One hOCR or ALTO document of all scenes, without the last line's end."""
    from clipstr import __version__
    from clipstr.scenes.formats import as_alto, as_hocr

    pages = [(name, outcome.scene) for name, outcome in outcomes if outcome.scene is not None]
    write = as_hocr if output is SceneFormat.hocr else as_alto
    return write(pages, version=__version__).rstrip("\n")


def _write_pdf(outcomes: Outcomes, out: BinaryIO) -> None:
    from clipstr.scenes.formats import as_pdf

    def pages() -> Iterator[tuple[Image.Image, Scene]]:
        for _, outcome in outcomes:
            if outcome.picture is not None and outcome.scene is not None:
                yield outcome.picture, outcome.scene

    as_pdf(pages(), out)
    out.flush()


class _Overlays:
    """Writes pictures with their words over them into a folder, each under a name of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._taken: set[str] = set()

    def write(self, name: str, outcome: SceneOutcome) -> None:
        from clipstr.files import make_folder
        from clipstr.scenes.overlay import draw_overlay

        assert outcome.picture is not None
        assert outcome.scene is not None
        page = "" if outcome.page is None else f"-page{outcome.page}"
        stem = ("standard-input" if name == "-" else Path(name).stem) + page
        number, chosen = 1, stem
        while chosen in self._taken:
            number += 1
            chosen = f"{stem}-{number}"
        self._taken.add(chosen)
        with whole_file(make_folder(self.folder) / f"{chosen}-words.jpg") as file:
            draw_overlay(outcome.picture, outcome.scene).save(file, "JPEG", quality=90)
