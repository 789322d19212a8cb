"""Pages of PDFs are drawn in a process of their own, whose memory and time are bounded."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("pypdfium2")

import pypdfium2

import photographs
from bombs import laughing_pdf, packed_pdf, pdf_of
from clipstr.errors import (
    ClipstrError,
    DamagedImageError,
    ImageError,
    ImageNotFoundError,
    ImageTooLargeError,
)
from clipstr.scenes import pdfs
from clipstr.scenes.pages import pages_of
from clipstr.scenes.pdfs import PDF_DOTS, PdfLimits, pdf_pictures

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="this system has no bound of memory")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that are started in a test."""
    processes: list[subprocess.Popen[bytes]] = []
    really = subprocess.Popen

    def start(*given: Any, **options: Any) -> subprocess.Popen[bytes]:
        processes.append(really(*given, **options))
        return processes[-1]

    monkeypatch.setattr(pdfs.subprocess, "Popen", start)
    return processes


def tall_pages(count: int) -> bytes:
    """A PDF of pages that differ, one 100 pixels higher than the other."""
    pages = [Image.new("RGB", (300, 200 + 100 * number), (90 * number, 0, 200)) for number in range(count)]
    for number, page in enumerate(pages):
        page.paste((0, 255, number), (20, 20, 70, 90))
    return photographs.pdf_of(*pages)


def test_pages_are_those_that_pdfium_draws_in_this_process_to_the_pixel(tmp_path: Path) -> None:
    content = tall_pages(3)
    document = pypdfium2.PdfDocument(content)
    wanted = [np.asarray(page.render(scale=PDF_DOTS / 72).to_pil().convert("RGB")) for page in document]
    file = tmp_path / os.fsdecode(b"with a space, \xc3\xa9 and \xff.pdf")
    try:
        file.write_bytes(content)
    except OSError:  # a file system for Unicode alone
        file = tmp_path / "with a space.pdf"
        file.write_bytes(content)
    for source in (content, str(file)):
        pages = list(pages_of(source))
        assert [page.number for page in pages] == [1, 2, 3]
        assert all(np.array_equal(page.picture, right) for page, right in zip(pages, wanted, strict=True))


def test_one_process_draws_a_whole_document_and_is_gone_however_it_ends(
    started: list[subprocess.Popen[bytes]],
) -> None:
    assert len(list(pdf_pictures(tall_pages(3), "three"))) == 3
    some = pdf_pictures(tall_pages(3), "three")
    next(some)
    assert started[1].poll() is None
    some.close()
    with pytest.raises(DamagedImageError, match=r"nothing\.pdf.*damaged"):
        next(pdf_pictures(b"%PDF-1.7 and nothing", "nothing.pdf"))
    assert len(started) == 3
    assert all(process.returncode is not None for process in started)


@linux_only
def test_what_is_packed_in_a_pdf_gets_no_more_memory_than_it_may() -> None:
    content = packed_pdf(250)
    assert len(content) < 5000
    with pytest.raises(ImageTooLargeError, match="page 1 of the PDF needs more than 200 MB of memory"):
        next(pdf_pictures(content, "packed.pdf", PdfLimits(memory=200 << 20)))


@linux_only
def test_a_page_that_takes_too_long_is_ended_by_its_processor() -> None:
    began = time.monotonic()
    with pytest.raises(ImageTooLargeError, match=r"laughing\.pdf: page 1 .* more than 1 s of a processor"):
        next(pdf_pictures(laughing_pdf(), "laughing.pdf", PdfLimits(seconds=1)))
    assert time.monotonic() - began < 30  # two or so, where processors are free


def test_a_page_that_takes_too_long_is_ended_by_the_clock(started: list[subprocess.Popen[bytes]]) -> None:
    with pytest.raises(ImageTooLargeError, match=r"or 2 s in all"):
        next(pdf_pictures(laughing_pdf(), "laughing.pdf", PdfLimits(seconds=1000, patience=2)))
    assert started[0].returncode is not None


def test_time_is_counted_for_each_page_alone() -> None:
    """Whoever takes a picture slowly, or has many pages, is not punished for it."""
    pages = pdf_pictures(tall_pages(4), "four", PdfLimits(seconds=100, patience=2))
    heights = []
    for page in pages:
        heights.append(page.height)
        time.sleep(0.7)
    assert heights == [200, 300, 400, 500]


def test_every_verb_that_takes_pdfs_goes_on_after_a_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    from clipstr.bulk import ReadBatch
    from scenes import scene_reader

    pa = pytest.importorskip("pyarrow")
    monkeypatch.setattr("clipstr.scenes.pages.pdf_pictures", _small_bounds)
    sources = [laughing_pdf(), tall_pages(1)]
    bomb, good = scene_reader().stream(sources)
    assert isinstance(bomb.error, ImageTooLargeError)
    assert (good.error, good.page) == (None, 1)
    rows = ReadBatch(mode="scan", threads=1, second_looks=False)(pa.table({"image": sources})).to_pylist()
    assert rows[0]["error"].startswith("ImageTooLargeError: ")
    assert rows[1]["error"] is None


def _small_bounds(content: bytes | str, name: str, limits: PdfLimits) -> Any:
    return pdf_pictures(content, name, PdfLimits(seconds=1, patience=20))


def test_the_process_that_draws_knows_pdfium_and_nothing_else() -> None:
    code = (
        "import io, json, runpy, sys\n"
        "sys.path[:] = json.loads(sys.argv[1])\n"
        "program = runpy.run_path(sys.argv[2])\n"
        "wish = {'dots': 72, 'pixels': 10**6, 'memory': 2**30, 'seconds': 5, 'sent': True}\n"
        "out = io.BytesIO()\n"
        "program['draw'](wish, sys.stdin.buffer, out)\n"
        "assert out.getvalue().count(b'stride') == 1, out.getvalue()\n"
        "print(json.dumps(sorted(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, json.dumps(sys.path), str(pdfs._PROGRAM)],
        input=pdf_of(72, 36),
        capture_output=True,
        check=True,
    )
    loaded = set(json.loads(done.stdout))
    assert "pypdfium2" in loaded
    assert not loaded & {"clipstr", "numpy", "PIL", "torch", "onnxruntime", "multiprocessing"}


@linux_only
def test_the_process_that_draws_can_write_no_file(tmp_path: Path) -> None:
    code = (
        "import runpy, sys\n"
        "runpy.run_path(sys.argv[1])['_bound_memory'](2**30)\n"
        "open(sys.argv[2], 'w').write('x' * 10**6)\n"
    )
    command = [sys.executable, "-I", "-S", "-c", code, str(pdfs._PROGRAM), str(tmp_path / "written")]
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0
    assert (tmp_path / "written").stat().st_size == 0


def test_pdfs_are_drawn_in_threads_at_once() -> None:
    def sizes(count: int) -> list[tuple[int, int]]:
        return [page.picture.size for page in pages_of(tall_pages(count))]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(sizes, [1, 2, 3, 4]))
    assert [len(each) for each in found] == [1, 2, 3, 4]
    assert found[3][:3] == found[2]


def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    with pytest.raises(ImageNotFoundError, match=r"gone\.pdf"):
        next(pdf_pictures(str(tmp_path / "gone.pdf"), "gone.pdf"))


def test_without_a_python_there_is_an_error_that_is_not_the_pdfs(monkeypatch: pytest.MonkeyPatch) -> None:
    for executable, told in (("/bin/true", "did not start"), ("/none", "no process could be started")):
        monkeypatch.setattr(multiprocessing.spawn, "_python_exe", executable)
        with pytest.raises(ClipstrError, match=told) as raised:
            next(pages_of(pdf_of(72, 36)))
        assert not isinstance(raised.value, ImageError)
    monkeypatch.setattr(multiprocessing.spawn, "_python_exe", sys.executable)
    monkeypatch.setattr(sys, "frozen", True, raising=False)  # it would start this program again
    with pytest.raises(ClipstrError, match="knows no Python"):
        next(pages_of(pdf_of(72, 36)))
