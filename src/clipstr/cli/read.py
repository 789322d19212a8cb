"""``clipstr read PATH...``: the words in pictures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clipstr.cli import console
from clipstr.cli.console import Format
from clipstr.cli.options import (
    MOST_TEXTS,
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
    tell_device,
)
from clipstr.cli.sources import Troubles, require_something
from clipstr.cli.streams import standard_input
from clipstr.devices import AUTO
from clipstr.models import DEFAULT_MODEL
from clipstr.pictures import find_pictures

if TYPE_CHECKING:
    from clipstr.reader import Outcome

__all__ = ["read"]


def read(
    paths: Annotated[
        list[str],
        typer.Argument(
            parser=filled,
            metavar="PATH",
            help="Files, folders (every picture in and below them, hidden ones aside), patterns such as "
            "'scans/**/*.png', or - for one picture on standard input.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Format,
        typer.Option(
            "--format",
            help="text: path, text and confidence, by tabs. json: an object a line, with legible, characters "
            "and errors. csv: with a header.",
        ),
    ] = Format.text,
    model: Model = DEFAULT_MODEL,
    batch_size: BatchSize = 32,
    threads: Threads = 0,
    allow: Allow = None,
    lexicon: LexiconFile = None,
    second_looks: SecondLooks = True,
    device: DeviceName = AUTO,
    beam: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MOST_TEXTS,
            help="Beginnings of a text that are gone on with at a time; if not given 5 for doubtful words, "
            "and for all with --candidates.",
            show_default=False,
        ),
    ] = None,
    candidates: Annotated[
        int,
        typer.Option(
            min=1,
            max=MOST_TEXTS,
            help="Texts told of each picture, the likeliest first (with --format json).",
        ),
    ] = 1,
    known_words: KnownWords = None,
) -> None:
    """Read the word in each picture.

    Confidence is the model's probability of exactly this text, at its surest look. A picture that cannot
    be read is told on standard error, and the others are read. Exit status: 0 all were read, 1 some were
    not, 2 a wrong call (also if there is nothing at those paths).
    """
    console.require_output()
    words = lexicon_words(lexicon)
    troubles = Troubles()
    sources = find_pictures(paths, told=console.complain, failed=troubles.tell)
    require_something(sources, paths)
    from clipstr.reader import Reader

    reader = Reader(
        model,
        batch_size=batch_size,
        threads=threads or None,
        allow=allow,
        lexicon=words,
        second_looks=second_looks,
        device=device,
        beam=beam,
        candidates=candidates,
        known_words=known_words,
    )
    tell_device(device, reader.device)
    write = {Format.text: _text, Format.json: _json, Format.csv: _csv}[output]
    with console.progress("reading", len(sources)) as advance:
        if output is Format.csv:
            console.show(console.csv_row(["path", "text", "confidence", "legible", "error"]), exact=True)
        outcomes = reader.stream(standard_input() if source == "-" else source for source in sources)
        for source, outcome in zip(sources, outcomes, strict=True):
            line = write(source, outcome, reader.device)
            if line is not None:
                console.show(line, exact=output is not Format.text)
            if outcome.error is not None:
                troubles.tell(str(outcome.error))
            advance()
    if troubles.count:
        raise typer.Exit(1)


def _text(source: str, outcome: Outcome, device: str) -> str | None:
    if outcome.reading is None:
        return None
    return console.text_row([source, outcome.reading.text, f"{outcome.reading.confidence:.4f}"])


def _json(source: str, outcome: Outcome, device: str) -> str:
    line: dict[str, Any] = {"path": source, "device": device}
    if outcome.reading is None:
        line["error"] = {"type": type(outcome.error).__name__, "message": str(outcome.error)}
    else:
        line |= outcome.reading.to_dict()
    return json.dumps(line)


def _csv(source: str, outcome: Outcome, device: str) -> str:
    if outcome.reading is None:
        return console.csv_row([source, "", "", "", str(outcome.error)])
    reading = outcome.reading
    return console.csv_row([source, reading.text, f"{reading.confidence:.4f}", f"{reading.legible:.4f}", ""])
