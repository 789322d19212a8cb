"""What a training verb does around the run: its options, its time, its progress line, its end."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clipstr.cli import console
from clipstr.cli.options import Changes, OutFolder, filled
from clipstr.cli.progress import ProgressLine
from clipstr.errors import InputError

if TYPE_CHECKING:
    from clipstr.training import Recipe, TeacherRecipe

__all__ = ["Changes", "DryRun", "MaxTime", "Out", "Resume", "duration", "first_line", "follow"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = 366 * 86400.0  # seconds

Out = OutFolder
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run in that folder.")]
MaxTime = Annotated[
    str | None,
    typer.Option(
        "--max-time",
        parser=filled,
        metavar="TIME",
        help="Finish within this time from now on, e.g. 90m or 8h; with --resume, of training in all.",
        show_default=False,
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show the plan, the memory and some samples, and train nothing.")
]


def follow(
    settings: Recipe | TeacherRecipe,
    out: Path,
    line: ProgressLine,
    *,
    resume: bool,
    max_time: str | None,
    dry_run: bool,
    again: list[str],
    judged: str,
) -> None:
    """Runs ``settings`` in ``out`` to the end, telling ``line``, since which the time limit counts.

    ``again`` is the command that goes on with it, ``judged`` what validation measures. Exits with status 3
    if the run was interrupted, and 0 after a dry run; raises `InputError` for a time that is none.
    """
    seconds = duration(max_time) if max_time else None
    if dry_run:
        from clipstr.cli.plan import show_plan

        line.stop()
        show_plan(settings, out, seconds)
        raise typer.Exit
    from clipstr.training import Trainer

    trainer = Trainer(settings, out, observers=[line], resume=resume, max_seconds=seconds, started=line.began)
    outcome = trainer.run()
    line.stop()
    if not trainer.processes.main:
        raise typer.Exit(0 if outcome.finished else 3)
    best = f"best {judged} on validation {outcome.best:.2%}" if outcome.best >= 0 else "not validated"
    console.tell(f"{outcome.samples} samples in {outcome.seconds / 60:.1f} minutes, {best}")
    if not outcome.finished:
        limit = ["--max-time", max_time] if max_time else []
        command = shlex.join([*again, "--out", str(out), *limit, "--resume"])
        console.tell(f"interrupted; go on with: {command}")
        raise typer.Exit(3)


def first_line() -> ProgressLine:
    """The line of a run, before the slow imports."""
    line = ProgressLine(console.terminal())
    if os.environ.get("RANK", "0") == "0":  # of torchrun's processes the first one speaks
        line.doing("loading PyTorch")
    return line


def duration(text: str) -> float:
    """The seconds that a time like ``90s``, ``45m``, ``1.5h`` or ``2d`` means; raises `InputError`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip())
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if not 0 < seconds <= _LONGEST:
        raise InputError(
            f"--max-time is {text!r}; write a number and s, m, h or d, such as 90m, and no more than a year"
        )
    return seconds
