"""Labelled word images as a folder of pictures and a table: ``labels.tsv``, ``.csv`` or ``.jsonl``.

A row has a picture's path, relative to the table, and its word. The columns are called ``file_name``,
``filename``, ``path`` or ``image``, and ``text``, ``label`` or ``word``; a TSV or CSV file of two needs
no names: the first is the path. CSV is as spreadsheets write it, with quotes; TSV has none.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from clipstr.errors import DataError, ImageNotFoundError

__all__ = ["TABLE_FILES", "TableDataset", "write_table"]

TABLE_FILES = ("labels.tsv", "labels.csv", "labels.jsonl")
PATH_NAMES = ("file_name", "filename", "path", "image")
TEXT_NAMES = ("text", "label", "word")
_SUFFIXES = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"RIFF": ".webp", b"GIF8": ".gif", b"BM": ".bmp"}


class TableDataset:
    """The labelled word images of one table, in its order; the table is read at the first use.

    ``path`` is the folder, or the table's file where it is not called ``labels``. A table that cannot be
    understood is a `DataError` that names the row; a picture that is not there an `ImageNotFoundError`.
    """

    def __init__(self, table: str | Path) -> None:
        self.table = Path(table)
        self.path = self.table.parent if self.table.name in TABLE_FILES else self.table
        self._rows: list[tuple[str, str]] | None = None

    def __repr__(self) -> str:
        return f"TableDataset({str(self.table)!r})"

    def __len__(self) -> int:
        return len(self._read())

    def __getitem__(self, index: int) -> tuple[bytes, str]:
        """The encoded picture and the word of sample ``index``."""
        return self.image_bytes(index), self.label(index)

    def image_bytes(self, index: int) -> bytes:
        """The picture of sample ``index``: its file's bytes."""
        name = self._row(index)[0]
        path = self.table.parent / name
        try:
            return path.read_bytes()
        except OSError as error:
            raise ImageNotFoundError(f"{path}: {error.strerror}; it is named in {self.table}") from error

    def label(self, index: int) -> str:
        """The word of sample ``index`` as it stands in the table."""
        return self._row(index)[1]

    def close(self) -> None:
        """Nothing is held open."""

    def _row(self, index: int) -> tuple[str, str]:
        rows = self._read()
        if not 0 <= index < len(rows):
            raise IndexError(f"{self.table} has samples 0 to {len(rows) - 1}, and not {index}")
        return rows[index]

    def _read(self) -> list[tuple[str, str]]:
        if self._rows is None:
            try:
                text = self.table.read_text(encoding="utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                raise DataError(f"{self.table}: the table cannot be read: {error}") from error
            rows = list(_json_rows(text, self.table) if self.table.suffix == ".jsonl" else self._cells(text))
            if not rows:
                raise DataError(f"{self.table}: the table has no rows")
            self._rows = rows
        return self._rows

    def _cells(self, text: str) -> Iterator[tuple[str, str]]:
        """Rows of a TSV or CSV file, by the names of its columns or the first two."""
        if self.table.suffix == ".csv":
            lines = [row for row in csv.reader(io.StringIO(text)) if row]
        else:
            lines = [line.split("\t") for line in text.splitlines() if line.strip()]
        if not lines:
            return
        first, places = [cell.strip().lower() for cell in lines[0]], (0, 1)
        named = [next((n for n in names if n in first), None) for names in (PATH_NAMES, TEXT_NAMES)]
        start = 1
        if named[0] and named[1]:
            places = first.index(named[0]), first.index(named[1])
        elif len(first) == 2:
            start = 0
        else:
            raise DataError(
                f"{self.table}: its columns are {', '.join(first)}; one must be called "
                f"{' or '.join(PATH_NAMES)}, another {' or '.join(TEXT_NAMES)}"
            )
        for number, cells in enumerate(lines[start:], start + 1):
            if len(cells) <= max(places):
                raise DataError(f"{self.table}, row {number}: it has {len(cells)} columns")
            yield _safe(cells[places[0]], self.table, number), cells[places[1]]


def _json_rows(text: str, table: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
            path = next(values[name] for name in PATH_NAMES if name in values)
            label = next(values[name] for name in TEXT_NAMES if name in values)
        except (ValueError, TypeError, StopIteration) as error:
            raise DataError(
                f"{table}, line {number}: it must be an object with {' or '.join(PATH_NAMES)}, "
                f"and {' or '.join(TEXT_NAMES)}"
            ) from error
        yield _safe(str(path), table, number), str(label)


def _safe(name: str, table: Path, number: int) -> str:
    """``name`` if it stays in the table's folder: a data set from elsewhere must not read other files."""
    path = Path(name.strip())
    if not name.strip() or path.is_absolute() or ".." in path.parts:
        raise DataError(f"{table}, row {number}: {name!r} is no path below the table's folder")
    return name.strip()


def write_table(folder: str | Path, samples: Iterable[tuple[bytes, str]]) -> int:
    """How many pictures were written into the new ``folder``, with their words in a ``labels.jsonl``.

    The table gets its name when all pictures are there. Raises `DataError` if there is one already, or
    nothing to write.
    """
    out = Path(folder)
    if any((out / name).exists() for name in TABLE_FILES):
        raise DataError(f"{out} holds a data set already: choose another folder")
    (out / "images").mkdir(parents=True, exist_ok=True)
    lines = []
    for number, (content, label) in enumerate(samples):
        suffix = next((s for start, s in _SUFFIXES.items() if content.startswith(start)), ".img")
        name = f"images/{number:08d}{suffix}"
        (out / name).write_bytes(content)
        lines.append(json.dumps({"file_name": name, "text": label}, ensure_ascii=False) + "\n")
    if not lines:
        raise DataError(f"{out} was not written: there are no samples")
    partial = out / "labels.jsonl.partial"
    partial.write_text("".join(lines), encoding="utf-8")
    partial.rename(out / "labels.jsonl")
    return len(lines)
