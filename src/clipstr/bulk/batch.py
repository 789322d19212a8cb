"""`ReadBatch`: a callable that reads the pictures in a batch of rows, for Ray Data, Spark and Arrow."""

from __future__ import annotations

import copy
import hashlib
import os
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from clipstr.bulk.columns import ADDED, Finding, added_columns, arrow
from clipstr.devices import AUTO
from clipstr.errors import DataError, ImageError, InputError
from clipstr.models import DEFAULT_MODEL, ModelConfig, find_model
from clipstr.reader import Reader

if TYPE_CHECKING:
    from clipstr.scenes import SceneReader

__all__ = ["ReadBatch", "model_identity", "threads_given"]

Batch = TypeVar("Batch")


class ReadBatch:
    """Reads the pictures in the column ``column`` of a batch of rows, and gives the batch with what was read.

    A batch is a `pyarrow.Table` or `RecordBatch`, a pandas data frame, or a dictionary of NumPy arrays; what
    comes back is of the same kind, in the same order, its columns followed by ``text``, ``confidence``,
    ``characters``, ``legible``, ``error`` and ``model`` (name and checksum). A picture is an image file's
    bytes, or a struct with them in its field ``bytes``, as in Hugging Face's data sets. A picture that cannot
    be read is a row with its ``error``, never an exception.

    With the ``mode`` "scan" pictures are whole photographs, read by `SceneReader` (extra "scenes"): ``text``
    has a line for each of theirs, and ``words`` (text, confidence, line, polygon) stands for ``characters``
    and ``legible``.

    ``threads`` None means as many as the CPUs that the Ray actor or the Spark task was given, or that this
    process may use. ``batch_size``, ``allow``, ``lexicon``, ``second_looks``, ``known_words`` and ``device``
    are those of `Reader`. ``keep`` names the columns of the input that are kept (None: all). The model is
    loaded at the first batch, once; this object may be pickled, and is pickled without it. Raises
    `ModelError` if there is no such model, `InputError` for wrong settings, `DataError` for a batch without
    such a column.

    In Ray: ``dataset.map_batches(ReadBatch, fn_constructor_kwargs={...}, batch_format="pyarrow")``; in Spark:
    ``frame.mapInPandas(ReadBatch(...).over, schema=...)``.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = DEFAULT_MODEL,
        *,
        column: str = "image",
        mode: str = "read",
        threads: int | None = None,
        batch_size: int = 32,
        allow: str | None = None,
        lexicon: Iterable[str] | None = None,
        second_looks: bool = True,
        device: str = AUTO,
        known_words: bool | None = None,
        keep: Iterable[str] | None = None,
    ) -> None:
        if mode not in ADDED:
            raise InputError(f"mode is {mode!r}; it must be {' or '.join(ADDED)}")
        self.column, self.mode, self.threads = column, mode, threads
        self.keep = None if keep is None else tuple(keep)
        folder = find_model(Path(model) if isinstance(model, os.PathLike) else model)
        self.model = model_identity(folder)
        words = None if lexicon is None else tuple(lexicon)
        self._settings: dict[str, Any] = {"batch_size": batch_size, "allow": allow, "lexicon": words}
        self._settings |= {"second_looks": second_looks, "known_words": known_words, "device": device}
        self._folder, self._reader, self._loading = folder, None, threading.Lock()

    _reader: Reader | SceneReader | None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_reader": None, "_loading": None}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state)
        self._loading = threading.Lock()

    def __call__(self, batch: Batch) -> Batch:
        """``batch`` with what was read in it."""
        found = added_columns(self._find(_cells(batch, self.column)), self.model, self.mode)
        return cast("Batch", _with_columns(batch, found, self.keep))

    def over(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Each of ``batches`` with what was read in it, as it comes: what Spark's ``mapInPandas`` wants."""
        return (self(batch) for batch in batches)

    def on_column(self, column: str) -> ReadBatch:
        """The same for pictures in another column."""
        other = copy.copy(self)
        other.column = column
        return other

    def settings(self) -> dict[str, Any]:
        """What the readings depend on, in plain values; a lexicon by its size and checksum."""
        words = self._settings["lexicon"]
        known = None
        if words is not None:
            known = {"words": len(words), "sha256": hashlib.sha256("\n".join(words).encode()).hexdigest()}
        kept = {name: self._settings[name] for name in ("allow", "second_looks", "known_words")}
        return {"mode": self.mode, "column": self.column, **kept, "lexicon": known}

    def _find(self, cells: list[Any]) -> list[Finding]:
        """What becomes of each cell of the column of pictures."""
        wrong = [_what_is_wrong(cell) for cell in cells]
        contents = [_content(cell) for cell, trouble in zip(cells, wrong, strict=True) if trouble is None]
        reader = self._loaded()
        found = _read(reader, contents) if isinstance(reader, Reader) else _scanned(reader, contents)
        return [next(found) if trouble is None else Finding(None, trouble) for trouble in wrong]

    def _loaded(self) -> Reader | SceneReader:
        with self._loading:
            if self._reader is None:
                settings = {"threads": self.threads or threads_given(), **self._settings}
                if self.mode == "scan":
                    from clipstr.scenes import SceneReader

                    self._reader = SceneReader(self._folder, **settings)
                else:
                    self._reader = Reader(self._folder, **settings)
            return self._reader


def _read(reader: Reader, contents: list[bytes]) -> Iterator[Finding]:
    for outcome in reader.stream(contents, first_batch=reader.batch_size):
        yield Finding(outcome.reading, told(outcome.error) if outcome.error else None)


def _scanned(reader: SceneReader, contents: list[bytes]) -> Iterator[Finding]:
    for content in contents:
        try:
            yield Finding(reader.read(content), None)
        except ImageError as error:
            yield Finding(None, told(error))


def model_identity(folder: Path) -> str:
    """``NAME@CHECKSUM`` of the model in ``folder``.

    The checksum is the beginning of `ModelConfig.checksum`. Raises `ModelError`.
    """
    config = ModelConfig.load(folder)
    return f"{config.name}@{config.checksum[:16]}"


def told(error: Exception) -> str:
    """``error`` as the column of errors has it: its kind, and what it says."""
    return f"{type(error).__name__}: {error}"


def threads_given() -> int | None:
    """How many CPUs this Ray actor or Spark task was given; None outside of them."""
    given: float | None = None
    if (ray := sys.modules.get("ray")) is not None and ray.is_initialized():
        context = ray.get_runtime_context()
        if context.get_actor_id() or context.get_task_id():
            given = context.get_assigned_resources().get("CPU")
    elif (spark := sys.modules.get("pyspark")) is not None:
        task = spark.TaskContext.get()
        given = None if task is None else task.cpus()
    return None if given is None else max(1, int(given))


def _cells(batch: Any, column: str) -> list[Any]:
    """The cells of ``column`` as Python's values."""
    names = list(batch) if isinstance(batch, Mapping) else _names(batch)
    if column not in names:
        raise DataError(
            f"there is no column {column!r} in a batch with {', '.join(map(str, names)) or 'none'}"
        )
    values = batch[column]
    return list(values.to_pylist() if hasattr(values, "to_pylist") else values.tolist())


def _names(batch: Any) -> list[str]:
    if hasattr(batch, "column_names"):
        return list(batch.column_names)
    if hasattr(batch, "columns") and hasattr(batch, "assign"):
        return list(batch.columns)
    raise InputError(
        f"a batch is a pyarrow Table or RecordBatch, a pandas DataFrame or a dictionary of arrays, and no "
        f"{type(batch).__name__}"
    )


def _bytes_of(cell: Any) -> Any:
    return cell.get("bytes") if isinstance(cell, Mapping) else cell


def _what_is_wrong(cell: Any) -> str | None:
    """Why ``cell`` holds no picture's bytes, None if it does."""
    value = _bytes_of(cell)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return None
    if value is None or value != value:  # NaN is how pandas says null
        return "EmptyImageError: the cell is null, there is no picture"
    return f"NotAnImageError: the cell holds {type(value).__name__}, and a picture is an image file's bytes"


def _content(cell: Any) -> bytes:
    return bytes(_bytes_of(cell))


def _with_columns(batch: Any, columns: dict[str, Any], keep: tuple[str, ...] | None) -> Any:
    """``batch``, or its columns ``keep`` if that is given, followed by ``columns``; of the same kind."""
    names = [
        name
        for name in (list(batch) if isinstance(batch, Mapping) else _names(batch))
        if (keep is None or name in keep) and name not in columns
    ]
    if isinstance(batch, Mapping):
        return {name: batch[name] for name in names} | {k: _objects(v) for k, v in columns.items()}
    if hasattr(batch, "assign"):
        import pandas  # which is there, as this is one of its frames

        frame = batch[names].copy()
        for name, column in columns.items():
            values = _objects(column)
            # Said to be objects, or pandas would make its own strings of them, in which null is NaN.
            frame[name] = pandas.Series(values, frame.index, values.dtype)
        return frame
    arrays = [*(batch.column(name) for name in names), *columns.values()]
    return type(batch).from_arrays(arrays, names=[*names, *columns])


def _objects(column: Any) -> np.ndarray:
    """An Arrow array as NumPy's: numbers as numbers, all else as objects."""
    if arrow().types.is_floating(column.type):
        return np.asarray(column.to_numpy(zero_copy_only=False))
    values = np.empty(len(column), object)
    for row, value in enumerate(column.to_pylist()):
        values[row] = value
    return values
