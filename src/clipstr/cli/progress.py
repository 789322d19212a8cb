"""What a person sees of a run while it trains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from clipstr.training import Step, Validation

__all__ = ["ProgressLine"]


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

    def validated(self, step: Step, validation: Validation) -> None:
        """Prints the accuracy of each set."""
        self.validation = f"accuracy {validation.accuracy['mean']:.1%}"
        parts = ", ".join(f"{name} {value:.1%}" for name, value in validation.accuracy.items())
        self.console.print(f"validated after {step.samples} samples: {parts}", soft_wrap=True)

    def noted(self, message: str) -> None:
        """Prints ``message``."""
        self.console.print(message, soft_wrap=True, markup=False, highlight=False)
