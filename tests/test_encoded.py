"""`clipstr.encoded`: what a picture lies in never spoils it, and what is wrong is called by its name."""

from __future__ import annotations

import io
import logging
import os
import struct
import threading
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from clipstr.errors import DamagedImageError, ImageError, ImageNotFoundError, NotAnImageError
from clipstr.imaging import load_image, picture_size
from pictures import assert_same, encoded, quarters


class Drip(io.RawIOBase):
    """A stream that gives a byte at a time, and cannot go back."""

    def __init__(self, content: bytes) -> None:
        self.content = io.BytesIO(content)

    def read(self, size: int = -1) -> bytes:
        return self.content.read(1)

    def readable(self) -> bool:
        return True


class SeekingDrip(Drip):
    """It can go back."""

    def seekable(self) -> bool:
        return True

    def seek(self, place: int, whence: int = 0) -> int:
        return self.content.seek(place, whence)


@pytest.mark.parametrize("kind", [Drip, SeekingDrip])
@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_stream_may_give_as_little_at_a_time_as_it_likes(kind: type[Drip], format_: str) -> None:
    content = encoded(quarters(), format_)
    assert_same(kind(content), load_image(content))
    assert picture_size(kind(content)) == quarters().size  # type: ignore[arg-type]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no such pipes")
def test_a_named_pipe_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    content = encoded(quarters())
    writer = threading.Thread(target=(tmp_path / "pipe.png").write_bytes, args=(content,))
    writer.start()
    assert_same(tmp_path / "pipe.png", quarters())
    writer.join()


def chunk(kind: bytes, body: bytes, *, right: bool = True) -> bytes:
    checksum = zlib.crc32(kind + body) ^ (0 if right else 1)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def noted_png(place: str, note: bytes) -> bytes:
    """A PNG with ``note`` before or after its pixels."""
    content = encoded(quarters())
    at = content.index(b"IDAT") - 4 if place == "before" else content.index(b"IEND") - 4
    return content[:at] + note + content[at:]


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize(
    "note",
    [
        chunk(b"tEXt", b"Comment\0hello", right=False),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * (3 << 20))),
        chunk(b"iTXt", b"Comment\0\1\0en\0\0" + zlib.compress(b"a" * (3 << 20))),
        chunk(b"iCCP", b"profile\0\0" + zlib.compress(b"a" * (3 << 20))),
        chunk(b"eXIf", b"MM\0*", right=False),
        chunk(b"gAMA", b""),
        chunk(b"pHYs", b"\1"),
    ],
    ids=["wrong checksum", "large zTXt", "large iTXt", "large profile", "wrong EXIF", "no gamma", "short"],
)
def test_notes_on_a_png_never_keep_its_pixels_from_being_read(place: str, note: bytes) -> None:
    content = noted_png(place, note)
    assert_same(content, quarters())
    assert picture_size(content) == quarters().size


def test_a_png_of_many_texts_is_read() -> None:
    notes = PngInfo()
    for number in range(70):
        notes.add_text(f"note {number}", "x" * 1_000_000, zip=True)
    assert_same(encoded(quarters(), "PNG", pnginfo=notes), quarters())


def test_a_png_whose_pixels_have_a_wrong_checksum_is_still_damaged() -> None:
    content = bytearray(encoded(quarters()))
    content[content.index(b"IDAT") + 10] ^= 1
    with pytest.raises(DamagedImageError):
        load_image(bytes(content))


def test_a_jpeg_that_lacks_its_last_byte_alone_is_read_and_told(caplog: pytest.LogCaptureFixture) -> None:
    content = encoded(quarters(), "JPEG")
    with caplog.at_level(logging.WARNING, "clipstr"):
        found = load_image(content)
        assert caplog.text == ""
        assert_same(content[:-1], found)
    assert "lacks its last byte" in caplog.text
    for cut in range(3, 60):
        with pytest.raises(DamagedImageError):
            load_image(content[:-cut] if content[-cut - 1] != 0xFF else content[: -cut - 1])


def float_tiff(bits: int) -> bytes:
    """A TIFF of 2x2 floating-point greys of 16 or 64 bits, which Pillow does not know."""
    pixels = np.zeros((2, 2), np.float16 if bits == 16 else np.float64).tobytes()
    entries = [(256, 3, 2), (257, 3, 2), (258, 3, bits), (259, 3, 1), (262, 3, 1), (273, 4, 8)]
    entries += [(277, 3, 1), (278, 3, 2), (279, 4, len(pixels)), (339, 3, 3)]
    table = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    head = b"II*\0" + struct.pack("<I", 8 + len(pixels))
    return head + pixels + struct.pack("<H", len(entries)) + table + b"\0\0\0\0"


def closed_picture() -> Image.Image:
    picture = quarters()
    picture.close()
    return picture


def lazy_picture_of_a_closed_file() -> Image.Image:
    file = io.BytesIO(encoded(quarters()))
    picture = Image.open(file)
    file.close()
    return picture


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (float_tiff(16), "TIFF file of a kind that cannot be read here"),
        (float_tiff(64), "TIFF file of a kind that cannot be read here"),
        (closed_picture(), "was closed"),
        (lazy_picture_of_a_closed_file(), "was closed"),
        (io.StringIO("not bytes"), "binary mode"),
        (io.TextIOWrapper(io.BytesIO(encoded(quarters())), encoding="utf-8"), "binary mode"),
        (np.zeros(7, np.uint8), "a row of numbers"),
    ],
    ids=["half", "double", "closed", "closed file", "texts", "text file", "row"],
)
def test_what_is_not_supported_is_not_called_damaged(source: Any, told: str) -> None:
    with pytest.raises(NotAnImageError, match=told):
        load_image(source)


def test_an_empty_path_is_told_as_such() -> None:
    with pytest.raises(ImageNotFoundError, match="path of a picture is empty"):
        load_image("")


def test_every_mode_of_pillow_is_read_or_told_to_be_unreadable() -> None:
    for mode in (
        "1",
        "L",
        "P",
        "RGB",
        "RGBA",
        "CMYK",
        "YCbCr",
        "HSV",
        "I",
        "F",
        "LA",
        "La",
        "PA",
        "RGBa",
        "I;16",
    ):
        assert load_image(Image.new(mode, (8, 8))).mode == "RGB"


def test_threads_may_share_one_picture_and_one_file() -> None:
    """Both are read from where they stand, which others move: sound pictures were called damaged."""
    large = quarters().resize((640, 480))
    content = encoded(large)
    expected = np.asarray(large)
    wrong: list[object] = []

    def look(shared: Any) -> None:
        try:
            if not (np.asarray(load_image(shared)) == expected).all():
                wrong.append("other pixels")
        except ImageError as error:
            wrong.append(error)

    for _ in range(12):
        for shared in (Image.open(io.BytesIO(content)), io.BytesIO(content)):
            threads = [threading.Thread(target=look, args=(shared,)) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert wrong == []
