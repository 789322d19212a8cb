"""``clipstr label PICTURE... --out DIR``: labels for pictures that have none."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, TypeVar

import typer

from clipstr.cli import console
from clipstr.cli.options import BatchSize, Model, OutFolder, SecondLooks, Threads, filled
from clipstr.errors import ImageError
from clipstr.labelling import Rules, find_crops, open_second, propose, write_labels
from clipstr.models import DEFAULT_MODEL
from clipstr.processors import threads_within

__all__ = ["label"]

T = TypeVar("T")


def label(
    paths: Annotated[
        list[str],
        typer.Argument(
            parser=filled,
            metavar="PATH",
            help="Pictures of one word each: files, folders, patterns, data sets (their labels are ignored).",
            show_default=False,
        ),
    ],
    out: OutFolder,
    second: Annotated[
        str | None,
        typer.Option(
            "--second",
            parser=filled,
            metavar="READER",
            help="A second reader: a peer (rapidocr-v6, tesseract), module:name, or a command that takes "
            "pictures and prints path, text, confidence by tabs.",
            show_default=False,
        ),
    ] = None,
    sure: Annotated[
        float,
        typer.Option(
            "--sure",
            min=0,
            max=1,
            help="Our confidence from which a label is kept that no second reader read.",
        ),
    ] = Rules.sure,
    agreed: Annotated[
        float,
        typer.Option("--agreed", min=0, max=1, help="Both confidences from which agreement is kept."),
    ] = Rules.agreed,
    model: Model = DEFAULT_MODEL,
    batch_size: BatchSize = 32,
    threads: Threads = 0,
    second_looks: SecondLooks = True,
) -> None:
    """Label pictures by reading them, and keep what is sure: OUT/kept is a data set to train on.

    Kept is what two readers agree on, or what ours alone is sure of; the rest lies in OUT/doubtful with a
    table to correct, most doubtful first. OUT/kept.png shows some of the kept. Exit status: 0 all were
    looked at, 1 some could not be opened, 2 a wrong call.
    """
    with console.needs_extra("synth", "labelling"):
        importlib.import_module("clipstr.sheets")  # told before the work, and not after it
    rules = Rules(agreed=agreed, sure=sure)
    failures = 0

    def tell_failure(message: str) -> None:
        nonlocal failures
        failures += 1
        console.complain(message)

    def failed(error: ImageError) -> None:
        tell_failure(str(error))

    crops = find_crops(paths, told=console.tell, failed=tell_failure)
    from clipstr.reader import Reader

    reader = Reader(model, batch_size=batch_size, threads=threads, second_looks=second_looks)
    other = None if second is None else open_second(second, threads_within(threads))
    with console.progress("labelling", len(crops)) as advance:
        proposals = _counted(propose(crops, reader, other, rules=rules, batch_size=batch_size), advance)
        labelled = write_labels(out, proposals, failed=failed)
    console.tell(
        f"{labelled.given} pictures: {labelled.agreed} agreed, {labelled.sure} sure, "
        f"{labelled.doubtful} doubtful, {labelled.failed} not opened; labels of {labelled.kept} in {out}"
    )
    if failures:
        raise typer.Exit(1)


def _counted(proposals: Iterable[T], advance: Callable[[], None]) -> Iterator[T]:
    for proposal in proposals:
        yield proposal
        advance()
