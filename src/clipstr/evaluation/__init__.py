"""Judging a reader on labelled data sets, as the field does it."""

from clipstr.evaluation.comparison import Comparison, Pairs
from clipstr.evaluation.groups import Group, arrivals, groups
from clipstr.evaluation.kept import Readings, compared, judged, read_all
from clipstr.evaluation.protocol import Word, evaluate, evaluate_set, set_name
from clipstr.evaluation.record import as_json
from clipstr.evaluation.report import comparison_table, misreading_line, notes, readers_table, sets_table
from clipstr.evaluation.results import DamagedSet, Evaluation, SetResult, Summary, Unreadable, WordResult

__all__ = [
    "Comparison",
    "DamagedSet",
    "Evaluation",
    "Group",
    "Pairs",
    "Readings",
    "SetResult",
    "Summary",
    "Unreadable",
    "Word",
    "WordResult",
    "arrivals",
    "as_json",
    "compared",
    "comparison_table",
    "evaluate",
    "evaluate_set",
    "groups",
    "judged",
    "misreading_line",
    "notes",
    "read_all",
    "readers_table",
    "set_name",
    "sets_table",
]
