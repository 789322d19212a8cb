"""``clipstr evaluate``: how well a model reads labelled data sets."""

from __future__ import annotations

from contextlib import ExitStack
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from clipstr.charset import Charset
from clipstr.data import LabelRule, find_sources
from clipstr.evaluation import WordResult, as_table, misreading_line, notes, write_json
from clipstr.evaluation import evaluate as evaluate_sets
from clipstr.models import DEFAULT_MODEL, ModelConfig, find_model

__all__ = ["evaluate"]

WIDE = 200  # columns where no terminal limits them: nobody wants a folded table in a file


class Comparison(str, Enum):
    """The field's alphabets to compare words in, by their size, or the model's own."""

    DIGITS_AND_LETTERS = "36"
    BOTH_CASES = "62"
    PUNCTUATION_TOO = "94"
    MODELS_OWN = "model"


def _in_existing_folder(file: Path | None) -> Path | None:
    # Found out now, and not after an hour of reading.
    if file is not None and not file.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {file.parent} to write into")
    return file


def evaluate(
    data: Annotated[
        Path, typer.Option(exists=True, help="A data set, or a folder of data sets in any of our formats.")
    ],
    model: Annotated[
        str, typer.Option(help="A model's name, or an exported model's folder.")
    ] = DEFAULT_MODEL,
    charset: Annotated[
        Comparison,
        typer.Option(
            help="Compare digits and letters (36), with their case (62), with punctuation too (94), "
            "or all that the model knows (model)."
        ),
    ] = Comparison.DIGITS_AND_LETTERS,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures read at a time.")] = 32,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads to read with; all cores if not given.")
    ] = None,
    second_looks: Annotated[
        bool, typer.Option(help="Look again at words that are read with doubt, as `clipstr read` does.")
    ] = True,
    json: Annotated[
        Path | None,
        typer.Option(dir_okay=False, callback=_in_existing_folder, help="Write all figures here, as JSON."),
    ] = None,
    errors: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            callback=_in_existing_folder,
            help="Write every misread word here, as lines of JSON.",
        ),
    ] = None,
) -> None:
    """Read every data set below a folder and print how much of it was right.

    Labels follow the field's rule (PARSeq's): no white space, ASCII, at most 25 characters, then only
    the characters compared. What the rule leaves out is counted. A picture that cannot be decoded is wrong.
    """
    from clipstr.reader import Reader  # here, so that ``clipstr --help`` need not load ONNX Runtime

    known = ModelConfig.load(find_model(model)).form if charset is Comparison.MODELS_OWN else None
    rule = LabelRule(known.charset, known.max_length) if known else LabelRule(Charset.named(charset.value))
    total = sum(len(source) for source in find_sources(data))
    reader = Reader(model, threads=threads, batch_size=batch_size, second_looks=second_looks)
    with ExitStack() as stack:
        progress = stack.enter_context(_progress())
        task = progress.add_task("reading", total=total)
        lines = stack.enter_context(errors.open("w", encoding="utf-8")) if errors else None

        def watch(result: WordResult) -> None:
            progress.advance(task)
            if lines is not None and not result.right:
                lines.write(misreading_line(result) + "\n")

        evaluation = evaluate_sets(reader, data, rule, batch_size=batch_size, watch=watch)
    console = Console()
    if not console.is_terminal:
        console.width = WIDE
    console.print(as_table(evaluation))
    for note in notes(evaluation):
        console.print(note, highlight=False, markup=False, soft_wrap=True)
    if json:
        write_json(evaluation, json)


def _progress() -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
