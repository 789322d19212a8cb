"""Labelled pictures of words, whatever the format they are stored in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol, runtime_checkable

from clipstr.data.lmdb import DATA_FILE, LmdbDataset
from clipstr.data.parquet import ParquetDataset
from clipstr.data.tables import TABLE_FILES, TABLE_SUFFIXES, TableDataset
from clipstr.errors import DataError, LabelError

__all__ = ["Source", "find_sources", "labels_of", "place_below"]


@runtime_checkable
class Source(Protocol):
    """A data set: encoded pictures and their words by number, from 0.

    It opens its files at the first use, once in each process, and may be pickled into worker processes.
    A set that is missing or damaged is a `DataError` that names the file. A sample without its picture is an
    `ImageError`, as one that cannot be decoded, and one without a label a `LabelError`: the others are there.
    """

    path: Path

    def __len__(self) -> int:
        """How many samples there are."""

    def image_bytes(self, index: int) -> bytes:
        """The picture of sample ``index`` as it was stored: an image file's bytes."""

    def label(self, index: int) -> str:
        """The word of sample ``index`` as it was stored, not folded. Raises `LabelError` if there is none."""

    def close(self) -> None:
        """Lets go of the files; the next use opens them again."""


def find_sources(path: str | Path) -> list[Source]:
    """Every data set at or below ``path``, sorted by path; links are followed.

    A folder is one if it holds an LMDB (``data.mdb``), a table (``labels.tsv``, ``.csv`` or ``.jsonl``, or
    ``gt.txt``), or Parquet files; a table or a Parquet file may be named itself. Raises `DataError` if there
    is none, or a folder cannot be opened.
    """
    top = Path(path)
    if top.is_file():
        return [_from_file(top)]
    if not top.exists():
        raise DataError(f"{path} has no data sets: there is no such folder or file")
    found: list[Source] = []
    seen: set[str] = set()
    for parent, children, files in os.walk(top, followlinks=True, onerror=_closed):
        source = _from_folder(Path(parent), files)
        if source is not None:
            found.append(source)
        # A link may lead back up: every real folder is entered once.
        fresh = {name: os.path.realpath(Path(parent) / name) for name in sorted(children)}
        children[:] = [name for name, real in fresh.items() if real not in seen]
        seen.update(fresh.values())
    if not found:
        raise DataError(
            f"{path} has no data sets (LMDB, labels.tsv, .csv or .jsonl, gt.txt, Parquet): "
            "nothing in or below it that we know"
        )
    return sorted(found, key=lambda source: source.path)


def labels_of(source: Source) -> list[str | None]:
    """The words of all samples of ``source`` as they were stored, None where there is none."""
    labels: list[str | None] = []
    for index in range(len(source)):
        try:
            labels.append(source.label(index))
        except LabelError:
            labels.append(None)
    return labels


def _closed(error: OSError) -> None:
    raise DataError(f"{error.filename}: the folder cannot be opened: {error.strerror}") from error


def place_below(source: Source, named: str | Path) -> Path:
    """Where ``source`` lies below what was ``named`` to `find_sources`; `Path()` where it is that itself.

    A table that is named by its file stands for its folder, and an LMDB by its ``data.mdb`` as well.
    """
    top = Path(named)
    return source.path.relative_to(top) if top.is_dir() else Path()


def _from_folder(folder: Path, files: list[str]) -> Source | None:
    """The data set that ``folder`` itself is, if it is one."""
    if DATA_FILE in files:
        return LmdbDataset(folder)
    for name in TABLE_FILES:
        if name in files:
            return TableDataset(folder / name)
    shards = sorted(folder / name for name in files if name.endswith(".parquet"))
    return ParquetDataset(folder, shards) if shards else None


def _from_file(file: Path) -> Source:
    if file.suffix == ".parquet":
        return ParquetDataset(file, [file])
    if file.suffix in TABLE_SUFFIXES:
        return TableDataset(file)
    if file.name == DATA_FILE:
        return LmdbDataset(file.parent)
    raise DataError(
        f"{file} is no data set: name a folder, a table (.tsv, .csv, .jsonl, .txt) or a Parquet file"
    )
