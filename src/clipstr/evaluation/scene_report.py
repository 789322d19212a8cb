"""A comparison of engines on whole photographs as a table for people and as JSON for programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clipstr.evaluation.scenes import (
    LEAST_LETTERS,
    OVERLAP,
    PhotographResult,
    SceneComparison,
    ScenePeer,
    Score,
)
from clipstr.files import json_line, write_json
from clipstr.markdown import markdown_table

__all__ = ["SCENES_FORMAT", "scene_errors", "scenes_json", "scenes_table", "write_scenes_json"]

SCENES_FORMAT = "clipstr-scenes/1"
_HEADER = (
    "Set",
    "Engine",
    "# photographs",
    "# words",
    "P found",
    "R found",
    "H found",
    "P read",
    "R read",
    "H read",
)


def scenes_table(comparison: SceneComparison) -> str:
    """Precision, recall and H-mean of finding words and of reading them end to end, in Markdown."""
    return markdown_table(
        _HEADER,
        [
            [
                result.name,
                result.engine,
                str(result.photographs),
                str(result.reading.true),
                *_cells(result.detection),
                *_cells(result.reading),
            ]
            for result in comparison.results
        ],
    )


def scenes_json(comparison: SceneComparison) -> dict[str, Any]:
    """Everything of ``comparison`` for `json.dumps`: shares from 0 to 1."""
    return {
        "format": SCENES_FORMAT,
        "overlap": OVERLAP,
        "least_letters": LEAST_LETTERS,
        "results": [
            {
                "set": result.name,
                "engine": result.engine,
                "photographs": result.photographs,
                "unreadable": result.unreadable,
                "detection": _numbers(result.detection),
                "end_to_end": _numbers(result.reading),
            }
            for result in comparison.results
        ],
    }


def write_scenes_json(comparison: SceneComparison, file: Path) -> None:
    """Writes `scenes_json` to ``file``, whole or not at all; raises `OutputError`."""
    write_json(file, scenes_json(comparison))


def scene_errors(engine: ScenePeer, set_name: str, result: PhotographResult) -> list[str]:
    """A line of JSON for each word that was misread, missed or invented, without the lines' ends."""
    lines = []
    for match in result.end_to_end:
        if match.kind == "right":
            continue
        record: dict[str, Any] = {
            "engine": engine.name,
            "set": set_name,
            "file": result.path.name,
            "kind": match.kind,
            "label": match.true.text if match.true else None,
            "prediction": match.found.text if match.found else None,
            "polygon": [list(map(float, corner)) for corner in (match.true or match.found).polygon],  # type: ignore[union-attr]
        }
        lines.append(json_line(record).rstrip("\n"))
    return lines


def _numbers(score: Score) -> dict[str, Any]:
    return {
        "right": score.right,
        "found": score.found,
        "true": score.true,
        "precision": score.precision,
        "recall": score.recall,
        "hmean": score.hmean,
    }


def _cells(score: Score) -> tuple[str, str, str]:
    return f"{100 * score.precision:.1f}", f"{100 * score.recall:.1f}", f"{100 * score.hmean:.1f}"
