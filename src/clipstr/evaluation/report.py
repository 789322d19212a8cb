"""An evaluation as a table for people and as JSON for programs.

Neither holds a date or a time: the same model on the same data gives the same bytes.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from clipstr import files
from clipstr.charset import ALPHABETS
from clipstr.data import DropReason, LabelRule
from clipstr.evaluation.protocol import Evaluation, SetResult, Summary, WordResult
from clipstr.metrics import Interval

__all__ = ["FORMAT", "as_json", "as_table", "misreading_line", "notes", "write_json"]

FORMAT = "clipstr-evaluation/1"
HEADER = ("Dataset", "# samples", "Accuracy", "1 - NED", "Confidence", "Label length")


def as_table(evaluation: Evaluation) -> Table:
    """The sets and both means under the field's header: shares in percent, lengths in characters.

    Its rules are Markdown's, so that it can be pasted into a page.
    """
    table = Table(box=box.MARKDOWN)
    for number, title in enumerate(HEADER):
        table.add_column(title, justify="right" if number else "left", overflow="fold")
    for result in evaluation.sets:
        table.add_row(result.name, *_cells(result.count, result.means))
    table.add_row("Weighted mean", *_cells(evaluation.count, evaluation.weighted), style="bold")
    table.add_row("Unweighted mean", *_cells(evaluation.count, evaluation.unweighted))
    return table


def notes(evaluation: Evaluation) -> list[str]:
    """What a reader of the table has to know besides: how words were compared, and what was left out."""
    interval = evaluation.interval
    lines = [
        f"{evaluation.model}, compared in {len(evaluation.rule.charset.characters)} characters; means over "
        f"{_counted(len(evaluation.compared_sets), 'set')}; 95 % interval of the weighted accuracy: "
        f"{100 * interval.low:.2f} to {100 * interval.high:.2f}."
    ]
    for result in evaluation.sets:
        for reason, number in result.dropped.items():
            if number:
                which = f"{_counted(number, 'label')} {_described(reason, evaluation.rule)}"
                lines.append(f"{result.name}: left out by the label rule, {which}.")
        if result.unreadable:
            first = result.unreadable[0]
            lines.append(
                f"{result.name}: counted as wrong, {_counted(len(result.unreadable), 'picture')} that cannot "
                f"be decoded; the first is number {first.index}: {first.error}"
            )
    return lines


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Everything of ``evaluation`` for `json.dumps`: shares from 0 to 1, null for a mean over nothing."""
    characters = evaluation.rule.charset.characters
    names = [name for name, alphabet in ALPHABETS.items() if alphabet == characters]
    return {
        "format": FORMAT,
        "model": evaluation.model,
        "charset": {"name": names[0] if names else None, "characters": characters},
        "longest_label": evaluation.rule.max_length,
        "samples": evaluation.count,
        "compared_sets": len(evaluation.compared_sets),
        "weighted_mean": _numbers(evaluation.weighted) | {"accuracy_95": _ends(evaluation.interval)},
        "unweighted_mean": _numbers(evaluation.unweighted),
        "sets": [_set_json(result) for result in evaluation.sets],
    }


def write_json(evaluation: Evaluation, file: str | Path) -> None:
    """Write `as_json` to ``file``, whole or not at all; raises `OutputError`."""
    files.write_json(file, as_json(evaluation))


def misreading_line(result: WordResult) -> str:
    """One line of JSON for a word that was read wrong, without the line's end."""
    record: dict[str, Any] = {
        "set": result.set_name,
        "index": result.index,
        "label": result.label,
        "prediction": result.text,
        "confidence": result.confidence,
    }
    if result.error is not None:
        record["error"] = result.error
    # Some programs end lines at characters of words (U+2028): such a word is written in escapes.
    return json.dumps(record, ensure_ascii=len(f"{result.label}{result.text}".splitlines()) > 1)


def _set_json(result: SetResult) -> dict[str, Any]:
    return {
        "name": result.name,
        "samples": result.count,
        "right": result.right,
        **_numbers(result.means),
        "accuracy_95": _ends(result.interval),
        "dropped": dict(result.dropped),
        "unreadable": [asdict(picture) for picture in result.unreadable],
    }


def _numbers(means: Summary) -> dict[str, Any]:
    values = {
        "accuracy": means.accuracy,
        "one_minus_ned": means.similarity,
        "confidence": means.confidence,
        "label_length": means.label_length,
        "reading_length": means.reading_length,
    }
    return {name: None if math.isnan(value) else value for name, value in values.items()}


def _ends(interval: Interval) -> list[float]:
    return [interval.low, interval.high]


def _cells(count: int, means: Summary) -> list[str]:
    shares = (100 * means.accuracy, 100 * means.similarity, 100 * means.confidence, means.label_length)
    return [str(count), *("-" if math.isnan(value) else f"{value:.2f}" for value in shares)]


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _described(reason: DropReason, rule: LabelRule) -> str:
    if reason == "too long":
        return f"of more than {rule.max_length} characters"
    if reason == "unknown":
        return "with characters outside the alphabet"
    return "without any character of the alphabet"
