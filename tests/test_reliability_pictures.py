"""Pictures of strangers: bombs, damaged ones, and what is none. Longer: benchmarks/hardening/pictures.py."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

pytest.importorskip("pyarrow")

from bombs import bombs, pdf_of, seconds_to_refuse, sound_pictures
from clipstr.errors import ImageTooLargeError
from clipstr.imaging import load_image
from hardening import read_mutated_pictures


@pytest.mark.parametrize("kind", bombs())
def test_a_bomb_is_refused_by_its_header_within_50_milliseconds(kind: str) -> None:
    refused, seconds = seconds_to_refuse(bombs()[kind])
    assert refused == "ImageTooLargeError"
    assert seconds < 0.05


@pytest.mark.parametrize("size", [(14_400, 14_400), (10**9, 1), (6_000, 3_000)])
def test_a_page_of_a_pdf_that_is_too_large_is_refused_before_it_is_drawn(size: tuple[int, int]) -> None:
    pytest.importorskip("pypdfium2")
    from clipstr.scenes.pages import pages_of

    (small,) = pages_of(pdf_of(72, 36))
    assert small.picture.size == (200, 100)
    began = time.process_time()
    with pytest.raises(ImageTooLargeError, match="page 1 of the PDF is"):
        next(pages_of(pdf_of(*size)))
    assert time.process_time() - began < 0.05


ONLY_LISTED = """
import io, sys

def watch(event, arguments):
    if event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.startfile"):
        raise SystemExit(f"{event} {arguments}")

sys.addaudithook(watch)
from PIL import Image
from clipstr.errors import ImageError
from clipstr.encoded import _FORMATS
from clipstr.imaging import load_image

listed = {format_ for _, _, format_, _ in _FORMATS}
Image.init()
picture, opened, refused = Image.new("RGB", (16, 16), "red"), set(), set()
foreign = {
    "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\\n%%BoundingBox: 0 0 10 10\\nshowpage\\n",
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
    "PSD": b"8BPS" + bytes([0, 1] + [0] * 6 + [0, 3, 0, 0, 0, 9, 0, 0, 0, 9, 0, 8, 0, 3]) + bytes(200),
    "WMF": b"\\xd7\\xcd\\xc6\\x9a" + bytes(200),
    "PostScript by a false ending": b"%!PS\\n(x) show\\n",
    "pickle": b"\\x80\\x04\\x95" + bytes(50),
    "zip": b"PK\\x03\\x04" + bytes(50),
}
for format_ in sorted(Image.SAVE):
    for mode in ("RGB", "L", "1", "P"):
        buffer = io.BytesIO()
        try:
            picture.convert(mode).save(buffer, format_)
        except SystemExit as stopped:
            break  # a program would be needed to write it
        except Exception:
            continue
        foreign[format_] = buffer.getvalue()
        break
for name, content in foreign.items():
    try:
        load_image(content)
        opened.add(name)
    except ImageError as error:
        refused.add((name, type(error).__name__))
may = listed | {"DIB", "SPIDER", "MPO", "PNG", "HEIF"}
assert opened <= may, opened - may
assert {"PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM"} <= opened, opened
for name in ("EPS", "SVG", "PSD", "PDF", "IM", "TGA"):
    assert (name, "NotAnImageError") in refused, refused
"""


def test_only_listed_formats_are_opened_and_no_program_is_started() -> None:
    done = subprocess.run([sys.executable, "-c", ONLY_LISTED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_damaged_pictures_of_every_format_are_errors_of_ours_or_pictures_and_hang_nothing() -> None:
    assert all(min(load_image(content).size) > 0 for content in sound_pictures().values())
    found = read_mutated_pictures(600)
    assert found.total() == 600
    errors = {"DamagedImageError", "NotAnImageError", "ImageTooLargeError", "EmptyImageError"}
    assert {outcome for _, outcome in found} <= {"a picture", *errors}
    assert {kind for kind, _ in found} == {kind.partition(" ")[0] for kind in sound_pictures()}
