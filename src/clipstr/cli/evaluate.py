"""``clipstr evaluate``: how well a model reads labelled data sets."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from clipstr.cli import console
from clipstr.cli.options import (
    BatchSize,
    Json,
    Model,
    SecondLooks,
    Threads,
    alphabet,
    filled,
    new_file,
    present_path,
)
from clipstr.data import LabelRule, find_sources
from clipstr.evaluation import WordResult, as_json, as_table, misreading_line, notes
from clipstr.evaluation import evaluate as evaluate_sets
from clipstr.files import whole_file
from clipstr.models import DEFAULT_MODEL, ModelConfig, find_model

__all__ = ["evaluate"]

MODELS_OWN = "model"  # the alphabet of the model itself


def evaluate(
    data: Annotated[
        Path,
        typer.Option(
            "--data",
            parser=present_path,
            metavar="DATA",
            help="A data set, or a folder of data sets in any of our formats.",
            show_default=False,
        ),
    ],
    model: Model = DEFAULT_MODEL,
    charset: Annotated[
        str,
        typer.Option(
            "--charset",
            parser=filled,
            metavar="CHARSET",
            help="Compare digits and letters (36), with their case (62), with punctuation too (94), "
            "the characters themselves, or all that the model knows (model).",
        ),
    ] = "36",
    batch_size: BatchSize = 32,
    threads: Threads = 0,
    second_looks: SecondLooks = True,
    json: Json = None,
    errors: Annotated[
        Path | None,
        typer.Option(
            "--errors",
            parser=new_file,
            metavar="FILE",
            help="Write every misread word here, as lines of JSON.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Read every data set below a folder and print how much of it was right.

    Labels follow the field's rule (PARSeq's): no white space, ASCII, at most 25 characters, then only
    the characters compared. What the rule leaves out is counted. A picture that cannot be decoded is wrong.
    """
    from clipstr.reader import Reader  # here, so that ``clipstr --help`` need not load ONNX Runtime

    aside = console.is_standard_output(json)
    if not aside:
        console.require_output()
    if charset == MODELS_OWN:
        form = ModelConfig.load(find_model(model)).form
        rule = LabelRule(form.charset, form.max_length)
    else:
        rule = LabelRule(alphabet(charset))
    total = sum(len(source) for source in find_sources(data))
    reader = Reader(model, threads=threads or None, batch_size=batch_size, second_looks=second_looks)
    with (
        console.progress("reading", total) as advance,
        whole_file(errors) if errors else nullcontext() as lines,
    ):

        def watch(result: WordResult) -> None:
            advance()
            if lines is not None and not result.right:
                lines.write(misreading_line(result).encode() + b"\n")

        evaluation = evaluate_sets(reader, data, rule, batch_size=batch_size, watch=watch)
    console.show_table(as_table(evaluation), aside=aside)
    for note in notes(evaluation):
        console.show(note, aside=aside)
    if json is not None:
        console.write_json(as_json(evaluation), json)
