"""`clipstr.imaging`: every bad file is a typed error, and Pillow is left as it was."""

from __future__ import annotations

import os
import struct
import threading
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from clipstr.errors import (
    DamagedImageError,
    EmptyImageError,
    ImageError,
    ImageNotFoundError,
    ImageTooLargeError,
    NotAnImageError,
)
from clipstr.imaging import MAX_PIXELS, load_image
from pictures import (
    FORMATS,
    assert_same,
    encoded,
    quarters,
)


def test_each_kind_of_bad_file_has_its_error_and_its_name_in_it(tmp_path: Path) -> None:
    good = encoded(quarters())
    bad = {
        "empty.png": (b"", EmptyImageError),
        "text.png": (b"not a picture at all", NotAnImageError),
        "vector.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", NotAnImageError),
        "program.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", NotAnImageError),
        "page.pdf": (b"%PDF-1.7\n", NotAnImageError),
        "beginning.png": (good[:20], DamagedImageError),
        "half.png": (good[: len(good) * 3 // 4], DamagedImageError),
        "half.jpg": (encoded(quarters(), "JPEG")[:-40], DamagedImageError),
        "half.webp": (encoded(quarters(), "WEBP")[:-9], DamagedImageError),
    }
    for name, (content, kind) in bad.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ImageError, match=name) as caught:
            load_image(tmp_path / name)
        assert type(caught.value) is kind, name
    for source in (tmp_path / "missing.png", tmp_path, "nul\0byte.png"):
        with pytest.raises(ImageNotFoundError, match=str(source)):
            load_image(source)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may open everything")
def test_a_file_that_may_not_be_opened_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "secret.png"
    path.write_bytes(encoded(quarters()))
    path.chmod(0)
    with pytest.raises(ImageNotFoundError, match="ermission"):
        load_image(path)


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims many pixels."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", b"x"),
        (b"IEND", b""),
    ]
    packed = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.mark.parametrize("factor", [1, 10])
def test_a_decompression_bomb_is_refused_before_it_is_unpacked(factor: int) -> None:
    width, height = 12_000 * factor, (MAX_PIXELS // 12_000 + 1) * factor
    with pytest.raises(ImageTooLargeError, match=r"bytes: .*pixels"):
        load_image(bomb(width, height))


def test_pillows_own_limits_and_warnings_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    before = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)
    filters = list(warnings.filters)
    with pytest.raises(ImageTooLargeError):
        load_image(bomb(20_000, 20_000))
    load_image(encoded(quarters()))
    assert before == (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES)
    assert list(warnings.filters) == filters
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    with pytest.raises(ImageTooLargeError):
        load_image(bomb(20_000, 20_000))


def assert_image_or_error_of_ours(content: bytes) -> None:
    outcome: Image.Image | ImageError
    try:
        outcome = load_image(content)
    except ImageError as error:
        outcome = error
    if isinstance(outcome, ImageError):
        assert f"{len(content)} bytes" in str(outcome)
        assert not isinstance(outcome.__cause__, Warning), "a warning was let through"
    else:
        assert outcome.mode == "RGB"


@pytest.mark.filterwarnings("error")
def test_what_pillow_would_warn_of_is_not_shown() -> None:
    large = Image.new("1", (10_000, 9_500))  # Pillow warns from 89 million pixels
    assert load_image(encoded(large)).size == large.size
    tiff = bytearray(encoded(quarters(), "TIFF"))
    for place in range(len(tiff) - 60, len(tiff), 4):
        broken = bytes(tiff[:place] + b"\xff\xff\x7f\xff" + tiff[place + 4 :])
        assert_image_or_error_of_ours(broken)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("format_", [name for name in FORMATS if name != "AVIF"])
def test_a_damaged_file_is_an_image_or_an_image_error_and_nothing_else(format_: str) -> None:
    content = encoded(quarters(), format_)
    rng = np.random.default_rng(FORMATS.index(format_))
    for _ in range(150):
        damaged = bytearray(content)
        for place in rng.integers(len(content), size=rng.integers(1, 6)):
            damaged[place] = rng.integers(256)
        damaged = damaged[: rng.integers(1, len(damaged) + 1)] if rng.random() < 0.3 else damaged
        assert_image_or_error_of_ours(bytes(damaged))


def test_many_threads_load_at_once_and_leave_the_warning_filters_as_they_were() -> None:
    content = [encoded(quarters(), format_) for format_ in ("PNG", "TIFF", "GIF")] * 20
    filters = list(warnings.filters)
    failures: list[BaseException] = []

    def load() -> None:
        try:
            for source in content:
                assert_same(source, quarters(), within=12)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=load) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert list(warnings.filters) == filters
