"""The program that draws the pages of a PDF, in a process of its own whose memory and time are bounded.

`clipstr.scenes.pdfs` starts it, with its wishes as JSON in the first argument and the PDF as standard input;
it answers on standard output with lines of JSON, those of pages followed by their pixels. What is packed in a
PDF shows only when PDFium unpacks it: a stream of 2 GB fits in 4 kB. PDFium then ends, and this process too.

It is run as a file, without the package around it: it shall start at once, and know nothing but PDFium.
"""

from __future__ import annotations

import json
import math
import os
import sys
from typing import IO, Any

__all__ = ["draw"]

_POINTS = 72.0  # an inch


def draw(wish: dict[str, Any], source: IO[bytes], out: IO[bytes]) -> None:
    """Answers with the count of pages of the PDF ``source`` and with each page, or with what is wrong.

    ``wish`` has ``dots`` an inch, the most ``pixels`` of a page, ``memory`` in bytes and ``seconds`` of a
    processor for a page, and whether the source is ``sent`` by a pipe, and so read at once, or a file.
    """
    import pypdfium2

    _answer(out, ready=True)
    try:
        content = source.read() if wish["sent"] else source
        _bound_memory(wish["memory"] + (len(content) if isinstance(content, bytes) else 0))
        _bound_time(wish["seconds"])
        document = pypdfium2.PdfDocument(content)
        _answer(out, pages=len(document))
        for index in range(len(document)):
            _bound_time(wish["seconds"])
            if not _draw_page(document, index, wish, out):
                return
    except pypdfium2.PdfiumError as error:
        _answer(out, error="damaged", message=str(error))
    except MemoryError:
        _answer(out, error="memory", message="")


def _draw_page(document: Any, index: int, wish: dict[str, Any], out: IO[bytes]) -> bool:
    """Answers with a page; False if it would have too many pixels: then it is told, and not drawn."""
    page = document[index]
    width, height = page.get_size()
    scale = wish["dots"] / _POINTS
    if math.ceil(width * scale) * math.ceil(height * scale) > wish["pixels"]:
        _answer(out, error="large", message=f"{width:.0f}x{height:.0f}")
        return False
    bitmap = page.render(scale=scale)
    size = {"width": bitmap.width, "height": bitmap.height, "stride": bitmap.stride}
    _answer(out, **size, mode=bitmap.mode)
    out.write(bitmap.buffer)
    out.flush()
    page.close()
    return True


def _answer(out: IO[bytes], **values: Any) -> None:
    out.write(json.dumps(values).encode() + b"\n")
    out.flush()


def _bound_memory(most: int) -> None:
    """From here on this process gets ``most`` bytes, and writes no files, where systems can see to it."""
    try:
        import resource
    except ImportError:  # Windows
        return
    for kind, bound in ((resource.RLIMIT_AS, most), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        try:
            hard = resource.getrlimit(kind)[1]
            within = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
            resource.setrlimit(kind, (within, hard))
        except (OSError, ValueError):
            continue  # macOS knows no bound of memory


def _bound_time(seconds: float) -> None:
    """From here on this process gets so many seconds of a processor, where systems can see to it."""
    try:
        import resource
    except ImportError:  # Windows
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    bound = math.ceil(used.ru_utime + used.ru_stime + seconds)
    resource.setrlimit(
        resource.RLIMIT_CPU, (bound if hard == resource.RLIM_INFINITY else min(bound, hard), hard)
    )


if __name__ == "__main__":
    wishes = json.loads(sys.argv[1])
    sys.path[:] = wishes["path"]
    try:
        with os.fdopen(0, "rb", closefd=False) as given, os.fdopen(1, "wb", closefd=False) as answers:
            draw(wishes, given, answers)
    except OSError:
        sys.exit(1)  # nobody listens any more
