"""The picture files that paths, folders and patterns mean."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

__all__ = ["PICTURE_SUFFIXES", "find_pictures", "is_picture"]

PICTURE_SUFFIXES = frozenset(
    {
        *(".avif", ".bmp", ".dib", ".gif", ".heic", ".heif", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg"),
        *(".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
    }
)
"""Endings of the files in a folder that are taken for pictures; a file that is named may have any."""

_SEPARATOR = re.compile("[/\\\\]+" if os.sep == "\\" else "/+")
_PATTERN = re.compile(r"[*?\[]")

Told = Callable[[str], None]


def find_pictures(
    paths: Iterable[str], *, told: Told, failed: Told, suffixes: frozenset[str] = PICTURE_SUFFIXES
) -> list[str]:
    """The files that ``paths`` mean, in order, each once; missing ones stay, to be told in their turn.

    A folder means every picture in and below it by its ending, hidden ones aside; a link to a folder below it
    is left out and ``told``. What is there is taken by its name, whatever characters that has; else ``*``,
    ``?``, ``[...]`` and ``**`` stand for names. A pattern means pictures only, as a folder does, unless its
    last part has an ending (``*.dat``). ``failed`` hears of folders that cannot be opened; ``suffixes`` are
    the endings of pictures, in small letters.
    """
    search = _Search(told, failed, suffixes)
    files: list[str] = []
    seen: set[tuple[str, str]] = set()
    again = 0
    for path in paths:
        for file in search.meant_by(path):
            key = search.identity(file)
            if key in seen and file != "-":
                again += 1
                continue
            seen.add(key)
            files.append(file)
    if again:
        told(f"{again} named more than once: each picture is taken once")
    return files


def is_picture(name: str, suffixes: frozenset[str] = PICTURE_SUFFIXES) -> bool:
    """Whether a file called ``name`` is taken for a picture where it is not named itself."""
    return Path(name).suffix.lower() in suffixes


class _Search:
    """Looks for files, and tells what it leaves out."""

    def __init__(self, told: Told, failed: Told, suffixes: frozenset[str]) -> None:
        self.told, self.failed, self.suffixes = told, failed, suffixes
        self._real_folders: dict[str, str] = {}

    def identity(self, file: str) -> tuple[str, str]:
        """What tells ``file`` from others: its real folder and its own name, so that links to files count."""
        folder, name = os.path.split(file)
        if folder not in self._real_folders:
            self._real_folders[folder] = os.path.realpath(folder)
        return self._real_folders[folder], name

    def meant_by(self, path: str) -> list[str]:
        """The files that one path means."""
        if path == "-" or os.path.lexists(path):
            return self._below(path) if Path(path).is_dir() else [path]
        if not _PATTERN.search(path):
            return [path]
        parts = _SEPARATOR.split(path)
        any_ending = "." in parts[-1]
        found: dict[str, None] = {}
        for match in self._matches("", parts):
            if Path(match).is_dir():
                found |= dict.fromkeys(self._below(match))
            elif (any_ending or is_picture(match, self.suffixes)) and not self._is_endless(Path(match)):
                found[match] = None
        return sorted(found) or [path]

    def _below(self, folder: str) -> list[str]:
        """The pictures in ``folder`` and the folders below, sorted."""
        found = [
            str(Path(root) / name)
            for root, names in self._folders(folder)
            for name in names
            if is_picture(name, self.suffixes)
            and not name.startswith(".")
            and not self._is_endless(Path(root) / name)
        ]
        if not found:
            self.told(f"{folder}: no pictures in this folder")
        return sorted(found)

    def _is_endless(self, file: Path) -> bool:
        """Whether ``file`` is a pipe or a device, which may never end: it is told, and left out.

        A link that leads nowhere is none: its turn tells what is wrong.
        """
        if file.is_file() or not file.exists():
            return False
        self.told(f"{file}: a pipe or a device, left out; name it to take it, too")
        return True

    def _folders(self, top: str) -> Iterator[tuple[str, list[str]]]:
        """``top`` and the folders below that are not hidden, with the names of their files."""

        def closed(error: OSError) -> None:
            self.failed(f"{error.filename}: the folder cannot be opened: {error.strerror}")

        for root, folders, names in os.walk(top or ".", onerror=closed):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in folders:
                if (Path(root) / name).is_symlink():  # os.walk does not enter it
                    self.told(f"{Path(root) / name}: a link to a folder, left out; name it to take it, too")
            yield root, names

    def _matches(self, folder: str, parts: list[str]) -> Iterator[str]:
        """What is there by the pattern ``parts`` below ``folder``."""
        if not parts:
            yield folder
            return
        name, *rest = parts
        there = os.path.join(folder, name) if folder or name else os.sep  # noqa: PTH118
        if name == "**":
            yield from self._matches_below(folder, rest)
        elif not _PATTERN.search(name) or os.path.lexists(there):
            if not rest or Path(there).is_dir():
                yield from (there,) if not rest and os.path.lexists(there) else self._matches(there, rest)
        else:
            for entry in self._names(folder):
                hidden = entry.startswith(".") and not name.startswith(".")
                below = os.path.join(folder, entry)  # noqa: PTH118
                if fnmatch.fnmatch(entry, name) and not hidden and (not rest or Path(below).is_dir()):
                    yield from self._matches(below, rest)

    def _matches_below(self, top: str, rest: list[str]) -> Iterator[str]:
        for root, names in self._folders(top):
            place = root if top else os.path.normpath(root).removeprefix(".")  # "sub", and not "./sub"
            if rest and rest != ["*"]:
                yield from self._matches(place, rest)
            else:  # the folders come in their turn
                yield from (os.path.join(place, name) for name in names if not name.startswith("."))  # noqa: PTH118

    def _names(self, folder: str) -> list[str]:
        try:
            return sorted(os.listdir(folder or "."))  # noqa: PTH208
        except OSError as error:
            self.failed(f"{folder}: the folder cannot be opened: {error.strerror}")
            return []
