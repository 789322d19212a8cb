"""Standard streams that may be closed, full, or of an encoding that lacks a letter."""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, TextIO, cast

from clipstr.errors import OutputError

__all__ = ["ClosedStream", "open_streams", "standard_input", "standard_output"]

_NAMES = ("standard input", "standard output", "standard error")
_ESCAPING = "clipstr-escape"


class _Guarded:
    """A standard stream; an error of writing is an `OutputError` that names it, or is passed over.

    A reader that has enough (`BrokenPipeError`) stays what it is on standard output.
    """

    def __init__(self, stream: TextIO, number: int, *, forgiving: bool) -> None:
        self._stream, self._number, self._forgiving = stream, number, forgiving
        self._broken: OSError | None = None

    def write(self, text: str) -> int:
        """How many characters were written."""
        if self._broken is not None:
            self._failed(self._broken)
        try:
            self._stream.write(text)
        except OSError as error:
            self._failed(error)
        return len(text)

    def flush(self) -> None:
        """Hands everything to the system."""
        if self._broken is not None:
            self._failed(self._broken)
        try:
            self._stream.flush()
        except OSError as error:
            self._failed(error)

    def _failed(self, error: OSError) -> None:
        if self._broken is None:
            # Python would complain again when it flushes what is left, and so would libraries in C.
            _to_nowhere(self._stream)
            self._broken = error  # and who passes over an error (Typer does) meets it again
        if self._forgiving:
            return
        if isinstance(error, BrokenPipeError):
            raise error
        raise OutputError(f"{_NAMES[self._number]} cannot be written: {error.strerror or error}") from error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class ClosedStream(io.StringIO):
    """In the place of a standard stream that was closed when the program began."""

    def __init__(self, number: int, *, forgiving: bool) -> None:
        super().__init__()
        self._name, self._forgiving = _NAMES[number], forgiving

    def write(self, text: str) -> int:
        """How many characters were thrown away; raises `OutputError` if results are not to be lost."""
        if self._forgiving:
            return len(text)
        raise OutputError(f"{self._name} is closed: there is nowhere to write to")


class _ClosedInput(io.RawIOBase):
    """In the place of standard input if it was closed: reading says so."""

    name = _NAMES[0]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        raise OSError("it is closed")


def standard_input() -> BinaryIO:
    """The bytes of standard input; if it is closed, a stream that says so when it is read."""
    if sys.stdin is None or getattr(sys.stdin, "closed", False):
        return cast("BinaryIO", _ClosedInput())
    return sys.stdin.buffer


class _Bytes(io.RawIOBase):
    """The bytes of standard output; an error of writing is one of `_Guarded`."""

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        """How many bytes were written: all."""
        if isinstance(sys.stdout, ClosedStream):
            sys.stdout.write("")
        try:
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()
        except OSError as error:
            if not isinstance(sys.stdout, _Guarded):
                raise
            sys.stdout._failed(error)
        return memoryview(content).nbytes


def standard_output() -> BinaryIO:
    """Standard output for bytes. What is written goes out at once; raises `OutputError` if it cannot."""
    return cast("BinaryIO", _Bytes())


@contextmanager
def open_streams() -> Iterator[None]:
    """Standard output and standard error that can be written to, whatever they are, until the block ends."""
    for number in range(3):
        # A file that is opened must not become a standard stream because that one was closed.
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if number == 0 else os.O_WRONLY)
    before = sys.stdout, sys.stderr
    errors = getattr(sys.stdout, "errors", None)
    sys.stdout = _guarded(sys.stdout, 1, forgiving=False)
    sys.stderr = _guarded(sys.stderr, 2, forgiving=True)
    _escape_what_is_lacking(sys.stdout, _ESCAPING)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        _escape_what_is_lacking(sys.stdout, errors)
        sys.stdout, sys.stderr = before


def _guarded(stream: TextIO | None, number: int, *, forgiving: bool) -> TextIO:
    if stream is None:
        return ClosedStream(number, forgiving=forgiving)
    return cast("TextIO", _Guarded(stream, number, forgiving=forgiving))


def _escape_what_is_lacking(stream: TextIO, errors: str | None) -> None:
    """What the encoding of ``stream`` lacks is escaped, but names that are no text go out as they came in."""
    codecs.register_error(_ESCAPING, _escaped)
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None and errors is not None:
        with suppress(OSError):
            reconfigure(errors=errors)


def _escaped(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    character = error.object[error.start]
    if "\udc80" <= character <= "\udcff":
        return bytes([ord(character) - 0xDC00]), error.start + 1
    return character.encode("ascii", "backslashreplace").decode("ascii"), error.start + 1


def _to_nowhere(stream: TextIO) -> None:
    """The file that ``stream`` writes to, if it has one, is nothing from now on."""
    with suppress(OSError, ValueError):
        number = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)
