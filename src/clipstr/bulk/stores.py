"""Stores: folders on a disk, in an object store or on whatever pyarrow and fsspec know, behind one face."""

from __future__ import annotations

import json
import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit, urlunsplit

from clipstr.bulk.columns import arrow
from clipstr.errors import ClipstrError, InputError, MissingExtraError, OutputError
from clipstr.files import json_text, make_folder, whole_file

__all__ = ["Entry", "Store"]

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")
_BLOCK = 8 << 20  # bytes copied at a time


@dataclass(frozen=True)
class Entry:
    """A file or a folder in a store, its path relative to the store's."""

    path: str
    folder: bool
    size: int  # bytes
    changed: int  # nanoseconds since 1970, 0 where the store does not say

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


class Store:
    """The folder or file ``address``: a path, or a URL of a file system that pyarrow or fsspec knows.

    pyarrow's own are taken where there are any (``s3://``, ``gs://``, ``hdfs://``, ``abfs://``), else
    fsspec's. A store may be pickled: each process opens the file system itself, by its own credentials.
    Raises `InputError` for an address that nobody knows, `MissingExtraError` if fsspec needs another package
    for it.
    """

    def __init__(self, address: str | os.PathLike[str]) -> None:
        text = os.fspath(address)
        self.local = not _SCHEME.match(text) or text.startswith("file://")
        self.address = str(Path(text.removeprefix("file://")).absolute()) if self.local else text

    def __repr__(self) -> str:
        return f"Store({self.shown!r})"

    def __getstate__(self) -> dict[str, Any]:
        return {"address": self.address, "local": self.local}

    @cached_property
    def shown(self) -> str:
        """The address for messages and manifests, without credentials and options."""
        if self.local:
            return self.address
        parts = urlsplit(self.address)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))

    @property
    def name(self) -> str:
        """The last part of the address."""
        return self.shown.rstrip("/").rpartition("/")[2]

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        """The file system, and this store's path in it."""
        fs = _arrow_filesystems()
        if self.local:
            return fs.LocalFileSystem(), self.address
        try:
            system, path = fs.FileSystem.from_uri(self.address)
        except (ValueError, NotImplementedError):  # not one of pyarrow's own
            system, path = _fsspec(self.address, self.shown)
        return system, path.rstrip("/")

    def at(self, path: str) -> str:
        """What the file system calls ``path``, relative to this store; "" is the store itself."""
        return f"{self._opened[1]}/{path}" if path else self._opened[1]

    def entry(self, path: str = "") -> Entry | None:
        """What is at ``path``, None if nothing is."""
        fs = _arrow_filesystems()
        info = self._opened[0].get_file_info(self.at(path))
        if info.type == fs.FileType.NotFound:
            return None
        return Entry(path, info.type == fs.FileType.Directory, info.size or 0, info.mtime_ns or 0)

    def entries(self, path: str = "") -> list[Entry]:
        """What lies in the folder ``path``, sorted by name; nothing if there is no such folder."""
        fs = _arrow_filesystems()
        system, _ = self._opened
        selector = fs.FileSelector(self.at(path), allow_not_found=True)
        found = []
        for info in system.get_file_info(selector):
            name = info.base_name
            inner = f"{path}/{name}" if path else name
            folder = info.type == fs.FileType.Directory
            if folder or info.type == fs.FileType.File:
                found.append(Entry(inner, folder, info.size or 0, info.mtime_ns or 0))
        return sorted(found, key=lambda entry: entry.path)

    def open(self, path: str = "") -> Any:
        """The file ``path``, open to be read at any place: Arrow's file. Raises OSError."""
        return self._opened[0].open_input_file(self.at(path))

    def make_folder(self, path: str = "") -> None:
        """Make the folder ``path`` where folders need to be made. Raises `OutputError`."""
        if self.local:
            make_folder(self.at(path))
            return
        with self._telling(path):
            self._opened[0].create_dir(self.at(path), recursive=True)

    @contextmanager
    def whole_file(self, path: str) -> Iterator[BinaryIO]:
        """A file to write into, which becomes ``path`` at the end of the ``with`` block, or not at all.

        Two processes may write the same file at once: the last one's stays, whole. Raises `OutputError`.
        """
        if self.local:
            final = Path(self.at(path))
            own = final.with_name(f"{final.name}.{secrets.token_hex(4)}")
            with whole_file(own) as file:
                yield file
            with self._telling(path):
                own.replace(final)
            return
        # An object appears when its upload ends, and Arrow ends it after an error, too: so it begins when
        # everything is there.
        with self._telling(path), tempfile.TemporaryFile() as file:
            yield file
            size = file.tell()
            file.seek(0)
            with self._opened[0].open_output_stream(self.at(path)) as upload:
                while block := file.read(_BLOCK):
                    upload.write(block)
            written = self.entry(path)
            if written is None or written.size != size:
                raise OSError(f"{size} bytes were written and {written and written.size} are there")

    def remove(self, path: str) -> None:
        """Remove the file ``path``; nothing happens if it is not there. Raises `OutputError`."""
        with self._telling(path), suppress(FileNotFoundError):
            self._opened[0].delete_file(self.at(path))

    def remove_folder(self, path: str) -> None:
        """Remove the folder ``path`` and what is in it, if it is there. Raises `OutputError`."""
        with self._telling(path), suppress(FileNotFoundError):
            self._opened[0].delete_dir(self.at(path))

    def read_json(self, path: str) -> Any:
        """The plain value in the file ``path``, None if there is none; `InputError` if it is damaged."""
        try:
            with self.open(path) as file:
                return json.loads(bytes(file.read()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise InputError(f"{self.shown}/{path}: cannot be read: {error}") from error

    def write_json(self, path: str, value: Any) -> None:
        """Write the plain ``value`` to ``path``, whole or not at all. Raises `OutputError`."""
        with self.whole_file(path) as file:
            file.write(json_text(value).encode())

    @contextmanager
    def _telling(self, path: str) -> Iterator[None]:
        """An `OSError` becomes an `OutputError` that names the file."""
        try:
            yield
        except OSError as error:
            if isinstance(error, ClipstrError):
                raise
            raise OutputError(f"{self.shown}/{path}: cannot be written: {error.strerror or error}") from error


def _arrow_filesystems() -> Any:
    arrow()
    from pyarrow import fs

    return fs


def _fsspec(address: str, shown: str) -> tuple[Any, str]:
    """fsspec's file system for ``address`` as Arrow's, and the path in it."""
    fs = _arrow_filesystems()
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MissingExtraError(f"{shown} needs fsspec: pip install 'clipstr[bulk]' ({error})") from error
    try:
        system, path = url_to_fs(address)
    except ImportError as error:
        raise MissingExtraError(f"{shown}: fsspec needs another package for it: {error}") from error
    except ValueError as error:
        raise InputError(f"{shown}: no file system that pyarrow or fsspec knows: {error}") from error
    return fs.PyFileSystem(fs.FSSpecHandler(system)), path
