"""The kinds of input: which files they are, how each is cut into stretches, and how its rows are read.

A stretch is a range of rows of one file that is read from beginning to end: some groups of rows of a Parquet
file, a tar, a range of an LMDB, one picture. What could be fetched and is damaged are rows with a fault; what
could not be fetched is an `OSError`, and is tried again.
"""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from clipstr.bulk.columns import arrow
from clipstr.bulk.stores import Entry, Store
from clipstr.data.lmdb import DATA_FILE, LmdbDataset
from clipstr.errors import ClipstrError, InputError
from clipstr.pictures import is_picture

__all__ = ["KINDS", "Kind", "Row", "Stretch", "Wanted", "rows_of"]

LARGEST = 512 << 20  # bytes of one picture
LMDB_STRETCH = 1024  # samples

_TARS = (".tar", ".tar.gz", ".tgz")
_UNREADABLE = (
    ValueError,
    KeyError,
    NotImplementedError,
    MemoryError,
)  # what Arrow calls damaged, beside OSError
_DAMAGED = (tarfile.TarError, zlib.error, EOFError, ValueError, UnicodeError)


@dataclass(frozen=True)
class Stretch:
    """Rows ``begin`` to ``end`` of the file ``file``, relative to the input ("": the input itself).

    In Parquet they are groups of rows, in tars bytes.
    """

    file: str
    begin: int
    end: int
    rows: int  # -1: known when it is read
    fault: str | None = None  # why the file cannot be read: it is one failed row


@dataclass(frozen=True)
class Wanted:
    """What of the input is read."""

    column: str  # of pictures in Parquet; the ending of pictures in tars, if that is not "image"
    id_column: str | None = None  # in Parquet


@dataclass(frozen=True)
class Row:
    """One row of the input: its id, its place, and its picture's bytes or why there are none."""

    id: Any
    place: str
    image: bytes | None
    fault: str | None = None


@dataclass(frozen=True)
class Kind:
    """One kind of input."""

    name: str
    owns: Callable[[str], bool]  # whether a file of this name is of this kind
    cut: Callable[[Store, Entry, Wanted], Iterable[Stretch]]
    rows: Callable[[Store, Stretch, Wanted], Iterator[Row]]


def rows_of(kind: str, store: Store, stretch: Stretch, wanted: Wanted) -> Iterator[Row]:
    """The rows of a stretch, in order; raises `OSError` for what could not be fetched."""
    if stretch.fault is not None:
        yield Row(
            None if wanted.id_column else _name(store, stretch), _name(store, stretch), None, stretch.fault
        )
        return
    yield from KINDS[kind].rows(store, stretch, wanted)


def _name(store: Store, stretch: Stretch) -> str:
    return stretch.file or store.name


def _fault(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


# Parquet: a stretch is a range of groups of rows.


def _parquet_file(file: Any) -> Any:
    arrow()
    from pyarrow import parquet

    return parquet.ParquetFile(file, pre_buffer=False, buffer_size=1 << 20)


def _cut_parquet(store: Store, entry: Entry, wanted: Wanted) -> Iterator[Stretch]:
    with store.open(entry.path) as file:
        try:
            metadata = _parquet_file(file).metadata
        except (OSError, *_UNREADABLE) as error:
            _fetch(file, max(entry.size - 8, 0), 8)
            yield Stretch(entry.path, 0, 0, 1, _fault(error))
            return
        for group in range(metadata.num_row_groups):
            if rows := metadata.row_group(group).num_rows:
                yield Stretch(entry.path, group, group + 1, rows)


def _fetch(file: Any, offset: int, size: int) -> None:
    """Raises `OSError` if these bytes cannot be fetched: then it is not the content that is damaged."""
    file.seek(offset)
    while size > 0 and (block := file.read(min(size, 8 << 20))):
        size -= len(block)


def _parquet_rows(store: Store, stretch: Stretch, wanted: Wanted) -> Iterator[Row]:
    with store.open(stretch.file) as file:
        table = _parquet_file(file)
        first = sum(table.metadata.row_group(group).num_rows for group in range(stretch.begin))
        for group in range(stretch.begin, stretch.end):
            total = table.metadata.row_group(group).num_rows
            done, fault = 0, f"DataError: the group of rows has fewer than its {total}"
            try:
                for row in _group_rows(table, group, wanted, _name(store, stretch), first):
                    yield row
                    done += 1
            except (OSError, *_UNREADABLE) as error:
                for chunk in range(table.metadata.num_columns):
                    column = table.metadata.row_group(group).column(chunk)
                    begin = column.dictionary_page_offset or column.data_page_offset
                    _fetch(file, begin, column.total_compressed_size)
                fault = _fault(error)
            for number in range(first + done, first + total):
                place = f"{_name(store, stretch)}#{number}"
                yield Row(None if wanted.id_column else place, place, None, fault)
            first += total


def _group_rows(table: Any, group: int, wanted: Wanted, name: str, first: int) -> Iterator[Row]:
    names = [wanted.column] + ([wanted.id_column] if wanted.id_column else [])
    missing = [column for column in names if column not in table.schema_arrow.names]
    if missing:
        raise ValueError(f"no column {', '.join(missing)}; there are {', '.join(table.schema_arrow.names)}")
    metadata = table.metadata.row_group(group)
    size = max(1, min(256, (64 << 20) * metadata.num_rows // max(metadata.total_byte_size, 1)))
    for batch in table.iter_batches(size, row_groups=[group], columns=names, use_threads=False):
        images = batch.column(wanted.column)
        ids = batch.column(wanted.id_column) if wanted.id_column else None
        for row in range(batch.num_rows):
            place = f"{name}#{first + row}"
            image, fault = _cell(images[row].as_py())
            yield Row(place if ids is None else ids[row].as_py(), place, image, fault)
        first += batch.num_rows


def _cell(value: Any) -> tuple[bytes | None, str | None]:
    """The picture's bytes in a cell, or why there are none."""
    if isinstance(value, dict):
        value = value.get("bytes")
    if isinstance(value, bytes):
        return value, None
    if value is None:
        return None, "EmptyImageError: the cell is null, there is no picture"
    return (
        None,
        f"NotAnImageError: the cell holds {type(value).__name__}, and a picture is an image file's bytes",
    )


# WebDataset: a tar is one stretch, read as a stream; files of one name up to its first dot are one sample.


def _cut_tar(store: Store, entry: Entry, wanted: Wanted) -> Iterator[Stretch]:
    yield Stretch(entry.path, 0, entry.size, -1)


def _tar_rows(store: Store, stretch: Stretch, wanted: Wanted) -> Iterator[Row]:
    """One row a sample; where the tar breaks off, one more for its rest."""
    key: str | None = None
    picture: Row | None = None
    with store.open(stretch.file) as file:
        members = _members(file)
        while True:
            try:
                name, content = next(members)
            except StopIteration:
                break
            except _DAMAGED as error:
                if picture is not None:
                    yield picture
                place = f"{_name(store, stretch)}#rest"
                yield Row(place, place, None, _fault(error))
                return
            folder, _, last = name.rpartition("/")
            stem, _, ending = last.partition(".")
            sample = f"{folder}/{stem}" if folder else stem
            if sample != key:
                if picture is not None:
                    yield picture
                key, place = sample, f"{_name(store, stretch)}#{sample}"
                picture = Row(place, place, None, "EmptyImageError: the sample has no picture")
            assert picture is not None
            if picture.image is None and _is_picture(ending, wanted.column):
                fault = "EmptyImageError: a link or too large a file" if content is None else None
                picture = Row(picture.id, picture.place, content, fault)
    if picture is not None:
        yield picture


def _is_picture(ending: str, column: str) -> bool:
    if column != "image":
        return ending.lower() == column.lower()
    return is_picture(f"x.{ending}")


def _members(file: Any) -> Iterator[tuple[str, bytes | None]]:
    """The files of a tar, by name and content; no content of what is no regular file, or too large."""
    with tarfile.open(fileobj=file, mode="r|*") as archive:
        for member in archive:
            if member.isdir() or PurePosixPath(member.name).name.startswith("."):
                continue
            content = archive.extractfile(member) if member.isreg() and member.size <= LARGEST else None
            value = None if content is None else content.read()
            if value is not None and len(value) < member.size:
                raise tarfile.ReadError("the tar breaks off")
            archive.members = []  # type: ignore[attr-defined]  # tarfile would remember them all
            yield member.name, value
        stream: Any = archive.fileobj
        if stream.tell() <= archive.offset:  # a whole tar has zeros after the last file
            raise tarfile.ReadError("the tar has no mark of its end: it may be cut short")


# LMDB: a stretch is a range of samples. It is mapped into memory, and so must lie on a disk.


def _lmdb(store: Store, path: str) -> LmdbDataset:
    if not store.local:
        raise InputError(
            f"{store.shown}: an LMDB is read from a disk; copy it there, or convert it to Parquet"
        )
    return LmdbDataset(Path(store.at(path)).parent)


def _cut_lmdb(store: Store, entry: Entry, wanted: Wanted) -> Iterator[Stretch]:
    data = _lmdb(store, entry.path)
    try:
        count = len(data)
    except ClipstrError as error:
        yield Stretch(entry.path, 0, 0, 1, _fault(error))
        return
    for begin in range(0, count, LMDB_STRETCH):
        end = min(begin + LMDB_STRETCH, count)
        yield Stretch(entry.path, begin, end, end - begin)


def _lmdb_rows(store: Store, stretch: Stretch, wanted: Wanted) -> Iterator[Row]:
    data = _lmdb(store, stretch.file)
    for index in range(stretch.begin, stretch.end):
        place = f"{_name(store, stretch)}#{index}"
        try:
            yield Row(place, place, data.image_bytes(index))
        except (ClipstrError, IndexError) as error:
            yield Row(place, place, None, _fault(error))
    data.close()


# Pictures: a stretch is a file.


def _cut_picture(store: Store, entry: Entry, wanted: Wanted) -> Iterator[Stretch]:
    yield Stretch(entry.path, 0, 1, 1)


def _picture_rows(store: Store, stretch: Stretch, wanted: Wanted) -> Iterator[Row]:
    # Of an object store, what is not one picture's fault is a matter of the network: it is tried again.
    own = (OSError,) if store.local else (FileNotFoundError, PermissionError)
    place = _name(store, stretch)
    try:
        with store.open(stretch.file) as file:
            content, more = bytes(file.read(LARGEST)), file.read(1)
    except own as error:
        yield Row(place, place, None, f"ImageNotFoundError: {error}")
        return
    if more:
        yield Row(place, place, None, f"ImageTooLargeError: the file has more than {LARGEST} bytes")
        return
    yield Row(place, place, content)


KINDS = {
    kind.name: kind
    for kind in (
        Kind("parquet", lambda name: name.endswith(".parquet"), _cut_parquet, _parquet_rows),
        Kind("tar", lambda name: name.endswith(_TARS), _cut_tar, _tar_rows),
        Kind("lmdb", lambda name: name == DATA_FILE, _cut_lmdb, _lmdb_rows),
        Kind("pictures", is_picture, _cut_picture, _picture_rows),
    )
}
"""The kinds of input, by name."""
