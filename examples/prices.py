"""Renders labelled pictures of price tags: a data set to fine-tune on, for docs/finetune.md.

    python examples/prices.py prices/train --count 2000
    python examples/prices.py prices/val --count 500 --seed 1

Each folder gets PNG files and a labels.tsv.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from clipstr.synth import SynthConfig, WordRenderer

CHARACTERS = "0123456789abcdefghijklmnopqrstuvwxyz$€£¥¢.,-/%"
"""The embedded model's alphabet, and the signs of prices."""


def price(rng: np.random.Generator) -> str:
    """A price as shops write it."""
    whole, cents = int(np.exp(rng.uniform(0, 9))), int(rng.choice([0, 49, 50, 90, 95, 99, rng.integers(100)]))
    sign = str(rng.choice(list("$€£¥")))
    forms = [
        f"{sign}{whole}.{cents:02d}",
        f"{sign}{whole}.{cents:02d}",
        f"{whole},{cents:02d}€",
        f"{whole}.{cents:02d}{sign}",
        f"{sign}{whole:,}",
        f"{whole:,}".replace(",", ".") + f",{cents:02d}",
        f"{whole},-",
        f"{max(cents, 1)}¢",
        f"-{rng.integers(5, 80)}%",
        f"{rng.integers(2, 6)}/{sign}{rng.integers(2, 20)}",
        f"{sign}{whole % 100}.{cents:02d}/{rng.choice(['kg', 'lb', 'l', 'ea', '100g'])}",
    ]
    return forms[int(rng.integers(len(forms)))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    renderer = WordRenderer(SynthConfig(characters=CHARACTERS))
    options.out.mkdir(parents=True, exist_ok=True)
    lines = []
    for number in range(options.count):
        rng = np.random.default_rng((7, options.seed, number))
        text = price(rng)
        Image.fromarray(renderer.draw(text, rng)).save(options.out / f"{number:05d}.png")
        lines.append(f"{number:05d}.png\t{text}\n")
    (options.out / "labels.tsv").write_text("".join(lines), encoding="utf-8")
    print(f"wrote {options.count} pictures to {options.out}")


if __name__ == "__main__":
    main()
