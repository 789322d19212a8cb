"""The pages of a PDF as pictures, drawn by a process of its own whose memory and time are bounded."""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from PIL import Image

from clipstr.errors import (
    ClipstrError,
    DamagedImageError,
    EmptyImageError,
    ImageError,
    ImageNotFoundError,
    ImageTooLargeError,
    MissingExtraError,
)
from clipstr.imaging import MAX_PIXELS

__all__ = ["PDF_DOTS", "PdfLimits", "pdf_pictures"]

PDF_DOTS = 200.0  # an inch, of a page's picture
_PROGRAM = Path(__file__).with_name("pdf_drawing.py")
_LONGEST = 4096  # bytes of a line that answers


@dataclass(frozen=True, kw_only=True)
class PdfLimits:
    """What a PDF may cost. On Windows there is the clock alone, and macOS has no bound of memory."""

    memory: int = 1 << 30  # bytes that PDFium may take, beside the PDF itself
    seconds: float = 10.0  # of a processor, a page
    patience: float = 60.0  # seconds on the clock, a page


_USUAL = PdfLimits()


def pdf_pictures(content: bytes | str, name: str, limits: PdfLimits = _USUAL) -> Iterator[Image.Image]:
    """The pages of the PDF with that ``content``, or at that path, in RGB at `PDF_DOTS`, one by one.

    While a page is in use the next is drawn. Raises an `ImageError` of the kind that tells what is wrong with
    the PDF called ``name``, `MissingExtraError` without PDFium, and `ClipstrError` if no process can be
    started.
    """
    if importlib.util.find_spec("pypdfium2") is None:
        raise MissingExtraError(
            f"{name}: pages of a PDF need the package pypdfium2: pip install 'clipstr[scenes]'"
        )
    with _started(content, name, limits) as drawing:
        for index in range(drawing.count()):
            yield drawing.page(index + 1)


class _Drawing:
    """The process that draws the PDF ``name``, and what it answers."""

    def __init__(self, process: subprocess.Popen[bytes], name: str, limits: PdfLimits) -> None:
        self.process, self.name, self.limits = process, name, limits
        assert process.stdout is not None
        self.answers: IO[bytes] = process.stdout
        self.late = False

    def send(self, content: bytes) -> None:
        """Lets the process have the PDF's bytes."""
        assert self.process.stdin is not None
        with self._hurry(), suppress(BrokenPipeError), self.process.stdin as sent:
            sent.write(content)

    def count(self) -> int:
        """How many pages there are, one at least."""
        with self._hurry():
            count = self._answer("the PDF").get("pages")
        if not isinstance(count, int) or count < 1:
            raise EmptyImageError(f"{self.name}: the PDF has no pages")
        return count

    def page(self, number: int) -> Image.Image:
        """The picture of the page ``number``, from 1, which comes after the last one."""
        what = f"page {number} of the PDF"
        with self._hurry():
            said = self._answer(what)
            width, height, stride = (int(said.get(key, 0)) for key in ("width", "height", "stride"))
            if not (0 < width * height <= MAX_PIXELS and 3 * width <= stride < 3 * width + 64):
                raise DamagedImageError(f"{self.name}: {what} was drawn as no picture")
            pixels = self.answers.read(stride * height)
            if len(pixels) < stride * height:
                raise self._ended(what)
        return Image.frombuffer("RGB", (width, height), pixels, "raw", "BGR", stride, 1)

    def expect(self) -> None:
        """Waits until the process is there; raises `ClipstrError` if it never is."""
        with self._hurry():
            line = self.answers.readline(_LONGEST)
        if b"ready" not in line:
            raise ClipstrError(
                f"{self.name}: the Python that draws a PDF's pages did not start ({self.process.args!r}); "
                "where one is, multiprocessing.set_executable says"
            )

    def _answer(self, what: str) -> dict[str, Any]:
        """The next answer; raises an `ImageError` if it is that something is wrong with ``what``, or none."""
        line = self.answers.readline(_LONGEST)
        if not line.endswith(b"\n"):
            raise self._ended(what)
        said: dict[str, Any] = json.loads(line)
        kind, message = said.get("error"), said.get("message")
        if kind == "damaged":
            raise DamagedImageError(f"{self.name}: {what} is damaged, or locked by a password: {message}")
        if kind == "large":
            raise ImageTooLargeError(
                f"{self.name}: {what} is {message} points, more than {MAX_PIXELS} pixels at {PDF_DOTS:.0f} "
                "dots an inch; make it smaller"
            )
        if kind == "memory":
            raise self._costly(what)
        return said

    def _ended(self, what: str) -> ImageError:
        """Why the process ended before it had drawn ``what``."""
        code = self.process.wait()
        if self.late or (code < 0 and signal.Signals(-code).name == "SIGXCPU"):
            return ImageTooLargeError(
                f"{self.name}: {what} took more than {self.limits.seconds:g} s of a processor to draw, or "
                f"{self.limits.patience:g} s in all"
            )
        if code == -signal.SIGABRT:  # so ends PDFium if it gets no memory
            return self._costly(what)
        return DamagedImageError(f"{self.name}: PDFium broke down over {what} (exit status {code})")

    def _costly(self, what: str) -> ImageError:
        megabytes = self.limits.memory >> 20
        return ImageTooLargeError(f"{self.name}: {what} needs more than {megabytes} MB of memory to be drawn")

    @contextmanager
    def _hurry(self) -> Iterator[None]:
        """A stretch after which the process is ended if it lasts too long."""
        timer = threading.Timer(self.limits.patience, self._end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _end(self) -> None:
        self.late = True
        self.process.kill()


@contextmanager
def _started(content: bytes | str, name: str, limits: PdfLimits) -> Iterator[_Drawing]:
    """The process that draws, which ends with this."""
    wish = {
        "path": sys.path,
        "dots": PDF_DOTS,
        "pixels": MAX_PIXELS,
        "memory": limits.memory,
        "seconds": limits.seconds,
        "sent": isinstance(content, bytes),
    }
    with _input(content, name) as source:
        try:
            process = subprocess.Popen(
                [_python(name), "-I", "-S", str(_PROGRAM), json.dumps(wish)],
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            raise ClipstrError(f"{name}: no process could be started to draw its pages: {error}") from error
    try:
        drawing = _Drawing(process, name, limits)
        drawing.expect()
        if isinstance(content, bytes):
            drawing.send(content)
        yield drawing
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


@contextmanager
def _input(content: bytes | str, name: str) -> Iterator[IO[bytes] | int]:
    """What is the process's standard input."""
    if isinstance(content, bytes):
        yield subprocess.PIPE
        return
    try:
        file = Path(content).open("rb")  # noqa: SIM115
    except OSError as error:
        raise ImageNotFoundError(f"{name}: the PDF cannot be opened: {error}") from error
    with file:
        yield file


def _python(name: str) -> str:
    """The Python that runs processes, as `multiprocessing` has it."""
    from multiprocessing import spawn  # as late as that, for it takes its time

    executable = spawn.get_executable()
    if not executable or (getattr(sys, "frozen", False) and executable == sys.executable):
        raise ClipstrError(
            f"{name}: pages of a PDF are drawn by a process of Python, and this program knows no Python; say "
            "where one is by multiprocessing.set_executable"
        )
    return executable.decode() if isinstance(executable, bytes) else str(executable)
