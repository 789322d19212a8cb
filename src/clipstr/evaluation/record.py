"""Evaluations as JSON for programs: everything that the tables hold, and what was read by whom.

No date, time, path or machine is in it: the same models on the same data give the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import clipstr
from clipstr.evaluation.comparison import Comparison, Pairs
from clipstr.evaluation.groups import Group, benchmark_for, groups
from clipstr.evaluation.kept import Readings
from clipstr.evaluation.results import CONFIDENCE_BINS, Evaluation, SetResult, Summary
from clipstr.metrics import Interval

__all__ = ["FORMAT", "as_json", "evaluation_json"]

FORMAT = "clipstr-evaluation/2"


def as_json(
    readers: Sequence[tuple[Readings, Mapping[str, Evaluation]]],
    comparisons: Mapping[str, Sequence[Comparison]],
) -> dict[str, Any]:
    """All that was found, in plain values: for each reader its figures by alphabet, and the paired tests.

    ``comparisons`` has those of each alphabet. Shares are from 0 to 1, null is a mean over nothing.
    """
    return {
        "format": FORMAT,
        "clipstr": clipstr.__version__,
        "readers": [
            {
                "name": readings.reader,
                "checksum": readings.checksum,
                "alphabets": {name: evaluation_json(found) for name, found in evaluations.items()},
            }
            for readings, evaluations in readers
        ],
        "comparisons": {name: [_comparison(one) for one in several] for name, several in comparisons.items()},
    }


def evaluation_json(evaluation: Evaluation) -> dict[str, Any]:
    """One reader's figures in one alphabet."""
    return {
        "characters": evaluation.rule.charset.characters,
        "longest_label": evaluation.rule.max_length,
        "samples": evaluation.count,
        "confidence_bins": CONFIDENCE_BINS,
        "means": [_group(group) for group in groups(evaluation)],
        "sets": [_set(result) for result in evaluation.sets],
        "damaged_sets": [asdict(damaged) for damaged in evaluation.damaged],
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "sets": [result.name for result in group.sets],
        "samples": group.count,
        "by_words": _numbers(group.weighted)
        | {
            "accuracy_95": _ends(group.interval),
            "calibration_error": _number(group.calibration_error),
        },
        "by_sets": _numbers(group.unweighted),
    }


def _set(result: SetResult) -> dict[str, Any]:
    known = benchmark_for(result)
    return {
        "name": result.name,
        "benchmark": None if known is None else {"name": known.name, "samples": known.words},
        "stored": result.samples,
        "samples": result.count,
        "right": result.right,
        **_numbers(result.means),
        "accuracy_95": _ends(result.interval),
        "calibration_error": _number(result.calibration_error),
        "dropped": dict(result.dropped),
        "unlabelled": {
            "count": result.unlabelled_count,
            "first": [asdict(sample) for sample in result.unlabelled],
        },
        "unreadable": {
            "count": result.unreadable_count,
            "first": [asdict(picture) for picture in result.unreadable],
        },
        "remark": result.remark,
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "first": comparison.first,
        "second": comparison.second,
        "by_words": _pairs(comparison.together, comparison.weighted_interval),
        "by_sets": {
            "difference": _number(comparison.unweighted_difference),
            "difference_95": _ends(comparison.unweighted_interval),
        },
        "sets": [{"name": pairs.name} | _pairs(pairs, pairs.interval) for pairs in comparison.sets],
    }


def _pairs(pairs: Pairs, interval: Interval) -> dict[str, Any]:
    return {
        "samples": pairs.count,
        "both_right": pairs.both,
        "first_only": pairs.first_only,
        "second_only": pairs.second_only,
        "neither_right": pairs.neither,
        "difference": _number(pairs.difference),
        "difference_95": _ends(interval),
        "mcnemar_p": pairs.p_value,
    }


def _numbers(means: Summary) -> dict[str, Any]:
    return {
        "accuracy": _number(means.accuracy),
        "one_minus_ned": _number(means.similarity),
        "confidence": _number(means.confidence),
        "label_length": _number(means.label_length),
        "reading_length": _number(means.reading_length),
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _ends(interval: Interval) -> list[float | None]:
    return [_number(interval.low), _number(interval.high)]
