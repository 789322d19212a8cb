"""Files, written whole or not at all, and texts read back as they were written.

Who writes goes through here: into a file beside the final one, flushed to the disk, then renamed, so that at
every moment the old content or the new one is there and nothing between. What cannot be written is an
`OutputError`, which says where and why; a place that cannot be written can be found out before the work.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from clipstr.errors import ClipstrError, InputError, OutputError

__all__ = [
    "file_sha256",
    "flush_folder",
    "json_line",
    "json_text",
    "make_folder",
    "mend_folder",
    "partial_path",
    "path_below",
    "read_text",
    "regular_bytes",
    "replace_folder",
    "require_space",
    "require_writable_file",
    "require_writable_folder",
    "text_lines",
    "whole_file",
    "write_bytes",
    "write_json",
    "write_text",
    "writing",
]

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # the byte order marks
_LINE_ENDS_OF_OTHERS = {code: f"\\u{code:04x}" for code in (0x7F, 0x85, 0x2028, 0x2029)}
_LINE_END = re.compile(r"\r\n|\n|\r")


@contextmanager
def whole_file(path: str | Path) -> Iterator[BinaryIO]:
    """A file to write into, which becomes ``path`` at the end of the ``with`` block.

    An error in the block leaves ``path`` as it was. A link is followed; what is no regular file (a pipe,
    ``/dev/null``) is written at once. Raises `OutputError`, also for an `OSError` of the block.
    """
    final = Path(path).resolve() if Path(path).is_symlink() else Path(path)
    with writing(path):
        if final.exists() and not final.is_file():
            with final.open("wb") as file:
                yield file
            return
        partial = partial_path(final)
        try:
            with partial.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if final.exists():
                shutil.copymode(final, partial)
            partial.replace(final)
        except BaseException:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            raise
        flush_folder(final.parent)


def partial_path(path: Path) -> Path:
    """The file beside ``path`` that holds its content until it is whole."""
    return path.with_name(path.name + ".partial")


def write_bytes(path: str | Path, content: bytes) -> None:
    """Write ``content`` to ``path``, whole or not at all; there must be space. Raises `OutputError`."""
    require_space(path, len(content))
    with whole_file(path) as file:
        file.write(content)


def write_text(path: str | Path, text: str) -> None:
    """Write ``text`` to ``path`` in UTF-8, its line ends as they are; as `write_bytes`."""
    write_bytes(path, text.encode())


def write_json(path: str | Path, value: Any) -> None:
    """Write the plain ``value`` to ``path`` as `json_text` gives it; as `write_bytes`."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """``value`` as JSON, indented, with an end of line; a NaN in it is a ValueError.

    Letters stay as they are, unless there is a file's name in it that is no text.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2, allow_nan=False) + "\n"
    return text


def json_line(value: Any) -> str:
    """``value`` as JSON on one line, with its end.

    It is one line for every program: some end lines at U+2028 and the like, too.
    """
    text = json.dumps(value, ensure_ascii=False).translate(_LINE_ENDS_OF_OTHERS)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(value)
    return text + "\n"


def make_folder(path: str | Path) -> Path:
    """The folder ``path``, made if it was not there, with those above it. Raises `OutputError`."""
    with writing(path):
        Path(path).mkdir(parents=True, exist_ok=True)
    return Path(path)


def replace_folder(folder: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a new folder and put it in the place of ``folder``.

    If the process dies between the two renames, `mend_folder` brings the old one back. Raises
    `OutputError`, and whatever ``write`` does, the old one left in its place.
    """
    new, old = partial_path(folder), _old_path(folder)
    with writing(folder):
        shutil.rmtree(new, ignore_errors=True)
        try:
            write(new)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
        mend_folder(folder)
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
        flush_folder(folder.parent)
        shutil.rmtree(old, ignore_errors=True)


def mend_folder(folder: Path) -> None:
    """Undo what an interrupted `replace_folder` left half done. Raises `OutputError`."""
    old = _old_path(folder)
    with writing(folder):
        if old.exists() and not folder.exists():
            old.rename(folder)
        shutil.rmtree(old, ignore_errors=True)


def _old_path(folder: Path) -> Path:
    return folder.with_name(folder.name + ".old")


def flush_folder(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power cut, where the system lets folders be flushed."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)


def require_space(path: str | Path, size: int) -> None:
    """Raises `OutputError` if the disk of ``path``, which need not be there, has less than ``size`` bytes."""
    place = _nearest(Path(path))
    try:
        free = shutil.disk_usage(place).free
    except OSError:
        return  # a system that does not say: the writing itself will
    if free < size:
        raise OutputError(
            f"{path}: {size / 1e6:,.1f} MB are to be written, and {free / 1e6:,.1f} MB are free on that disk"
        )


def require_writable_file(path: str | Path) -> None:
    """Raises `InputError` if the file ``path`` could not be written: called before the work, not after it.

    Its folder must be there. Nothing is changed.
    """
    file = Path(path)
    if file.is_dir():
        raise InputError(f"{path}: a folder is there; give a file to write")
    if not file.parent.is_dir():
        raise InputError(f"{path}: there is no folder {file.parent} to write into")
    if file.exists() and not os.access(file, os.W_OK):
        raise InputError(f"{path}: cannot be written: no permission")
    if not file.exists() or file.is_file():
        _try_in(file.resolve().parent, path)


def require_writable_folder(path: str | Path) -> None:
    """Raises `InputError` if the folder ``path`` could not be made and written into; it leaves nothing."""
    folder = Path(path)
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    made: list[Path] = []
    try:
        for place in reversed(missing):
            place.mkdir(exist_ok=True)
            made.append(place)
        if not folder.is_dir():
            raise InputError(f"{path}: a file is there; give a folder to write")
        _try_in(folder, path)
    except OSError as error:
        raise InputError(f"{path}: no folder that can be written: {_reason(error)}") from error
    finally:
        with suppress(OSError):
            for place in reversed(made):
                place.rmdir()


def _try_in(folder: Path, path: str | Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {_reason(error)}") from error


def _nearest(path: Path) -> Path:
    """The first of ``path`` and what is above it that is there."""
    return next((place for place in (path, *path.absolute().parents) if place.exists()), Path())


def read_text(path: str | Path, *, error: type[ClipstrError] = InputError) -> str:
    """The text in the file ``path``, in UTF-8 with or without a mark at its start; else ``error`` is raised.

    Line ends stay as they are: `text_lines` takes it apart.
    """
    try:
        content = Path(path).read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as reason:
        raise error(f"{path}: cannot be read: {_reason(reason)}") from reason
    except UnicodeDecodeError as reason:
        hint = "it is in UTF-16" if content.startswith(_UTF_16) else f"it is not in UTF-8 ({reason})"
        raise error(f"{path}: cannot be read: {hint}; save it as UTF-8") from reason
    if "\0" in text:
        raise error(f"{path}: cannot be read: it has zero bytes, as UTF-16 has; save it as UTF-8")
    return text


def path_below(folder: Path, name: str) -> Path:
    """What ``name`` means in ``folder``, without the white space around it.

    Raises ValueError for what leaves the folder or is nothing: a stranger's set must not read other files.
    """
    path = Path(name.strip())
    if not name.strip() or path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{name!r} is no path below its folder")
    return folder / path


def regular_bytes(path: str | Path, most: int = -1) -> bytes:
    """The content of the regular file ``path``, of which at most ``most`` bytes. Raises `OSError`.

    What a stranger's folder holds by a known name may be a pipe, which nobody ever fills, or a link to a
    device without end: neither is opened.
    """
    if not stat.S_ISREG(Path(path).stat().st_mode):
        raise OSError(errno.EINVAL, "a folder, a pipe or a device, and no regular file")
    with Path(path).open("rb") as file:
        return file.read(most)


def text_lines(text: str) -> list[str]:
    """The lines of ``text`` without their ends, which are LF, CR LF or CR and nothing else.

    `str.splitlines` also breaks at nine characters that stand in texts (U+2028, U+0085, form feeds).
    """
    lines = _LINE_END.split(text)
    return lines if lines[-1] else lines[:-1]


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file of any size, in hexadecimal. Raises `OSError`."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """An `OSError` of the block becomes an `OutputError` that names ``path``; errors of ours pass."""
    try:
        yield
    except OSError as error:
        if isinstance(error, ClipstrError):
            raise
        raise OutputError(f"{path}: cannot be written: {_reason(error)}") from error


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
