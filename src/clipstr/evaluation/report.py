"""Evaluations as tables for people: sets and means under the field's header, readers, paired tests.

None of it holds a date or a time: the same model on the same data gives the same text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from clipstr import files
from clipstr.data import DropReason, LabelRule
from clipstr.evaluation.comparison import Comparison, Pairs
from clipstr.evaluation.groups import groups
from clipstr.evaluation.results import Evaluation, Summary, WordResult
from clipstr.markdown import markdown_table
from clipstr.metrics import Interval

__all__ = [
    "HEADER",
    "comparison_table",
    "misreading_line",
    "notes",
    "readers_table",
    "set_rows",
    "sets_table",
]

HEADER = ("Dataset", "# samples", "Accuracy", "1 - NED", "Confidence", "Label length", "95 % interval", "ECE")


def sets_table(evaluation: Evaluation) -> str:
    """The sets and the means under the field's header, in Markdown: shares in percent, lengths in characters.

    Behind the field's columns stand the accuracy's interval and the expected calibration error.
    """
    return markdown_table(HEADER, set_rows(evaluation))


def set_rows(evaluation: Evaluation) -> list[list[str]]:
    """The rows of that table, their cells by `HEADER`."""
    rows = []
    for result in evaluation.sets:
        sure = [_ends(result.interval), _percent(result.calibration_error)]
        rows.append([result.name, *_cells(result.count, result.means), *sure])
    for group in groups(evaluation):
        sure = [_ends(group.interval), _percent(group.calibration_error)]
        rows.append([f"Mean by words, {group.name}", *_cells(group.count, group.weighted), *sure])
        rows.append([f"Mean by sets, {group.name}", *_cells(group.count, group.unweighted), "-", "-"])
    return rows


def readers_table(evaluations: Sequence[Evaluation]) -> str:
    """The readers below each other, in Markdown: the mean by words with its interval, then set by set."""
    names = list(dict.fromkeys(result.name for evaluation in evaluations for result in evaluation.sets))
    rows = []
    for evaluation in evaluations:
        of = {result.name: result.means.accuracy for result in evaluation.sets}
        rows.append(
            [
                evaluation.model,
                str(evaluation.count),
                _percent(evaluation.weighted.accuracy),
                _ends(evaluation.interval),
                *(_percent(of.get(name, math.nan)) for name in names),
            ]
        )
    return markdown_table(["Reader", "# samples", "By words", "95 % interval", *names], rows)


def comparison_table(comparison: Comparison) -> str:
    """The paired differences in points, in Markdown: set by set, of all words, and of the mean by sets."""
    rows = [_pairs_row(pairs, pairs.interval) for pairs in comparison.sets]
    rows.append(_pairs_row(comparison.together, comparison.weighted_interval))
    by_sets = [_signed(comparison.unweighted_difference), _signed_ends(comparison.unweighted_interval)]
    rows.append(["mean by sets", "-", *by_sets, "-", "-", "-"])
    columns = ["Difference", "95 % interval", "Only the first", "Only the second", "p"]
    return markdown_table(["Dataset", "# samples", *columns], rows)


def notes(evaluation: Evaluation) -> list[str]:
    """What a reader of the table has to know: how words were compared, what was left out, what is wrong."""
    interval, characters = evaluation.interval, len(evaluation.rule.charset.characters)
    lines = [
        f"{evaluation.model}, compared in {characters} characters; means over "
        f"{_counted(len(evaluation.compared_sets), 'set')}; 95 % interval of the mean by words: "
        f"{100 * interval.low:.2f} to {100 * interval.high:.2f}."
    ]
    for damaged in evaluation.damaged:
        lines.append(f"{damaged.name}: not read, and in no mean: {damaged.error}")
    for result in evaluation.sets:
        if result.remark:
            lines.append(f"{result.name}: {result.remark}.")
        if result.unlabelled_count:
            first = result.unlabelled[0]
            lines.append(
                f"{result.name}: left out, {_counted(result.unlabelled_count, 'sample')} whose label cannot "
                f"be read; the first is number {first.index}: {first.error}"
            )
        for reason, number in result.dropped.items():
            if number:
                which = f"{_counted(number, 'label')} {_described(reason, evaluation.rule)}"
                lines.append(f"{result.name}: left out by the label rule, {which}.")
        if result.unreadable_count:
            first = result.unreadable[0]
            lines.append(
                f"{result.name}: counted as wrong, {_counted(result.unreadable_count, 'picture')} that "
                f"cannot be decoded; the first is number {first.index}: {first.error}"
            )
    return lines


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
    return files.json_line(record).rstrip("\n")


def _pairs_row(pairs: Pairs, interval: Interval) -> list[str]:
    counts = [str(pairs.first_only), str(pairs.second_only), f"{pairs.p_value:.2g}"]
    return [pairs.name, str(pairs.count), _signed(pairs.difference), _signed_ends(interval), *counts]


def _cells(count: int, means: Summary) -> list[str]:
    shares = (100 * means.accuracy, 100 * means.similarity, 100 * means.confidence, means.label_length)
    return [str(count), *("-" if math.isnan(value) else f"{value:.2f}" for value in shares)]


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.2f}"


def _signed(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:+.2f}"


def _ends(interval: Interval) -> str:
    return f"{100 * interval.low:.2f} to {100 * interval.high:.2f}"


def _signed_ends(interval: Interval) -> str:
    return f"{_signed(interval.low)} to {_signed(interval.high)}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _described(reason: DropReason, rule: LabelRule) -> str:
    return {
        "too long": f"of more than {rule.max_length} characters",
        "empty": "without any character of the alphabet",
        "unknown": "with characters that the alphabet lacks",
        "missing": "missing or no text",
    }[reason]
