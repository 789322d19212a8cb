"""``clipstr teacher``: training a CLIP that teaches, and looking at what one sees."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clipstr.cli import console
from clipstr.cli.follow import Changes, DryRun, MaxTime, Out, Resume, first_line, follow
from clipstr.cli.options import input_path
from clipstr.cli.settings import settings_option
from clipstr.cli.teacher_align import align

__all__ = ["teacher"]

teacher = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)


@teacher.callback()
def _teacher() -> None:
    """Train a CLIP that teaches, or look at what one sees."""


@teacher.command("train")
def train(
    recipe: Annotated[
        Path,
        typer.Argument(
            parser=input_path,
            metavar="RECIPE",
            help="A recipe file, such as recipes/teacher.toml.",
            show_default=False,
        ),
    ],
    out: Out,
    changes: Changes = None,
    resume: Resume = False,
    max_time: MaxTime = None,
    dry_run: DryRun = False,
    settings: Annotated[bool, settings_option("clipstr.training", "TeacherRecipe", "train")] = False,
) -> None:
    """Train a CLIP on word pictures and their spelled-out text: the best on validation goes to DIR/best.

    DIR/best is in OpenCLIP's own format; a recipe names it as teacher.weights. Validation counts the
    pictures whose own label is the nearest among all labels of their set. Exit status: 0 when the run is
    finished, 3 when it was interrupted and can be resumed.
    """
    with first_line() as line:
        with console.needs_extra("train", "training"):
            from clipstr.training import BEST_FOLDER, load_teacher_recipe
        chosen = load_teacher_recipe(recipe, changes or ())
        follow(
            chosen,
            out,
            line,
            resume=resume,
            max_time=max_time,
            dry_run=dry_run,
            again=[
                "clipstr",
                "teacher",
                "train",
                str(recipe),
                *(f"--set={change}" for change in changes or ()),
            ],
            judged="retrieval",
        )
    best = out / BEST_FOLDER
    console.tell(f'next: set teacher.weights = "{best}" in a recogniser\'s recipe')


teacher.command("align")(align)
