"""How many word crops a second one core makes ready for training, beside PARSeq's way.

    python benchmarks/loading.py
    python benchmarks/loading.py --data DIR          # a data set's crops instead of rendered ones
    python benchmarks/loading.py --sheet sheet.png   # look at what RandAugment does

Ours: `load_crop`, `rand_augment`, the resize of `Preprocessing`; pixels stay uint8, since the device scales
them (with "scaled" they are made floats here). PARSeq's way, written anew with the same packages: Pillow
decodes, then RandAugment by timm with the operations of PARSeq on Pillow pictures, the resize of torchvision,
tensor, normalise. Both take turns over the same JPEGs on one thread; the medians of their rates are compared.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image, ImageFilter
from timm.data import auto_augment
from torchvision import transforms

from clipstr.data import find_sources
from clipstr.data.loading import load_crop
from clipstr.data.randaugment import OPERATIONS, rand_augment
from clipstr.form import Preprocessing
from clipstr.sheets import contact_sheet
from clipstr.synth import WordRenderer

PREPARED = Preprocessing()


def crops(options: argparse.Namespace) -> list[bytes]:
    """Encoded crops: a data set's, or rendered words as JPEGs of the size that word crops have."""
    if options.data:
        sources = find_sources(options.data)
        every = [source.image_bytes(index) for source in sources for index in range(len(source))]
        return random.Random(0).sample(every, min(options.count, len(every)))
    renderer = WordRenderer()
    made = []
    for number in range(options.count):
        picture = renderer.sample(0, number).image
        _, content = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])
        made.append(content.tobytes())
    return made


def ours(content: bytes, number: int) -> np.ndarray:
    pixels = rand_augment(load_crop(content), np.random.default_rng((0, number)))
    return PREPARED.resize(Image.fromarray(pixels))


def ours_scaled(content: bytes, number: int) -> np.ndarray:
    return PREPARED.normalise(ours(content, number))


class ParseqWay:
    """Pictures as PARSeq makes them ready."""

    def __init__(self) -> None:
        self.operations = [self._operation(o.name) for o in OPERATIONS]
        self.finish = transforms.Compose(
            [
                transforms.Resize((PREPARED.height, PREPARED.width), transforms.InterpolationMode.BICUBIC),
                transforms.ToTensor(),
                transforms.Normalize(0.5, 0.5),
            ]
        )

    def _operation(self, name: str) -> Callable[[Image.Image], Image.Image]:
        if name == "GaussianBlur":
            return lambda image: image.filter(ImageFilter.GaussianBlur(2 if max(image.size) >= 75 else 1))
        if name == "PoissonNoise":
            return self._noise
        if name == "Rotate":
            return lambda image: image.rotate(
                random.choice((15, -15)), Image.Resampling.BICUBIC, expand=True, fillcolor=(128, 128, 128)
            )
        return auto_augment.AugmentOp(name, prob=1.0, magnitude=5)

    @staticmethod
    def _noise(image: Image.Image) -> Image.Image:
        shape = (image.height, image.width, 1)
        noise = np.random.poisson(21, shape) * np.random.choice((-1, 1), shape)
        return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))

    def __call__(self, content: bytes, number: int) -> torch.Tensor:
        image = Image.open(BytesIO(content)).convert("RGB")
        for which in np.random.choice(len(self.operations), 3, replace=False):
            if random.random() < 0.5:
                image = self.operations[which](image)
        tensor: torch.Tensor = self.finish(image)
        return tensor


def rates(ways: dict[str, Callable[[bytes, int], object]], contents: Sequence[bytes], rounds: int) -> None:
    """Prints the median rates, each way in turn over a part of ``contents``."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    size = len(contents) // rounds
    for turn in range(rounds):
        part = contents[turn * size : (turn + 1) * size]
        for name, way in ways.items():
            began = time.perf_counter()
            for number, content in enumerate(part):
                way(content, number)
            found[name].append(len(part) / (time.perf_counter() - began))
    medians = {name: statistics.median(each) for name, each in found.items()}
    least = medians["PARSeq's way"]
    for name, rate in medians.items():
        print(f"{name:24}{rate:9,.0f} a second  {rate / least:6.2f} x")


def parts(contents: Sequence[bytes]) -> None:
    """Prints the microseconds of each part and each operation."""

    def took(call: Callable[[object], object], things: Sequence[object]) -> float:
        began = time.perf_counter()
        for thing in things:
            call(thing)
        return 1e6 * (time.perf_counter() - began) / len(things)

    loaded = [load_crop(content) for content in contents]
    rng = np.random.default_rng(0)
    print(f"{'load_crop':24}{took(load_crop, contents):9.0f} microseconds")
    print(f"{'resize':24}{took(lambda p: PREPARED.resize(Image.fromarray(p)), loaded):9.0f}")
    for operation in OPERATIONS:
        change = partial(operation.apply, strength=0.5, rng=rng)
        print(f"{operation.name:24}{took(change, loaded):9.0f}")


def sheet(contents: Sequence[bytes], path: Path) -> None:
    """A row for each crop: as it is, then changed in seven ways."""
    samples = []
    for content in contents[:16]:
        pixels = load_crop(content)
        for seed in range(8):
            changed = rand_augment(pixels, np.random.default_rng((seed, len(content)))) if seed else pixels
            samples.append((PREPARED.resize(Image.fromarray(changed)), "" if seed else "as it is"))
    contact_sheet(samples).save(path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    contents = crops(options)
    if options.sheet:
        sheet(contents, options.sheet)
        return
    sizes = [len(content) for content in contents]
    print(f"{len(contents)} crops of {statistics.mean(sizes):,.0f} bytes, one thread")
    ways: dict[str, Callable[[bytes, int], object]] = {
        "PARSeq's way": ParseqWay(),
        "ours": ours,
        "ours, scaled": ours_scaled,
    }
    rates(ways, contents, options.rounds)
    parts(contents)


if __name__ == "__main__":
    main()
