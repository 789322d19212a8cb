"""Judging a reader on labelled data sets, as the field does it."""

from clipstr.evaluation.protocol import (
    Evaluation,
    SetResult,
    Summary,
    Unreadable,
    WordResult,
    evaluate,
    evaluate_set,
    set_name,
)
from clipstr.evaluation.report import as_json, as_table, misreading_line, notes, write_json

__all__ = [
    "Evaluation",
    "SetResult",
    "Summary",
    "Unreadable",
    "WordResult",
    "as_json",
    "as_table",
    "evaluate",
    "evaluate_set",
    "misreading_line",
    "notes",
    "set_name",
    "write_json",
]
