"""Labelled word images in Parquet files, as Hugging Face's data sets have them.

The pictures stand in a column ``image`` (a struct with ``bytes``, or bytes), the words in ``text``, ``label``
or ``word``. All ``*.parquet`` files of a folder are one data set, in the order of their names.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

from clipstr import files
from clipstr.data.labels import text_label
from clipstr.data.tables import TEXT_NAMES
from clipstr.errors import DataError, ImageNotFoundError, MissingExtraError

__all__ = ["ParquetDataset", "write_parquet"]

_HELD = 4  # groups of rows kept in memory, the last used ones
_GROUP = 256  # rows a group when we write
_SHARD = 100_000  # rows a file when we write


class ParquetDataset:
    """The labelled word images of the Parquet ``files``, which are opened at the first use in each process.

    Only some groups of rows are in memory at a time. Raises `DataError` naming the file where one is
    missing, damaged, or has other columns, `ImageNotFoundError` and `LabelError` where a row lacks its
    picture or its word, and `MissingExtraError` without pyarrow.
    """

    def __init__(self, path: str | Path, files: Iterable[Path]) -> None:
        self.path, self.files = Path(path), list(files)
        self._groups: list[tuple[Any, int]] | None = None  # of all files: the open file, the group's number
        self._ends: list[int] = []
        self._held: dict[int, list[Any]] = {}
        self._labels: list[Any] | None = None

    def __repr__(self) -> str:
        return f"ParquetDataset({str(self.path)!r})"

    def __getstate__(self) -> dict[str, Any]:
        closed: dict[str, Any] = {"_groups": None, "_ends": [], "_held": {}, "_labels": None}
        return {"path": self.path, "files": self.files} | closed

    def __len__(self) -> int:
        self._open()
        return self._ends[-1]

    def __getitem__(self, index: int) -> tuple[bytes, str]:
        """The encoded picture and the word of sample ``index``."""
        return self.image_bytes(index), self.label(index)

    def image_bytes(self, index: int) -> bytes:
        """The picture of sample ``index`` as it was stored: an image file's bytes."""
        number, place = self._place(index)
        if number not in self._held:
            while len(self._held) >= _HELD:
                del self._held[next(iter(self._held))]
            self._held[number] = self._column(number, "image")
        value = self._held[number][place]
        content = value.get("bytes") if isinstance(value, dict) else value
        if not isinstance(content, bytes):
            raise ImageNotFoundError(f"{self.path}: sample {index} has no bytes in its image")
        return content

    def label(self, index: int) -> str:
        """The word of sample ``index`` as it was stored, not folded."""
        self._place(index)
        if self._labels is None:
            assert self._groups is not None
            name = self._text_column()
            self._labels = [v for number in range(len(self._groups)) for v in self._column(number, name)]
        return text_label(self._labels[index], f"{self.path}: sample {index}")

    def close(self) -> None:
        """Lets go of the files and of what was read."""
        self.__dict__.update(self.__getstate__())

    def _place(self, index: int) -> tuple[int, int]:
        """The group of sample ``index``, and its place there."""
        if not 0 <= index < len(self):
            raise IndexError(f"{self.path} has samples 0 to {len(self) - 1}, and not {index}")
        number = bisect_right(self._ends, index)
        return number, index - (self._ends[number - 1] if number else 0)

    def _open(self) -> None:
        if self._groups is not None:
            return
        parquet = _pyarrow()
        groups, counts = [], []
        for path in self.files:
            if path.exists() and not path.is_file():
                raise DataError(f"{path}: no Parquet file: a pipe, a device or a folder")
            try:
                file = parquet.ParquetFile(path, memory_map=True)
            except _unreadable() as error:
                raise DataError(f"{path}: no Parquet file that can be read: {error}") from error
            names = file.schema_arrow.names
            if "image" not in names or not any(name in names for name in TEXT_NAMES):
                raise DataError(
                    f"{path}: its columns are {', '.join(names)}; one must be called image, another "
                    f"{' or '.join(TEXT_NAMES)}"
                )
            for number in range(file.num_row_groups):
                groups.append((file, number))
                counts.append(file.metadata.row_group(number).num_rows)
        if not sum(counts):
            raise DataError(f"{self.path}: there are no rows")
        self._groups, self._ends = groups, list(accumulate(counts))

    def _text_column(self) -> str:
        assert self._groups is not None
        names = self._groups[0][0].schema_arrow.names
        return next(name for name in TEXT_NAMES if name in names)

    def _column(self, number: int, name: str) -> list[Any]:
        assert self._groups is not None
        file, group = self._groups[number]
        try:
            values: list[Any] = file.read_row_group(group, columns=[name]).column(0).to_pylist()
        except _unreadable() as error:
            raise DataError(f"{self.path}: its rows cannot be read: {error}") from error
        rows = self._ends[number] - (self._ends[number - 1] if number else 0)
        if len(values) != rows:
            raise DataError(f"{self.path}: {len(values)} rows are there where its end says {rows}")
        return values


def write_parquet(folder: str | Path, samples: Iterable[tuple[bytes, str]]) -> int:
    """How many samples were written to Parquet files in the new ``folder``, in Hugging Face's form.

    Each file gets its name when it is complete. Raises `DataError` if there are some already, or nothing
    to write, `OutputError` if it cannot be written, and `MissingExtraError` without pyarrow.
    """
    parquet = _pyarrow()
    import pyarrow

    out = Path(folder)
    if list(out.glob("*.parquet")):
        raise DataError(f"{out} holds a data set already: choose another folder")
    files.make_folder(out)
    image = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    schema = pyarrow.schema([("image", image), ("text", pyarrow.string())])
    rest, count, shard = iter(samples), 0, 0
    while rows := list(islice(rest, _SHARD)):
        values = {
            "image": [{"bytes": content, "path": None} for content, _ in rows],
            "text": [text_label(label, f"sample {count + row}") for row, (_, label) in enumerate(rows)],
        }
        final = out / f"data-{shard:05d}.parquet"
        files.require_space(final, sum(len(content) for content, _ in rows))
        with files.whole_file(final) as file:
            parquet.write_table(pyarrow.table(values, schema=schema), file, row_group_size=_GROUP)
        count, shard = count + len(rows), shard + 1
    if not count:
        raise DataError(f"{out} was not written: there are no samples")
    return count


def _unreadable() -> tuple[type[Exception], ...]:
    """What pyarrow raises for files that are damaged, or of a kind that it does not know."""
    import pyarrow

    return OSError, ValueError, OverflowError, MemoryError, pyarrow.ArrowException


def _pyarrow() -> Any:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError(f"Parquet files need pyarrow: pip install pyarrow ({error})") from error
    return parquet
