"""The columns that reading adds to a table, as Arrow has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from clipstr.errors import MissingExtraError
from clipstr.reading import CharacterReading, Reading

if TYPE_CHECKING:
    from clipstr.scenes.scene import Scene, Word

__all__ = ["ADDED", "Finding", "added_columns", "arrow", "spark_columns"]

ADDED = {
    "read": ("text", "confidence", "characters", "legible", "error", "model"),
    "scan": ("text", "confidence", "words", "error", "model"),
}
"""The names of the columns that are added, in order, for pictures of words and for photographs."""

_SPARK = {
    "text": "string",
    "confidence": "float",
    "characters": "array<struct<text:string,confidence:float>>",
    "legible": "float",
    "words": "array<struct<text:string,confidence:float,line:int,polygon:array<float>>>",
    "error": "string",
    "model": "string",
}


@dataclass(frozen=True)
class Finding:
    """What became of one picture: what was read in it, or what was wrong with it."""

    found: Reading | Scene | None
    error: str | None


def arrow() -> Any:
    """The module pyarrow; raises `MissingExtraError` without it."""
    try:
        import pyarrow
    except ImportError as error:
        raise MissingExtraError(f"tables need pyarrow: pip install 'clipstr[bulk]' ({error})") from error
    return pyarrow


def spark_columns(mode: str = "read") -> str:
    """The added columns in Spark's language of schemas, to stand behind the columns of the input."""
    return ", ".join(f"{name} {_SPARK[name]}" for name in ADDED[mode])


def added_columns(findings: Sequence[Finding], model: str, mode: str) -> dict[str, Any]:
    """The added columns as Arrow arrays of ``len(findings)`` rows, by name in the order of `ADDED`.

    Of a picture that could not be read, all but error and model are null; of one that was, error is.
    Probabilities are in float32; the confidence of a photograph is its least sure word's, null if it has no
    words.
    """
    pa = arrow()
    found = [finding.found for finding in findings]
    details = _words(found) if mode == "scan" else _characters(found)
    columns = {
        "text": pa.array([None if one is None else one.text for one in found], pa.string()),
        "confidence": pa.array([_confidence(one) for one in found], pa.float32()),
        ADDED[mode][2]: details,
        "legible": pa.array(
            [one.legible if isinstance(one, Reading) else None for one in found], pa.float32()
        ),
        "error": pa.array([finding.error for finding in findings], pa.string()),
        "model": pa.array([model] * len(findings), pa.string()),
    }
    return {name: columns[name] for name in ADDED[mode]}


def _confidence(found: Reading | Scene | None) -> float | None:
    if found is None or isinstance(found, Reading):
        return None if found is None else found.confidence
    return min((word.confidence for word in found.words), default=None)


def _characters(found: Sequence[Reading | Scene | None]) -> Any:
    """Lists of characters with their confidences, null where there is no reading."""
    rows = [one.characters if isinstance(one, Reading) else None for one in found]
    return _lists(rows, _texts([character for row in rows if row for character in row]))


def _words(found: Sequence[Reading | Scene | None]) -> Any:
    """Lists of words with confidence, line and outline (x, y, x, y ...), null where there is no scene."""
    pa = arrow()
    rows: list[list[tuple[int, Word]] | None] = [
        None
        if one is None or isinstance(one, Reading)
        else [(number, word) for number, line in enumerate(one.lines) for word in line.words]
        for one in found
    ]
    flat = [placed for row in rows if row for placed in row]
    outlines = [[value for point in word.polygon for value in point] for _, word in flat]
    texts = _texts([word for _, word in flat])
    columns = [
        *(texts.field(name) for name in ("text", "confidence")),
        pa.array([number for number, _ in flat], pa.int32()),
        pa.array(outlines, pa.list_(pa.float32())),
    ]
    values = pa.StructArray.from_arrays(columns, names=["text", "confidence", "line", "polygon"])
    return _lists(rows, values)


def _texts(flat: Sequence[CharacterReading | Word]) -> Any:
    pa = arrow()
    columns = [
        pa.array([one.text for one in flat], pa.string()),
        pa.array([one.confidence for one in flat], pa.float32()),
    ]
    return pa.StructArray.from_arrays(columns, names=["text", "confidence"])


def _lists(rows: Sequence[Sequence[object] | None], values: Any) -> Any:
    """``values`` in lists as long as ``rows``, null where a row is None."""
    pa = arrow()
    offsets = pa.array(accumulate((len(row or ()) for row in rows), initial=0), pa.int32())
    return pa.ListArray.from_arrays(offsets, values, mask=pa.array([row is None for row in rows], pa.bool_()))
