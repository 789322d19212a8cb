"""What strangers' files may be: bombs, damaged models and data sets; and what comes of them.

The tests do it with few, the programs of `benchmarks/hardening` with many.
"""

from __future__ import annotations

import json
import multiprocessing
import random
import shutil
import struct
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from clipstr.data.lmdb import DATA_FILE, LmdbDataset, write_lmdb
from clipstr.errors import ClipstrError, ImageError
from clipstr.imaging import load_image
from clipstr.models import CONFIG_FILE, DECODER_FILE, ENCODER_FILE, ModelConfig
from clipstr.reader import Reader
from tables import png, words
from toy import spelled

WORD = "badge"


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


def mutated(content: bytes, chance: random.Random) -> bytes:
    """``content`` with some bytes changed, cut out, doubled, or its end cut off."""
    damaged = bytearray(content)
    for _ in range(chance.randint(1, 5)):
        place = chance.randrange(len(damaged) or 1)
        way = chance.random()
        if way < 0.6 and damaged:
            damaged[place] = chance.randrange(256)
        elif way < 0.75:
            del damaged[place : place + chance.randint(1, 16)]
        elif way < 0.9:
            damaged[place:place] = damaged[place : place + chance.randint(1, 16)]
        else:
            del damaged[place:]
    return bytes(damaged)


def mutated_folders(model: Path, folder: Path, count: int, seed: int) -> Iterator[tuple[str, Path]]:
    """``count`` copies of ``model`` in ``folder``, one after the other, each with one file damaged; its name.

    In half of those whose graph is damaged the config says that so it should be, as a stranger's would.
    """
    chance = random.Random(seed)
    for number in range(count):
        copy = folder / "model"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(model, copy)
        name = (CONFIG_FILE, ENCODER_FILE, DECODER_FILE)[number % 3]
        (copy / name).write_bytes(mutated((copy / name).read_bytes(), chance))
        if name != CONFIG_FILE and chance.random() < 0.5:
            names = [ENCODER_FILE, DECODER_FILE]
            ModelConfig.load(copy).with_files(copy, names).save(copy)
            name += ", vouched for"
        yield name, copy


def _reads(folder: Path) -> str:
    try:
        text = Reader(folder, threads=1, second_looks=False).read(spelled(WORD)).text
    except ClipstrError as error:
        return type(error).__name__
    return "right text" if text == WORD else "another text"


def _read_folders(model: Path, folder: Path, count: int, seed: int, said: Any) -> None:
    for name, copy in mutated_folders(model, folder, count, seed):
        said.send((name, None))
        said.send((name, _reads(copy)))
    said.send(None)


def _read_cut(folder: Path, count: int, seed: int, said: Any) -> None:
    """Reads a data set that is cut at random places, everything in it, again and again."""
    chance = random.Random(seed)
    write_lmdb(folder / "whole", ((png(word) * 20, word) for word in words(120)))
    whole = (folder / "whole" / DATA_FILE).read_bytes()
    for number in range(count):
        cut = folder / f"cut{number}"
        cut.mkdir()
        size = chance.randrange(len(whole))
        (cut / DATA_FILE).write_bytes(whole[:size])
        said.send((size, None))
        data, found = LmdbDataset(cut), "all of it"
        try:
            for index in range(len(data)):
                data.image_bytes(index)
                data.label(index)
        except ClipstrError as error:
            found = type(error).__name__
        data.close()
        said.send((size, found))
        shutil.rmtree(cut)
    said.send(None)


def outcomes(work: Callable[..., None], *arguments: Any, patience: float = 120.0) -> Counter[tuple[str, str]]:
    """What became of all that ``work`` tried, in a process of its own, which may die or hang: that counts.

    ``work`` takes ``arguments``, how many to try, a seed and where to say what comes; each case is told
    twice, before and after. After a death the rest is tried with another seed.
    """
    *given, count, seed = arguments
    context, found, done = multiprocessing.get_context("spawn"), Counter[tuple[str, str]](), 0
    while done < count:
        hears, said = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(*given, count - done, seed + done, said))
        process.start()
        said.close()
        case = "at its beginning"
        while True:
            try:
                if not hears.poll(patience):
                    process.kill()
                    found[case, "HANGS"] += 1
                    break
                message = hears.recv()
            except EOFError:
                process.join()
                found[case, f"DIES ({process.exitcode})"] += 1
                break
            if message is None:
                done = count
                break
            case, outcome = message if isinstance(message[0], str) else ("cut", message[1])
            if outcome is not None:
                found[case, outcome] += 1
                done += 1
        else:
            continue
        process.join()
        done = max(done, found.total())
    return found


def read_mutated_models(model: Path, folder: Path, count: int, seed: int = 0) -> Counter[tuple[str, str]]:
    """What became of ``count`` damaged copies of the toy ``model``: by the file damaged and the outcome."""
    return outcomes(_read_folders, model, folder, count, seed)


def read_cut_sets(folder: Path, count: int, seed: int = 0) -> Counter[tuple[str, str]]:
    """What became of ``count`` data sets cut at random places."""
    return outcomes(_read_cut, folder, count, seed)


def as_json(found: Counter[tuple[str, str]]) -> str:
    """The outcomes as a line of JSON."""
    return json.dumps({f"{case}: {outcome}": count for (case, outcome), count in sorted(found.items())})
