"""Labelled pictures of words, whatever the format they are stored in."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable

from clipstr.data.lmdb import LmdbDataset, find_lmdbs

__all__ = ["Source", "find_sources"]


@runtime_checkable
class Source(Protocol):
    """A data set: encoded pictures and their words by number, from 0.

    It opens its files at the first use, once in each process, and may be pickled into worker processes.
    What is missing or damaged is a `DataError` that names the file.
    """

    path: Path

    def __len__(self) -> int:
        """How many samples there are."""

    def image_bytes(self, index: int) -> bytes:
        """The picture of sample ``index`` as it was stored: an image file's bytes."""

    def label(self, index: int) -> str:
        """The word of sample ``index`` as it was stored, not folded."""

    def close(self) -> None:
        """Lets go of the files; the next use opens them again."""


def find_sources(path: str | Path) -> list[Source]:
    """Every data set at or below ``path``, sorted by path. Raises `DataError` if there is none."""
    return [LmdbDataset(folder) for folder in find_lmdbs(path)]
