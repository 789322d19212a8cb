"""What a person sees of a run while it trains."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from clipstr.texts import visible

if TYPE_CHECKING:
    from clipstr.training import Step, Validation

__all__ = ["ProgressLine"]

_RECENT = 50  # steps over which speed and waiting are taken
_WORTH_TELLING = 0.02  # share of the time in which the loop waits for data
_SHOWN = 3  # misreadings after each validation


class ProgressLine:
    """Two live lines on a terminal; elsewhere a line now and then, so that logs stay readable."""

    def __init__(self, console: Console, *, every: float = 30.0) -> None:
        self.console, self.every = console, every
        self._told = -every
        self.began = time.monotonic()  # which the command did just before
        self._best, self._accuracy, self._speed = -1.0, "", ""
        self._recent: list[Step] = []
        self.progress = Progress(
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=console,
            speed_estimate_period=120,
        )
        self.task = self.progress.add_task("", total=1.0, speed="starting")
        self._line = Text(no_wrap=True, overflow="ellipsis")
        self._live = Live(Group(self.progress, self._line), console=console, refresh_per_second=4)

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Leaves the lines as they are; what is written afterwards stands below them."""
        self._live.stop()

    def doing(self, what: str) -> None:
        """Shows what is done before the first step, and how long after the command began."""
        if self.console.is_terminal:
            self._live.start()
            self.progress.update(self.task, speed=what)
        else:
            self._print(f"{time.monotonic() - self.began:3.0f} s: {what}")

    def stepped(self, step: Step) -> None:
        """Shows the losses, the speed and the wait for data over the last steps, and the accuracy so far."""
        if self.console.is_terminal:
            self._live.start()
        self._recent = [*self._recent[1 - _RECENT :], step]
        # Terms of a pair of stages are in the run's log; here their sum stands for them.
        shown = [name for name in step.losses if name != "total" and "~" not in name]
        losses = " ".join(f"{name} {step.losses[name]:.3f}" for name in shown)
        self._speed = self._measured() or self._speed
        line = f"{self._accuracy}  {losses}".lstrip()  # the accuracy first: a narrow terminal cuts the end
        self.progress.update(self.task, completed=step.progress, speed=self._speed)
        self._line.plain = line
        if not self.console.is_terminal and step.seconds - self._told >= self.every:
            self._told = step.seconds
            rate = f"lr {step.learning_rate:.2e}"
            self._print(f"{step.progress:6.1%} {step.samples} samples {self._speed} {line} {rate}")

    def _measured(self) -> str:
        """Samples a second, and the share of the time in which the loop waited, if it is worth telling."""
        first, last = self._recent[0], self._recent[-1]
        seconds = last.seconds - first.seconds
        if seconds <= 0:
            return ""
        waited = sum(step.waited for step in self._recent[1:]) / seconds
        wait = f", {waited:.0%} waiting for data" if waited > _WORTH_TELLING else ""
        return f"{(last.samples - first.samples) / seconds:.0f}/s{wait}"

    def validated(self, step: Step, validation: Validation) -> None:
        """Prints the accuracy of each set, and some misreadings."""
        self._recent = []  # the time of a validation is no part of the speed
        mean = validation.accuracy["mean"]
        self._best = max(self._best, mean)
        self._accuracy = f"accuracy {mean:.1%}" + (f", best {self._best:.1%}" if mean < self._best else "")
        parts = ", ".join(f"{name} {value:.1%}" for name, value in validation.accuracy.items())
        self._print(f"validated after {step.samples} samples: {parts}")
        wrong = [f"{r.label!r} as {r.text!r}" for r in validation.readings if r.label != r.text]
        if wrong:
            self._print(f"  misread: {', '.join(wrong[:_SHOWN])}")

    def noted(self, message: str) -> None:
        """Prints ``message``."""
        self._print(message)

    def _print(self, text: str) -> None:
        self.console.print(Text(visible(text)), soft_wrap=True)
