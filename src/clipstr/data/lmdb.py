"""Labelled word images in LMDB, the field's format.

A set is a folder with a ``data.mdb`` whose keys are ``num-samples`` (the count, in decimal digits),
``image-%09d`` (the encoded picture) and ``label-%09d`` (its word in UTF-8), numbered from 1.
Here samples are counted from 0, as everywhere in Python.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType

import lmdb

from clipstr import files
from clipstr.data.labels import text_label
from clipstr.errors import DataError, ImageNotFoundError, LabelError, OutputError

__all__ = ["DATA_FILE", "LmdbDataset", "write_lmdb"]

DATA_FILE = "data.mdb"
COUNT_KEY = b"num-samples"
BATCH_BYTES = 32 << 20  # how much write_lmdb gathers before it commits
FIRST_MAP_BYTES = 64 << 20
_MOST_DIGITS = 18  # of a count


class _Environments:
    """The LMDB environments that one process holds open, by file.

    LMDB allows a process one environment per file, so data sets on the same file share it. It closes
    when the last of them lets go of it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: weakref.WeakValueDictionary[Path, lmdb.Environment] = weakref.WeakValueDictionary()

    def obtain(self, path: Path) -> lmdb.Environment:
        """The open environment of the folder ``path`` in this process; raises `DataError`."""
        with self._lock:
            environment = self._open.get(path)
            if environment is None:
                for pid, inherited in list(_environments_by_process.items()):
                    if pid != os.getpid():
                        inherited._disown(path)
                environment = self._open[path] = _open_read_only(path)
            return environment

    def _disown(self, path: Path) -> None:
        """Close the copy that a fork left in this process; the parent's own stays open."""
        environment = self._open.pop(path, None)
        if environment is not None:
            environment.close()


# Keyed by process so that a forked worker, which inherits this dictionary, neither uses its parent's
# environments nor waits for a lock that another thread of the parent held at that moment.
_environments_by_process: dict[int, _Environments] = {}


def _open_read_only(path: Path) -> lmdb.Environment:
    file = path / DATA_FILE
    if not file.is_file():
        raise DataError(f"{path} is no data set: it has no {DATA_FILE}")
    try:
        environment = lmdb.open(str(path), readonly=True, lock=False, readahead=False, meminit=False)
    except (lmdb.Error, OSError) as error:
        raise DataError(f"{file} cannot be opened as an LMDB, copy it again: {error}") from error
    # LMDB maps the file into memory: to touch a page beyond its end would kill the process.
    promised = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    actual = file.stat().st_size
    if actual < promised:
        environment.close()
        # A sound file may be short of pages that were freed unwritten; compacting gives it a full end.
        advice = "copy it again, or compact it where it came from (mdb_copy -c)"
        raise DataError(f"{file} is cut short, {actual} bytes of {promised}: {advice}")
    return environment


class LmdbDataset:
    """The labelled word images of one LMDB folder: encoded pictures and words, by number from 0.

    The file is opened at the first use, once in each process: a data set may be pickled, and carried
    over a fork, into worker processes. Threads may share it. Raises `DataError`, which names the file
    and the key, where the file is missing or damaged, `ImageNotFoundError` and `LabelError` where one sample
    lacks its picture or its word, and `IndexError` outside 0 to ``len() - 1``.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._environment: lmdb.Environment | None = None
        self._process = -1
        self._count: int | None = None

    def __repr__(self) -> str:
        return f"LmdbDataset({str(self.path)!r})"

    def __getstate__(self) -> dict[str, object]:
        return {"path": self.path, "_environment": None, "_process": -1, "_count": self._count}

    def __enter__(self) -> LmdbDataset:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        if self._count is None:
            self._count = self._read_count()
        return self._count

    def __getitem__(self, index: int) -> tuple[bytes, str]:
        """The encoded picture and the word of sample ``index``."""
        return self.image_bytes(index), self.label(index)

    def __iter__(self) -> Iterator[tuple[bytes, str]]:
        return (self[index] for index in range(len(self)))

    def image_bytes(self, index: int) -> bytes:
        """The picture of sample ``index`` as it was stored: a JPEG or PNG file's bytes."""
        key = _image_key(self._number(index))
        content = self._find(key)
        if content is None:
            raise ImageNotFoundError(f"{self.path} has no {key.decode()}: the set is incomplete")
        return content

    def label(self, index: int) -> str:
        """The word of sample ``index`` as it was stored, not folded."""
        key = _label_key(self._number(index))
        content = self._find(key)
        if content is None:
            raise LabelError(f"{self.path} has no {key.decode()}: the set is incomplete")
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            raise LabelError(f"{self.path}: {key.decode()} is not UTF-8: {error}") from error

    @property
    def continues(self) -> bool:
        """Whether there is a sample behind the last one that the set's count names."""
        return self._find(_label_key(len(self) + 1)) is not None

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        self._environment = None

    def _number(self, index: int) -> int:
        if not 0 <= index < len(self):
            raise IndexError(f"{self.path} has samples 0 to {len(self) - 1}, and not {index}")
        return index + 1

    def _read_count(self) -> int:
        stored = self._find(COUNT_KEY)
        if stored is None:
            raise DataError(
                f"{self.path} has no {COUNT_KEY.decode()}: it is incomplete, or no set of word images"
            )
        if not stored.isdigit() or len(stored) > _MOST_DIGITS:
            raise DataError(f"{self.path}: {COUNT_KEY.decode()} is no count: {stored[:40]!r}")
        count, entries = int(stored), self._entries()
        if count > entries:  # each sample has a label, or it is none
            raise DataError(
                f"{self.path}: {COUNT_KEY.decode()} is {count}, and there are only {entries} entries: the "
                "set is incomplete, copy it again"
            )
        return count

    def _entries(self) -> int:
        """The keys in the opened file."""
        assert self._environment is not None
        return int(self._environment.stat()["entries"])

    def _find(self, key: bytes) -> bytes | None:
        if self._environment is None or self._process != os.getpid():
            process = os.getpid()
            environments = _environments_by_process.setdefault(process, _Environments())
            self._environment, self._process = environments.obtain(self.path.resolve()), process
        environment = self._environment
        try:
            with environment.begin() as transaction:
                value: bytes | None = transaction.get(key)
        except lmdb.Error as error:
            raise DataError(f"{self.path}: {key.decode()} cannot be read: {error}") from error
        return value


def write_lmdb(path: str | Path, samples: Iterable[tuple[bytes, str]]) -> int:
    """How many samples were written to the new data set ``path`` (pairs of picture bytes and word).

    ``samples`` is consumed as a stream. The file gets its name ``data.mdb`` only when it is complete
    and on disk: whatever stops the writing leaves no data set behind. Raises `DataError` if there is
    one already, or if there are no samples, and `OutputError` if it cannot be written.
    """
    folder = Path(path)
    final = folder / DATA_FILE
    if final.exists():
        raise DataError(f"{final} exists: choose another folder, or delete it first")
    files.make_folder(folder)
    partial = files.partial_path(final)
    with files.writing(final):
        partial.unlink(missing_ok=True)
        try:
            count = _write_file(partial, samples)
            if not count:
                raise DataError(f"{folder} was not written: there are no samples")
            partial.rename(final)
        finally:
            partial.unlink(missing_ok=True)
        files.flush_folder(folder)
    return count


def _write_file(file: Path, samples: Iterable[tuple[bytes, str]]) -> int:
    try:
        environment = lmdb.open(
            str(file), subdir=False, lock=False, sync=False, meminit=False, map_size=FIRST_MAP_BYTES
        )
        try:
            count, waiting, size = 0, list[tuple[bytes, bytes]](), 0
            for image, label in samples:
                count += 1
                text = text_label(label, f"sample {count - 1}")
                waiting += [(_image_key(count), image), (_label_key(count), text.encode())]
                size += len(image)
                if size >= BATCH_BYTES:
                    files.require_space(file, size)
                    _commit(environment, waiting)
                    waiting, size = [], 0
            files.require_space(file, size)
            _commit(environment, [*waiting, (COUNT_KEY, str(count).encode())])
            environment.sync(True)
        finally:
            environment.close()
    except lmdb.Error as error:
        raise OutputError(f"{file}: cannot be written: {error}") from error
    return count


def _commit(environment: lmdb.Environment, items: list[tuple[bytes, bytes]]) -> None:
    while True:
        try:
            with environment.begin(write=True) as transaction:
                for key, value in items:
                    transaction.put(key, value)
        except lmdb.MapFullError:
            environment.set_mapsize(2 * environment.info()["map_size"])
        else:
            return


def _image_key(number: int) -> bytes:
    return b"image-%09d" % number


def _label_key(number: int) -> bytes:
    return b"label-%09d" % number
