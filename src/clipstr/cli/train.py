"""``clipstr train RECIPE --out DIR``: trains a recogniser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clipstr.cli import console
from clipstr.cli.follow import Changes, DryRun, MaxTime, Out, Resume, first_line, follow
from clipstr.cli.options import input_path
from clipstr.cli.settings import settings_option

__all__ = ["train"]


def train(
    recipe: Annotated[
        Path,
        typer.Argument(
            parser=input_path,
            metavar="RECIPE",
            help="A recipe file, such as recipes/tiny.toml, or a run's recipe.json.",
            show_default=False,
        ),
    ],
    out: Out,
    changes: Changes = None,
    resume: Resume = False,
    max_time: MaxTime = None,
    dry_run: DryRun = False,
    settings: Annotated[bool, settings_option("clipstr.training", "Recipe", "train")] = False,
) -> None:
    """Train a recogniser by RECIPE: the best model on validation goes to DIR/best.

    With --max-time the learning rate and the difficulty of the renderings follow the clock, so that the
    run lives through its whole schedule. Ctrl-C saves; --resume goes on from there. DIR/latest holds the
    model of the last validation or interruption. With several GPUs set run.devices, or start it under
    torchrun. Exit status: 0 when the run is finished, 3 when it was interrupted and can be resumed.
    """
    with first_line() as line:
        with console.needs_extra("train", "training"):
            from clipstr.training import BEST_FOLDER, load_recipe
        chosen = load_recipe(recipe, changes or ())
        follow(
            chosen,
            out,
            line,
            resume=resume,
            max_time=max_time,
            dry_run=dry_run,
            again=["clipstr", "train", str(recipe), *(f"--set={change}" for change in changes or ())],
            judged="accuracy",
        )
    if chosen.encoder == "student":
        console.tell(f"next: clipstr export {out / BEST_FOLDER} --out MODEL_DIR")
