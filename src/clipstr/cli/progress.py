"""What a training verb does around the run: its time, its progress line, its end."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from clipstr.errors import InputError

if TYPE_CHECKING:
    from clipstr.training import Recipe, Step, TeacherRecipe

__all__ = ["MaxTime", "Out", "ProgressLine", "Resume", "duration", "follow"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

Out = Annotated[Path, typer.Option("--out", help="The folder of the run.", show_default=False)]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run in that folder.")]
MaxTime = Annotated[
    str, typer.Option("--max-time", help="Finish within this time of training, e.g. 90m or 8h.")
]


def follow(
    settings: Recipe | TeacherRecipe, out: Path, *, resume: bool, max_time: str, again: str, judged: str
) -> Console:
    """The console of a finished run of ``settings`` in ``out``.

    ``again`` is the command that goes on with it, ``judged`` what validation measures. Exits with status 3
    if the run was interrupted; raises `InputError` for a time that is none.
    """
    from clipstr.training import Trainer

    seconds = duration(max_time) if max_time else None
    console = Console(stderr=True)
    with ProgressLine(console) as line:
        outcome = Trainer(settings, out, observer=line, resume=resume, max_seconds=seconds).run()
    best = f"best {judged} on validation {outcome.best:.2%}" if outcome.best >= 0 else "not validated"
    console.print(f"{outcome.samples} samples in {outcome.seconds / 60:.1f} minutes, {best}")
    if not outcome.finished:
        console.print(f"interrupted; go on with: {again} --out {out} --resume", soft_wrap=True)
        raise typer.Exit(3)
    return console


def duration(text: str) -> float:
    """The seconds that a time like ``90s``, ``45m``, ``1.5h`` or ``2d`` means; raises `InputError`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip())
    if not match or not float(match[1]):
        raise InputError(f"--max-time is {text!r}; write a number and s, m, h or d, such as 90m")
    return float(match[1]) * _UNITS[match[2]]


class ProgressLine:
    """A progress line on a terminal; elsewhere a line now and then, so that logs stay readable."""

    def __init__(self, console: Console, *, every: float = 30.0) -> None:
        self.console, self.every = console, every
        self.last_line = -every
        self.validation = ""
        self.rates: list[tuple[float, int]] = []
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self.task = self.progress.add_task("starting", total=1.0)

    def __enter__(self) -> ProgressLine:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def stepped(self, step: Step) -> None:
        """Shows the losses, the speed over the last steps and the last accuracy."""
        self.rates = [*self.rates[-49:], (step.seconds, step.samples)]
        (began, first), (now, last) = self.rates[0], self.rates[-1]
        speed = (last - first) / (now - began) if now > began else 0.0
        # Terms of a pair of stages are in the run's log; here their sum stands for them.
        shown = [name for name in step.losses if name != "total" and "~" not in name]
        losses = " ".join(f"{name} {step.losses[name]:.3f}" for name in shown)
        line = f"{step.samples} samples {speed:.0f}/s {losses} {self.validation}".rstrip()
        self.progress.update(self.task, completed=step.progress, description=line)
        if not self.console.is_terminal and step.seconds - self.last_line >= self.every:
            self.last_line = step.seconds
            self.console.print(f"{step.progress:6.1%} {line} lr {step.learning_rate:.2e}", soft_wrap=True)

    def validated(self, step: Step, accuracy: dict[str, float]) -> None:
        """Prints the accuracy of each set."""
        self.validation = f"accuracy {accuracy['mean']:.1%}"
        parts = ", ".join(f"{name} {value:.1%}" for name, value in accuracy.items())
        self.console.print(f"validated after {step.samples} samples: {parts}", soft_wrap=True)
