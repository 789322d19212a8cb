"""``clipstr calibrate MODEL --data DATA``: a confidence that says how often texts are right."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from clipstr.cli import console
from clipstr.cli.contestants import opened, rule_named, samples_below
from clipstr.cli.options import BatchSize, Json, Threads, filled, new_folder, present_path
from clipstr.errors import InputError
from clipstr.models import CONFIG_FILE, find_model

__all__ = ["calibrate"]


def calibrate(
    model: Annotated[
        str, typer.Argument(parser=filled, metavar="MODEL", help="A model's name, or a model folder.")
    ],
    data: Annotated[
        Path,
        typer.Option(
            "--data",
            parser=present_path,
            metavar="DATA",
            help="Labelled words that the model was not trained on: a data set, or a folder of them.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            parser=new_folder,
            metavar="DIR",
            help="Write a copy of the model here; without, the folder MODEL is changed.",
            show_default=False,
        ),
    ] = None,
    blanks: Annotated[
        Path | None,
        typer.Option(
            "--blanks",
            parser=present_path,
            metavar="DATA",
            help="Data sets of pictures without any text (`clipstr synth DIR --set empty=1` renders one): by "
            "them legible is calibrated.",
            show_default=False,
        ),
    ] = None,
    charset: Annotated[
        str,
        typer.Option(
            "--charset",
            parser=filled,
            metavar="CHARSET",
            help="When a word is right: 36, 62, 94, latin, the characters that must be, or all that the "
            "model knows (model).",
        ),
    ] = "36",
    batch_size: BatchSize = 32,
    threads: Threads = 0,
    json: Json = None,
) -> None:
    """Let the confidence of MODEL say how often its texts are right, by labelled words.

    Curves for readings at one look, and with second looks at the first or at several, are fitted and written
    into the model's config.json; its card, if it has one, gets a section and a picture. Texts stay as they
    are. What is told holds of words that the curves were not fitted on. Compare in 36 characters where labels
    do not have the case and the punctuation of the pictures, as most do not.
    """
    if not console.is_standard_output(json):
        console.require_output()
    folder = find_model(model)
    if out is None and folder != Path(model):
        raise InputError(f"{model} is installed: give a folder for the calibrated copy by --out")
    if out is not None and (out / CONFIG_FILE).exists():
        raise InputError(f"{out} holds a model already; choose another folder")
    rule = rule_named(charset, model)
    reader = opened(model, batch_size, threads or None, True)
    from clipstr.evaluation.calibrating import calibrated
    from clipstr.evaluation.calibration_report import checks_table, write_calibration

    with console.progress("reading", 2 * sum(samples_below(data))) as advance:
        found = calibrated(reader, data, rule, blanks=blanks, watch=lambda word: advance())
    if out is not None:
        shutil.copytree(folder, out, dirs_exist_ok=True)
    target = out or folder
    write_calibration(found, target, characters=len(rule.charset.characters))
    for line in checks_table(found.checks).split("\n"):
        console.show(line, aside=console.is_standard_output(json))
    if json:
        console.write_json(found.to_dict(), json)
    console.tell(f"wrote the calibration into {target}")
