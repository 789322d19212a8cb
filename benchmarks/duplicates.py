"""How many copies of crops `clipstr data check` finds, by what was done to them: the table of docs/data.md.

python benchmarks/duplicates.py --data ../shared/real
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path

from PIL.Image import Image
from PIL.ImageEnhance import Brightness

from clipstr.data import find_sources
from clipstr.data.duplicates import Fingerprint, duplicates, fingerprint
from clipstr.imaging import load_image


def stored(crop: Image, quality: int) -> Image:
    crop.save(buffer := BytesIO(), "JPEG", quality=quality)
    return load_image(buffer.getvalue())


def halved(crop: Image) -> Image:
    return crop.resize(((crop.width + 1) // 2, (crop.height + 1) // 2))


def cut(crop: Image, edge: int) -> Image:
    return crop.crop((edge, edge, crop.width - edge, crop.height - edge))


CHANGES: dict[str, Callable[[Image], Image]] = {
    "JPEG of quality 60": lambda crop: stored(crop, 60),
    "JPEG of quality 30": lambda crop: stored(crop, 30),
    "halved": halved,
    "halved, JPEG of quality 60": lambda crop: stored(halved(crop), 60),
    "32 pixels high": lambda crop: crop.resize((max(round(crop.width * 32 / crop.height), 1), 32)),
    "128 x 32": lambda crop: crop.resize((128, 32)),
    "brighter by 20 %": lambda crop: Brightness(crop).enhance(1.2),
    "cut by 1 pixel at each edge": lambda crop: cut(crop, 1),
    "cut by 2 pixels at each edge": lambda crop: cut(crop, 2),
}


def prints(crops: Iterable[Image]) -> list[Fingerprint]:
    return [fingerprint(crop, ("", number), "") for number, crop in enumerate(crops)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="labelled crops")
    sources = find_sources(parser.parse_args().data)
    crops = [load_image(source.image_bytes(number)) for source in sources for number in range(len(source))]
    originals = prints(crops)
    for name, change in CHANGES.items():
        found = duplicates(originals, prints(map(change, crops)))
        print(f"{name}: {sum(pair.first.place == pair.second.place for pair in found) / len(crops):.1%}")


if __name__ == "__main__":
    main()
