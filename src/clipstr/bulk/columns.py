"""The columns that reading adds to a table, as Arrow has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from clipstr.errors import MissingExtraError
from clipstr.reading import Reading

__all__ = ["ADDED", "Finding", "added_columns", "arrow", "spark_columns"]

ADDED = ("text", "confidence", "characters", "error", "model")
"""The names of the columns that are added, in their order."""

_SPARK = {
    "text": "string",
    "confidence": "float",
    "characters": "array<struct<text:string,confidence:float>>",
    "error": "string",
    "model": "string",
}


@dataclass(frozen=True)
class Finding:
    """What became of one picture: a reading, or what was wrong with it."""

    reading: Reading | None
    error: str | None


def arrow() -> Any:
    """The module pyarrow; raises `MissingExtraError` without it."""
    try:
        import pyarrow
    except ImportError as error:
        raise MissingExtraError(f"tables need pyarrow: pip install 'clipstr[bulk]' ({error})") from error
    return pyarrow


def spark_columns() -> str:
    """The added columns in Spark's language of schemas, to stand behind the columns of the input."""
    return ", ".join(f"{name} {_SPARK[name]}" for name in ADDED)


def added_columns(findings: Sequence[Finding], model: str) -> dict[str, Any]:
    """The added columns as Arrow arrays of ``len(findings)`` rows, by name in the order of `ADDED`.

    Of a picture that could not be read, text, confidence and characters are null; of one that was, error is.
    Confidences are in float32.
    """
    pa = arrow()
    readings = [finding.reading for finding in findings]
    return {
        "text": pa.array([reading and reading.text for reading in readings], pa.string()),
        "confidence": pa.array([reading and reading.confidence for reading in readings], pa.float32()),
        "characters": _characters(readings),
        "error": pa.array([finding.error for finding in findings], pa.string()),
        "model": pa.array([model] * len(findings), pa.string()),
    }


def _characters(readings: Iterable[Reading | None]) -> Any:
    """Lists of characters with their confidences, null where there is no reading."""
    pa = arrow()
    rows = [None if reading is None else reading.characters for reading in readings]
    flat = [character for row in rows if row for character in row]
    values = pa.StructArray.from_arrays(
        [
            pa.array([character.text for character in flat], pa.string()),
            pa.array([character.confidence for character in flat], pa.float32()),
        ],
        names=["text", "confidence"],
    )
    offsets = pa.array(accumulate((len(row or ()) for row in rows), initial=0), pa.int32())
    return pa.ListArray.from_arrays(offsets, values, mask=pa.array([row is None for row in rows], pa.bool_()))
