"""Labelled word images: pictures and a table (``labels.tsv``, ``.csv`` or ``.jsonl``, or ``gt.txt``).

A row has a picture's path, relative to the table, and its word. The columns have names of `PATH_NAMES` and
`TEXT_NAMES`; a TSV or CSV file of two needs no names: the first is the path. CSV has quotation marks as
spreadsheets write them, but every row is one line; TSV has none; ``gt.txt`` is a TSV, as the field's tools
make LMDBs from it. In JSON lines any text can be a word.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from clipstr import files
from clipstr.data.labels import text_label
from clipstr.errors import DataError, ImageNotFoundError
from clipstr.pictures import is_picture

__all__ = ["TABLE_FILES", "TABLE_SUFFIXES", "TableDataset", "write_table"]

TABLE_FILES = ("labels.tsv", "labels.csv", "labels.jsonl", "gt.txt")
TABLE_SUFFIXES = (".tsv", ".csv", ".jsonl", ".txt")
PATH_NAMES = (
    *("file_name", "filename", "path", "image", "file", "file_path", "filepath"),
    *("image_path", "image_name", "image_file", "img", "img_path", "img_name"),
)
TEXT_NAMES = ("text", "label", "word", "words", "labels", "ground_truth", "gt", "transcription")
_SUFFIXES = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"RIFF": ".webp", b"GIF8": ".gif", b"BM": ".bmp"}
_QUOTES = (
    "a cell with a quotation mark in it stands in quotation marks, with each mark in it twice, and a row is "
    "one line; JSON lines take any text"
)


class TableDataset:
    """The labelled word images of one table, in its order; the table is read at the first use.

    ``path`` is the folder, or the table's file where it has a name of its own. A table that cannot be
    understood is a `DataError` that names the row; a picture that is not there an `ImageNotFoundError`; a
    label that is no text a `LabelError`.
    """

    def __init__(self, table: str | Path) -> None:
        self.table = Path(table)
        self.path = self.table.parent if self.table.name in TABLE_FILES else self.table
        self._rows: list[tuple[str, object]] | None = None

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
            return files.regular_bytes(path)
        except OSError as error:
            hint = "; the table has backslashes in its paths: write /" if "\\" in name else ""
            raise ImageNotFoundError(
                f"{path}: {error.strerror}; it is named in {self.table}{hint}"
            ) from error
        except ValueError as error:  # a zero byte, or half a character
            raise ImageNotFoundError(f"{self.table}: {name!r} is no path: {error}") from error

    def label(self, index: int) -> str:
        """The word of sample ``index`` as it stands in the table."""
        return text_label(self._row(index)[1], f"{self.table}: sample {index}")

    def close(self) -> None:
        """Nothing is held open."""

    def _row(self, index: int) -> tuple[str, object]:
        rows = self._read()
        if not 0 <= index < len(rows):
            raise IndexError(f"{self.table} has samples 0 to {len(rows) - 1}, and not {index}")
        return rows[index]

    def _read(self) -> list[tuple[str, object]]:
        if self._rows is None:
            if self.table.exists() and not self.table.is_file():
                raise DataError(f"{self.table}: cannot be read: a pipe, a device or a folder, and no table")
            text = files.read_text(self.table, error=DataError)
            lines = [(n, line) for n, line in enumerate(files.text_lines(text), 1) if line.strip()]
            found = self._objects(lines) if self.table.suffix == ".jsonl" else self._cells(lines)
            rows = [(self._safe(path, number), label) for number, path, label in found]
            if not rows:
                raise DataError(f"{self.table}: the table has no rows")
            self._rows = rows
        return self._rows

    def _objects(self, lines: list[tuple[int, str]]) -> Iterator[tuple[int, str, object]]:
        """Row number, path and label of each line of JSON."""
        for number, line in lines:
            try:
                values = json.loads(line)
                path = next(values[name] for name in PATH_NAMES if name in values)
                label = next(values[name] for name in TEXT_NAMES if name in values)
            except (ValueError, TypeError, StopIteration, RecursionError) as error:
                raise DataError(
                    f"{self.table}, line {number}: it must be an object with {' or '.join(PATH_NAMES)}, "
                    f"and {' or '.join(TEXT_NAMES)}"
                ) from error
            if not isinstance(path, str):
                raise DataError(f"{self.table}, line {number}: the path is {path!r} and no text")
            yield number, path, label

    def _cells(self, lines: list[tuple[int, str]]) -> Iterator[tuple[int, str, object]]:
        """Row number, path and label of each line of a TSV or CSV file."""
        split = self._comma_separated if self.table.suffix == ".csv" else _tab_separated
        rows = [(number, split(number, line)) for number, line in lines]
        if not rows:
            return
        places = self._named_columns(rows[0][1])
        if places is not None:
            del rows[0]
        at_path, at_text = places or (0, 1)
        for number, cells in rows:
            if len(cells) <= max(at_path, at_text):
                raise DataError(f"{self.table}, row {number}: it has {len(cells)} columns")
            yield number, cells[at_path], cells[at_text]

    def _comma_separated(self, number: int, line: str) -> list[str]:
        # Line by line: a mark that is never closed must not swallow the rows after it.
        try:
            return next(csv.reader([line], strict=True))
        except csv.Error as error:
            raise DataError(f"{self.table}, row {number}: {error}; {_QUOTES}") from error

    def _named_columns(self, first: list[str]) -> tuple[int, int] | None:
        """Where paths and words stand by the names in the ``first`` row, or None if it is a sample.

        A row of two is one if it begins with a picture: unknown names must not be taken for words.
        """
        names = [cell.strip().lower().replace(" ", "_").replace("-", "_") for cell in first]
        known = [next((n for n in wanted if n in names), None) for wanted in (PATH_NAMES, TEXT_NAMES)]
        if known[0] and known[1]:
            return names.index(known[0]), names.index(known[1])
        if len(first) == 2 and self._is_path(first[0]):
            return None
        raise DataError(
            f"{self.table}: its columns are {', '.join(first)}; one must be called "
            f"{' or '.join(PATH_NAMES)}, another {' or '.join(TEXT_NAMES)}; without names there are two, and "
            "the first is a picture's path"
        )

    def _is_path(self, cell: str) -> bool:
        name = cell.strip()
        return is_picture(name) or any(sign in name for sign in "/\\") or (self.table.parent / name).is_file()

    def _safe(self, name: str, number: int) -> str:
        """``name`` if it stays in the table's folder; else `DataError`."""
        try:
            files.path_below(self.table.parent, name)
        except ValueError as error:
            raise DataError(
                f"{self.table}, row {number}: {name!r} is no path below the table's folder"
            ) from error
        return name.strip()


def _tab_separated(number: int, line: str) -> list[str]:
    return line.split("\t")


def write_table(folder: str | Path, samples: Iterable[tuple[bytes, str]]) -> int:
    """How many pictures were written into the new ``folder``, with their words in a ``labels.jsonl``.

    The table gets its name when all pictures are there. Raises `DataError` if there is one already, or
    nothing to write, and `OutputError` if it cannot be written.
    """
    out = Path(folder)
    if any((out / name).exists() for name in TABLE_FILES):
        raise DataError(f"{out} holds a data set already: choose another folder")
    files.make_folder(out / "images")
    lines = []
    for number, (content, label) in enumerate(samples):
        suffix = next((s for start, s in _SUFFIXES.items() if content.startswith(start)), ".img")
        name = f"images/{number:08d}{suffix}"
        with files.writing(out / name):  # the table names it, and that comes last
            (out / name).write_bytes(content)
        lines.append(files.json_line({"file_name": name, "text": text_label(label, f"sample {number}")}))
    if not lines:
        raise DataError(f"{out} was not written: there are no samples")
    files.write_text(out / "labels.jsonl", "".join(lines))
    return len(lines)
