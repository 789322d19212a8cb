"""``clipstr teacher``: training a CLIP that teaches, and looking at what one sees."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from clipstr.cli.teacher_align import align
from clipstr.cli.train import ProgressLine, duration
from clipstr.errors import MissingExtraError

__all__ = ["teacher"]

teacher = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)


@teacher.callback()
def _teacher() -> None:
    """Train a CLIP that teaches, or look at what one sees."""


@teacher.command("train")
def train(
    recipe: Annotated[
        Path, typer.Argument(help="A recipe file, such as recipes/teacher.toml.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", help="The folder of the run.", show_default=False)],
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in that folder.")] = False,
    max_time: Annotated[
        str, typer.Option("--max-time", help="Finish within this time of training, e.g. 30m or 8h.")
    ] = "",
) -> None:
    """Train a CLIP on word pictures and their spelled-out text: the best on validation goes to DIR/best.

    DIR/best is in OpenCLIP's own format; a recipe names it as teacher.weights. Validation counts the
    pictures whose own label is the nearest among all labels of their set. Exit status: 0 when the run is
    finished, 3 when it was interrupted and can be resumed.
    """
    seconds = duration(max_time) if max_time else None
    try:
        from clipstr.training import BEST_FOLDER, Trainer, load_teacher_recipe
    except ImportError as error:
        raise MissingExtraError(
            f"training needs more packages: pip install 'clipstr[train]' ({error})"
        ) from error
    console = Console(stderr=True)
    with ProgressLine(console) as line:
        settings = load_teacher_recipe(recipe)
        outcome = Trainer(settings, out, observer=line, resume=resume, max_seconds=seconds).run()
    found = f"best retrieval on validation {outcome.best:.2%}" if outcome.best >= 0 else "not validated"
    console.print(f"{outcome.samples} samples in {outcome.seconds / 60:.1f} minutes, {found}")
    if not outcome.finished:
        console.print(f"interrupted; go on with: clipstr teacher train {recipe} --out {out} --resume")
        raise typer.Exit(3)
    best = out / BEST_FOLDER
    console.print(f'next: set teacher.weights = "{best}" in a recogniser\'s recipe', soft_wrap=True)


teacher.command("align")(align)
