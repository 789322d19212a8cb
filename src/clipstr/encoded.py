"""Encoded pictures: from paths, bytes and streams to Pillow's open picture, of the formats we know."""

from __future__ import annotations

import importlib
import io
import logging
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Union

from PIL import Image

from clipstr.errors import (
    DamagedImageError,
    EmptyImageError,
    ImageError,
    ImageNotFoundError,
    ImageTooLargeError,
    NotAnImageError,
)
from clipstr.forking import ObjectLocks, unforked

__all__ = ["Encoded", "content_of", "is_encoded", "not_decoded", "opened", "quietly", "without_notes"]

Encoded = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview, BinaryIO]

_log = logging.getLogger("clipstr")

_FORMATS = (  # where in the file, what stands there, Pillow's name of the format and of its plugin
    (0, (b"\x89PNG\r\n\x1a\n",), "PNG", "PngImagePlugin"),
    (0, (b"\xff\xd8\xff",), "JPEG", "JpegImagePlugin"),
    (8, (b"WEBP",), "WEBP", "WebPImagePlugin"),
    (0, (b"GIF87a", b"GIF89a"), "GIF", "GifImagePlugin"),
    (0, (b"BM",), "BMP", "BmpImagePlugin"),
    (0, (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "TIFF", "TiffImagePlugin"),
    (0, (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6"), "PPM", "PpmImagePlugin"),
    (0, (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"), "JPEG2000", "Jpeg2KImagePlugin"),
    (4, (b"ftypavif", b"ftypavis"), "AVIF", "AvifImagePlugin"),
    (4, (b"ftyphei", b"ftyphev", b"ftypmif1", b"ftypmsf1"), "HEIF", "HeifImagePlugin"),
)
_LONGEST_SIGNATURE = 16  # bytes
_BLOCK = 1 << 20  # bytes

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_PICTURE = frozenset((b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"))
"""The chunks without which a PNG is another picture; the others are notes on it (PNG, section 4.7)."""

_LACKING = ("unknown", "unsupported", "not supported", "unable to", "cannot handle", "not available")
"""What Pillow says of what it cannot do, and not of what is damaged."""

_locks = ObjectLocks()


@contextmanager
def content_of(source: Encoded, name: str) -> Iterator[BinaryIO]:
    """The encoded bytes of ``source`` as a file that Pillow can read, ``name`` being for messages.

    A stream of the caller's is read to its end at once, however little it gives at a time, and from its
    beginning if it can go there: other threads may be reading it, too. Raises an `ImageError`.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        yield io.BytesIO(source)
        return
    if isinstance(source, (str, os.PathLike)):
        with _file(source, name) as file:
            yield file if file.seekable() else io.BytesIO(_all_of(file, name))
        return
    if not hasattr(source, "read"):
        raise NotAnImageError(f"{name}: give a path, bytes, an open file, a Pillow image or an array")
    with _locks.of(source):
        content = _all_of(source, name)
    yield io.BytesIO(content)


def _file(source: str | os.PathLike[str], name: str) -> BinaryIO:
    if not os.fspath(source):
        raise ImageNotFoundError("the path of a picture is empty; is it from a variable that is not set?")
    path = Path(source)
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise ImageNotFoundError(f"{name}: there is no such file") from error
    except (OSError, ValueError) as error:
        # Windows speaks of a folder as of a missing permission.
        problem = "a folder, not a picture" if path.is_dir() else f"cannot be opened: {error}"
        raise ImageNotFoundError(f"{name}: {problem}") from error


def _all_of(stream: BinaryIO, name: str) -> bytes:
    """All bytes of a caller's stream."""
    texts = f"{name}: it gives texts and not bytes; open the file in binary mode, as open(path, 'rb') does"
    content, known = bytearray(), False
    try:
        if hasattr(stream, "seekable") and stream.seekable():
            stream.seek(0)
        while block := stream.read(_BLOCK if known else _LONGEST_SIGNATURE):
            if isinstance(block, str):
                raise NotAnImageError(texts)
            content += block
            if not known and len(content) >= _LONGEST_SIGNATURE:
                # Before the rest is taken: what is no picture may have no end.
                known = bool(_format(bytes(content[:_LONGEST_SIGNATURE]), name))
        return bytes(content)
    except UnicodeDecodeError as error:
        raise NotAnImageError(texts) from error
    except (OSError, ValueError, TypeError) as error:
        if isinstance(error, ImageError):
            raise
        raise ImageNotFoundError(f"{name}: cannot be read as a binary file: {error}") from error


def is_encoded(start: bytes) -> bool:
    """Whether ``start`` begins as a file of a format that we know."""
    return any(start[offset:].startswith(signatures) for offset, signatures, *_ in _FORMATS)


def opened(content: BinaryIO, name: str) -> Image.Image:
    """The picture in ``content``, its header read and nothing decoded yet. Raises an `ImageError`."""
    try:
        start = content.read(_LONGEST_SIGNATURE)
    except OSError as error:
        raise ImageNotFoundError(f"{name}: cannot be read: {error}") from error
    format_ = _format(start, name)
    if format_ == "JPEG":
        content = _with_its_last_byte(content, name)
    try:
        with quietly():
            return Image.open(content, formats=(format_,))
    except Image.DecompressionBombError as error:
        raise ImageTooLargeError(f"{name}: {error}") from error
    except Exception as error:  # Pillow's plugins raise nearly anything on damaged headers
        reason = _reason(content, format_)
        if reason is not None and _is_lacking(reason):
            raise NotAnImageError(
                f"{name}: a {format_} file of a kind that cannot be read here ({reason}); save it as PNG"
            ) from error
        raise DamagedImageError(f"{name}: a {format_} file, damaged or cut short at its beginning") from error


def _format(start: bytes, name: str) -> str:
    """Pillow's name of the format that begins with the bytes ``start``, its plugin being there."""
    if not start:
        raise EmptyImageError(f"{name}: empty, there are no bytes to read")
    for offset, signatures, format_, plugin in _FORMATS:
        if not start[offset:].startswith(signatures):
            continue
        try:
            if format_ not in Image.OPEN:
                with unforked():
                    Image.preinit()
                    importlib.import_module(f"PIL.{plugin}")
        except ImportError as error:  # HEIF's comes from another package
            raise NotAnImageError(f"{name}: Pillow cannot open {format_} here; save it as PNG") from error
        return format_
    raise NotAnImageError(f"{name}: no picture in a format we know; save it as PNG or JPEG")


def _with_its_last_byte(content: BinaryIO, name: str) -> BinaryIO:
    """A JPEG as it is, or with the last byte that copying it has lost: all of the picture is there."""
    content.seek(-2, os.SEEK_END)
    end = content.read()
    content.seek(0)
    if end[-1:] != b"\xff":
        return content
    _log.warning("%s: the file lacks its last byte, and is read without it", name)
    return io.BytesIO(content.read() + b"\xd9")


def _reason(content: BinaryIO, format_: str) -> Exception | None:
    """Why the format's plugin cannot open ``content``, in its own words: `PIL.Image.open` keeps them back."""
    try:
        content.seek(0)
        with quietly():
            Image.OPEN[format_][0](content, "")
    except Exception as error:
        return error
    return None


def _is_lacking(error: Exception) -> bool:
    return any(word in str(error).lower() for word in _LACKING)


def not_decoded(error: Exception, name: str) -> ImageError:
    """What to raise for Pillow's ``error`` in decoding: the picture is damaged, closed, or of a rare kind."""
    if isinstance(error, ValueError) and "closed" in str(error):
        return NotAnImageError(f"{name}: the picture, or the file that it is in, was closed; open it again")
    if _is_lacking(error) or "conversion from" in str(error):
        return NotAnImageError(f"{name}: of a kind that cannot be read here ({error}); save it as PNG")
    return DamagedImageError(f"{name}: the picture is damaged or cut short: {error}")


def without_notes(content: BinaryIO) -> BinaryIO | None:
    """A PNG's picture without its notes, over some of which Pillow stumbles; None where there are none.

    Texts and profiles of more than a megabyte, or with a wrong checksum, keep it from reading the picture.
    """
    content.seek(0)
    whole = content.read()
    if not whole.startswith(_PNG):
        return None
    kept, place = [_PNG], len(_PNG)
    while place + 12 <= len(whole):
        (length,) = struct.unpack_from(">I", whole, place)
        kind, end = whole[place + 4 : place + 8], place + 12 + length
        if kind in _PNG_PICTURE or (kind == b"eXIf" and _is_right(whole[place + 4 : end])):
            kept.append(whole[place:end])
        place = end
    stripped = b"".join(kept)
    return io.BytesIO(stripped) if len(stripped) < len(whole) else None


def _is_right(chunk: bytes) -> bool:
    """Whether a PNG's chunk, from its kind to its end, has the checksum that it says."""
    return struct.pack(">I", zlib.crc32(chunk[:-4])) == chunk[-4:]


@contextmanager
def quietly() -> Iterator[None]:
    """Pillow's warnings are not shown: we have limits and errors of our own.

    Python keeps one list of warning filters for all threads, so only one may change it at a time, and
    whatever takes long is better done outside.
    """
    with _locks.of(warnings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield
