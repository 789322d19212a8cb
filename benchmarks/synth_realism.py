"""How rendered words differ from real crops, in numbers that a look at sheets of both only suggests.

    python benchmarks/synth_realism.py --data TRAINING_CROPS [--count 4000] [--set looks.neon=0 ...]

Of every property there are the deciles of both and the Kolmogorov-Smirnov distance between them, 0 (alike)
to 1. Ink and ground are the two clusters of a crop's colours, the ground the one that holds most of the rim.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import synth_options
from PIL import Image

from clipstr.charset import ALPHABETS
from clipstr.data import find_sources
from clipstr.synth import WordRenderer

LUMA = np.array([0.299, 0.587, 0.114])
DECILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def properties(pixels: np.ndarray, label: str, native: tuple[int, int]) -> dict[str, float]:
    """What is measured of one picture (32, 128, 3) in uint8 whose crop was ``native`` (width, height)."""
    picture = pixels.astype(np.float32) / 255
    luma = picture @ LUMA.astype(np.float32)
    ink, ground, share = clusters(picture)
    tones = {
        "ground": (float(ground @ LUMA), float(np.ptp(ground))),
        "ink": (float(ink @ LUMA), float(np.ptp(ink))),
    }
    edges = np.abs(np.diff(luma, axis=1))
    fine = luma - cv2.GaussianBlur(luma, (0, 0), 1.0)
    spread = float(luma.std())
    return {
        "brightness": float(luma.mean()),
        "contrast (deviation)": spread,
        "ground brightness": tones["ground"][0],
        "ground colourfulness": tones["ground"][1],
        "ink brightness": tones["ink"][0],
        "ink colourfulness": tones["ink"][1],
        "ink minus ground": tones["ink"][0] - tones["ground"][0],
        "ink share": share,
        "steepest edges / contrast": float(np.quantile(edges, 0.98)) / (spread + 0.02),
        "fine detail / contrast": float(fine.std()) / (spread + 0.02),
        "flat noise, percent": 100 * float(np.quantile(np.abs(fine), 0.3)),
        "vertical middle of ink": middle(luma, ground @ LUMA, 0),
        "characters": float(len(label)),
        "width / height": native[0] / native[1],
        "width / height / characters": native[0] / native[1] / max(len(label), 1),
        "height, pixels": float(native[1]),
    }


def clusters(picture: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """The colours of ink and ground, and the ink's share of the picture."""
    points = np.ascontiguousarray(cv2.resize(picture, (64, 16), interpolation=cv2.INTER_AREA).reshape(-1, 3))
    cv2.setRNGSeed(0)
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 10, 0.01)
    _, labels, centres = cv2.kmeans(points, 2, np.empty(0, np.int32), criteria, 1, cv2.KMEANS_PP_CENTERS)
    chosen = labels.reshape(16, 64)
    rim = np.concatenate([chosen[0], chosen[-1], chosen[:, 0], chosen[:, -1]])
    ground = int(rim.mean() > 0.5)
    return centres[1 - ground], centres[ground], float((chosen != ground).mean())


def middle(luma: np.ndarray, ground: float, axis: int) -> float:
    """Where the ink's weight lies, 0 to 1 along ``axis``."""
    weight = np.abs(luma - ground).sum(1 - axis)
    return float((weight * np.linspace(0, 1, len(weight))).sum() / (weight.sum() + 1e-6))


def real(folder: Path, count: int) -> Iterator[dict[str, float]]:
    """The properties of ``count`` crops, as many from each data set as it has a share of."""
    sources = find_sources(folder)
    total = sum(len(source) for source in sources)
    rng = np.random.default_rng(0)
    for source in sources:
        chosen = rng.choice(len(source), min(len(source), round(count * len(source) / total)), replace=False)
        for index in sorted(int(number) for number in chosen):
            picture = Image.open(io.BytesIO(source.image_bytes(index))).convert("RGB")
            pixels = np.asarray(picture.resize((128, 32), Image.Resampling.BICUBIC))
            yield properties(pixels, source.label(index), picture.size)


def rendered(renderer: WordRenderer, count: int) -> Iterator[dict[str, float]]:
    for index in range(count):
        sample = renderer.sample(0, index)
        picture = Image.fromarray(sample.image)
        pixels = np.asarray(picture.resize((128, 32), Image.Resampling.BICUBIC))
        yield properties(pixels, sample.label, picture.size)


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """The largest distance between the two distributions (Kolmogorov and Smirnov)."""
    values = np.sort(np.concatenate([one, other]))
    shares = [np.searchsorted(np.sort(some), values, side="right") / len(some) for some in (one, other)]
    return float(np.abs(shares[0] - shares[1]).max())


def columns(rows: Iterable[dict[str, float]]) -> dict[str, np.ndarray]:
    listed = list(rows)
    return {name: np.array([row[name] for row in listed]) for name in listed[0]}


def main() -> None:
    parser = synth_options.parser(__doc__, "labelled real crops")
    parser.add_argument("--count", type=int, default=4000)
    options = parser.parse_args()
    streets = columns(real(options.data, options.count))
    renderer = WordRenderer(synth_options.settings(options, ALPHABETS["94"]))
    drawn = columns(rendered(renderer, options.count))
    print(f"{'':28} {'distance':>8}   real 5, 25, 50, 75, 95 %                 rendered")
    distances = []
    for name, values in streets.items():
        distances.append(distance(values, drawn[name]))
        sides = [" ".join(f"{q:6.2f}" for q in np.quantile(side, DECILES)) for side in (values, drawn[name])]
        print(f"{name:28} {distances[-1]:8.3f}   {sides[0]}   {sides[1]}")
    print(f"{'mean':28} {np.mean(distances):8.3f}")


if __name__ == "__main__":
    main()
