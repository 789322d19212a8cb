"""Small files that claim to be huge pictures, and pictures of every kind that is opened, to be damaged."""

from __future__ import annotations

import io
import random
import resource
import struct
import time
import zlib
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, features

from clipstr.errors import ImageError
from clipstr.imaging import load_image


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_bomb(width: int, height: int) -> bytes:
    """A PNG that claims many pixels, and has a few bytes of them."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_png_chunk(kind, body) for kind, body in chunks)


def bombs() -> dict[str, bytes]:
    """Small files of each format that claim to be huge pictures, by what they are."""
    huge = 65_535
    quantisation = b"\xff\xdb\x00\x43\x00" + bytes([1] * 64)
    frame = b"\xff\xc0\x00\x0b\x08" + struct.pack(">HH", huge, huge) + b"\x01\x01\x11\x00"
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + bytes(64) + b"\xff\xd9"
    tags = [(256, 4, huge), (257, 4, huge), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8)]
    tags += [(277, 3, 1), (278, 4, huge), (279, 4, 64)]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    tiff = b"II*\0" + struct.pack("<I", 72) + bytes(64) + struct.pack("<H", len(tags)) + entries + bytes(4)
    canvas = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (16_383).to_bytes(3, "little") * 2
    lossless = b"VP8L" + struct.pack("<I", 6) + b"\x2f" + struct.pack("<I", 16_383 | 16_383 << 14) + b"\0"
    screen = b"GIF89a" + struct.pack("<HH", huge, huge) + b"\x80\0\0" + bytes(6)
    image = b"\x2c" + struct.pack("<HHHH", 0, 0, huge, huge) + b"\0\x02\x02\x4c\x01\0"
    bmp = (
        b"BM"
        + struct.pack("<IHHI", 60, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, huge, huge, 1, 24, *[0] * 6)
    )
    return {
        "PNG": png_bomb(huge, huge),
        "PNG of one row": png_bomb(2**31 - 1, 1),
        "JPEG": b"\xff\xd8" + quantisation + frame + scan,
        "TIFF": tiff,
        "WebP": b"RIFF" + struct.pack("<I", 4 + len(canvas) + len(lossless)) + b"WEBP" + canvas + lossless,
        "GIF": screen + image + b"\x3b",
        "GIF of many frames": screen + image * 20_000 + b"\x3b",
        "BMP": bmp + bytes(6),
        "PPM": b"P6 %d %d 255\n" % (huge, huge) + bytes(100),
    }


def seconds_to_refuse(content: bytes, times: int = 5) -> tuple[str, float]:
    """The kind of error with which the picture ``content`` is refused, and the least time that it took."""
    kind, best = "none", float("inf")
    for _ in range(times):
        began = time.perf_counter()
        try:
            load_image(content)
        except ImageError as error:
            kind = type(error).__name__
        best = min(best, time.perf_counter() - began)
    return kind, best


def pdf_of(width: int, height: int, contents: bytes = b"", *others: bytes) -> bytes:
    """A PDF of one page of so many points, with its object of contents and others, from 5; empty without."""
    shown = b"/Contents 4 0 R/Resources<</XObject<</X 5 0 R>>>>" if contents else b""
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]%s>>" % (width, height, shown),
        *((contents, *others) if contents else ()),
    )
    whole, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(whole))
        whole += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    table = b"0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n" % (len(objects) + 1)
    end = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, len(whole))
    return whole + head + table + end


def cost_of_pdf(content: bytes) -> tuple[str, float, float]:
    """The kind of error with which the PDF ``content`` is refused, the seconds until then, and the megabytes.

    These are the most of any process that was started here so far, so begin with what takes least.
    """
    from clipstr.scenes.pages import pages_of

    kind, began = "none", time.perf_counter()
    try:
        list(pages_of(content))
    except ImageError as error:
        kind = type(error).__name__
    seconds = time.perf_counter() - began
    return kind, seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def _stream(content: bytes, more: bytes = b"") -> bytes:
    return b"<</Length %d%s>>stream\n" % (len(content), more) + content + b"\nendstream"


def packed_pdf(megabytes: int) -> bytes:
    """A PDF whose page's contents are zeros, packed twice: 1000 MB in 2 kB."""
    packer = zlib.compressobj(1)
    once = b"".join(packer.compress(bytes(1 << 20)) for _ in range(megabytes)) + packer.flush()
    return pdf_of(72, 36, _stream(zlib.compress(once, 9), b"/Filter[/FlateDecode/FlateDecode]"))


def laughing_pdf(depth: int = 12) -> bytes:
    """A PDF whose page draws a form ten times, which draws another ten times, and so on."""
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 72 36]"
    forms = [
        _stream(b"/X Do " * 10, form + b"/Resources<</XObject<</X %d 0 R>>>>" % (number + 6))
        for number in range(depth)
    ]
    return pdf_of(72, 36, _stream(b"/X Do"), *forms, _stream(b"0 0 9 9 re f", form))


@lru_cache(maxsize=1)
def sound_pictures() -> dict[str, bytes]:
    """A small picture of each kind of each format that is opened, by what it is."""
    levels = np.random.default_rng(0).integers(0, 256, (24, 40, 3), np.uint8)
    levels[6:18, 10:30] = 200
    colours, exif = Image.fromarray(levels), Image.Exif()
    exif[274] = 6
    grey, alpha = colours.convert("L"), colours.copy()
    alpha.putalpha(grey)
    wide = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    frames: dict[str, Any] = {"save_all": True}  # and others behind it, new ones every time
    kinds: list[tuple[str, str, Image.Image, dict[str, Any]]] = [
        ("PNG", "colours", colours, {"exif": exif}),
        ("PNG", "palette", colours.quantize(16), {"transparency": 3}),
        ("PNG", "alpha", alpha, {}),
        ("PNG", "16 bits", wide, {}),
        ("PNG", "animated", colours, frames),
        ("JPEG", "baseline", colours, {"exif": exif}),
        ("JPEG", "progressive", colours, {"progressive": True}),
        ("JPEG", "CMYK", colours.convert("CMYK"), {}),
        ("JPEG", "grey", grey, {"quality": 30}),
        ("MPO", "two", colours, frames),
        ("WEBP", "lossy", colours, {"exif": exif}),
        ("WEBP", "lossless", alpha, {"lossless": True}),
        ("WEBP", "animated", colours, frames),
        ("GIF", "still", colours, {}),
        ("GIF", "animated", colours, frames | {"transparency": 0}),
        ("BMP", "colours", colours, {}),
        ("BMP", "palette", colours.quantize(16), {}),
        ("BMP", "two levels", colours.convert("1"), {}),
        ("TIFF", "plain", colours, {}),
        *(
            ("TIFF", kind, colours, {"compression": kind})
            for kind in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")
        ),
        ("TIFF", "fax", colours.convert("1"), {"compression": "group4"}),
        ("TIFF", "floats", Image.fromarray(np.asarray(grey, np.float32)), {}),
        ("TIFF", "many", colours, frames),
        ("PPM", "colours", colours, {}),
        ("PPM", "grey", grey, {}),
        ("PPM", "two levels", colours.convert("1"), {}),
        ("JPEG2000", "JP2", colours, {}),
        ("JPEG2000", "code stream", colours, {"no_jp2": True}),
        ("AVIF", "still", alpha, {}),
        ("AVIF", "animated", colours, frames),
    ]
    lacking = {"AVIF": "avif", "WEBP": "webp", "JPEG2000": "jpg_2000"}
    found = {"PPM in words": b"P3 4 3 255\n" + b" ".join(b"%d" % (7 * n) for n in range(36)) + b"\n"}
    for format_, kind, picture, options in kinds:
        if features.check(lacking.get(format_, "jpg")):
            buffer = io.BytesIO()
            if "save_all" in options:  # a picture keeps how it was saved, and stumbles over it
                options["append_images"] = [colours.rotate(90), colours.rotate(180)]
            picture.copy().save(buffer, format_, **options)
            found[f"{format_} {kind}"] = buffer.getvalue()
    return found


def mutated_picture(number: int, seed: int) -> tuple[str, bytes]:
    """The ``number``-th damaged picture of ``seed``: the kind that it was of, and its bytes."""
    from hardening import mutated

    chance = random.Random(f"{seed} {number}")
    kinds = sound_pictures()
    kind = sorted(kinds)[number % len(kinds)]
    content = mutated(kinds[kind], chance)
    if kind.startswith("PNG") and chance.random() < 0.7:
        content = _with_right_checksums(content)  # or nearly all would end there
    return kind, content


def _with_right_checksums(png: bytes) -> bytes:
    """A damaged PNG whose chunks have the checksums of what is in them now."""
    whole, place = bytearray(png), 8
    while place + 12 <= len(whole):
        (length,) = struct.unpack_from(">I", whole, place)
        end = place + 8 + length
        if end + 4 > len(whole):
            break
        whole[end : end + 4] = struct.pack(">I", zlib.crc32(whole[place + 4 : end]))
        place = end + 4
    return bytes(whole)
