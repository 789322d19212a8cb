"""What a person sees of a run."""

from __future__ import annotations

import io
import math
import re
from dataclasses import replace

import numpy as np
from rich.console import Console

from clipstr.cli.progress import ProgressLine
from clipstr.training import SampleReading, Step, Validation


def step(number: int, *, waited: float = 0.0) -> Step:
    return Step(
        samples=64 * number,
        seconds=0.5 * number,
        waited=waited,
        progress=number / 100,
        learning_rate=1e-3,
        losses={"recognition": 1.25, "ctc": 0.5, "encoder 1 ~ image 1": 9.0, "total": 2.0},
    )


def validation(mean: float) -> Validation:
    picture = np.zeros((32, 128, 3), np.uint8)
    texts = [("word", "word"), ("sign", "sing")]
    readings = tuple(SampleReading(picture=picture, label=a, text=b, confidence=0.5) for a, b in texts)
    return Validation(accuracy={"IC13": mean, "mean": mean}, readings=readings)


def shown(*, terminal: bool, width: int = 80, waited: float = 0.0) -> str:
    buffer = io.StringIO()
    console = Console(file=buffer, force_terminal=terminal, width=width)
    with ProgressLine(console, every=10.0) as line:
        for number in range(1, 31):
            line.stepped(step(number, waited=waited))
        line.validated(step(30), validation(0.5))
        line.validated(step(30), validation(0.25))
        line.noted("[something] is left out")
        line.stepped(step(50))
    return buffer.getvalue()


def test_what_is_done_before_the_first_step_is_told_with_the_seconds_since_the_start() -> None:
    for terminal in (True, False):
        buffer = io.StringIO()
        with ProgressLine(Console(file=buffer, force_terminal=terminal, width=80)) as line:
            line.began -= 7
            line.doing("making the model")
        assert "making the model" in buffer.getvalue()
        assert terminal or "7 s: making the model\n" in buffer.getvalue()


def test_a_log_gets_a_line_now_and_then_with_all_that_counts() -> None:
    lines = shown(terminal=False).splitlines()
    told = [line for line in lines if "samples" in line and "lr" in line]
    assert len(told) == 3  # at 0.5, 10.5 and 25 seconds
    assert "1.0% 64 samples" in told[0]
    assert "128/s recognition 1.250 ctc 0.500" in told[1]
    assert "accuracy 25.0%, best 50.0%" in told[2]
    assert "~" not in "".join(told)


def test_validations_and_notes_are_printed_as_they_are() -> None:
    text = shown(terminal=False)
    assert "validated after 1920 samples: IC13 50.0%, mean 50.0%" in text
    assert "misread: 'sign' as 'sing'" in text
    assert "[something] is left out" in text


def test_waiting_for_data_is_told_when_it_matters() -> None:
    assert "waiting" not in shown(terminal=False, waited=0.005)
    assert "128/s, 20% waiting for data" in shown(terminal=False, waited=0.1)


def test_a_terminal_shows_the_bar_and_no_log_lines() -> None:
    text = shown(terminal=True, width=100)
    assert "128/s" in text
    assert "recognition 1.250" in text
    assert "lr 1.00e-03" not in text


def test_the_time_of_a_validation_is_no_part_of_the_speed() -> None:
    buffer = io.StringIO()
    line = ProgressLine(Console(file=buffer, width=80), every=0.0)
    line.stepped(step(1))
    line.stepped(step(2))
    line.validated(step(2), validation(0.5))
    for number in (3, 4):
        line.stepped(replace(step(number), seconds=100 + 0.5 * number))
    told = [text for text in buffer.getvalue().splitlines() if "lr" in text]
    assert ["128/s" in text for text in told] == [False, True, True, True]


def test_a_narrow_terminal_loses_losses_and_not_the_accuracy() -> None:
    buffer = io.StringIO()
    losses = {f"a term called {number}": 1.0 for number in range(9)} | {"total": 9.0}
    with ProgressLine(Console(file=buffer, force_terminal=True, width=80)) as line:
        line.validated(step(1), validation(0.5))
        line.stepped(replace(step(2), losses=losses))
    shown_lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", text) for text in buffer.getvalue().split("\n")]
    assert max(map(len, shown_lines)) <= 80
    assert any("accuracy 50.0%  a term called 0 1.000" in text and "…" in text for text in shown_lines)


def test_a_first_step_and_losses_that_are_no_numbers_are_shown() -> None:
    buffer = io.StringIO()
    line = ProgressLine(Console(file=buffer, width=80))
    line.stepped(replace(step(1), losses={"ctc": math.nan, "total": math.inf}, seconds=0.0))
    assert "1.0% 64 samples" in buffer.getvalue()
    assert "ctc nan" in buffer.getvalue()
