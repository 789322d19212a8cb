"""How many labelled pictures the engine makes a second on one core, and whether its memory grows.

    python benchmarks/synth_speed.py [--count 5000] [--long 100000]

Seconds are of processor time, so that other work on the machine counts little. Pictures are as the renderer
makes them, and once more brought to a recogniser's 32 x 128 pixels. The first 10,000, which open the fonts
and look for their characters, are not counted.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import cv2
import typer
from PIL import Image

from clipstr.form import Preprocessing
from clipstr.synth import WordRenderer

WARM_UP = 10_000
STEPS = 5  # memory is looked at so many times


def rate(make: Callable[[int], object], count: int) -> float:
    start = time.process_time()
    for index in range(count):
        make(index)
    return count / (time.process_time() - start)


def resident() -> float:
    """MiB that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def main(
    count: Annotated[int, typer.Option(min=1, help="Pictures at each difficulty.")] = 5000,
    long: Annotated[int, typer.Option(min=0, help="Pictures over which memory is watched.")] = 0,
) -> None:
    cv2.setNumThreads(0)
    renderer, preprocessing = WordRenderer(), Preprocessing()
    for index in range(WARM_UP):
        renderer.sample(1, index)
    print(f"{len(renderer.fonts)} faces, {count} pictures each")
    for difficulty in (0.0, 0.5, 1.0):
        speed = rate(lambda index, hard=difficulty: renderer.sample(0, index, hard), count)  # type: ignore[misc]
        print(f"difficulty {difficulty:.1f}: {speed:.0f} pictures a second")
    speed = rate(lambda index: preprocessing.resize(Image.fromarray(renderer.sample(0, index).image)), count)
    print(f"difficulty 1.0, resized: {speed:.0f} pictures a second")
    for step in range(STEPS + 1 if long else 0):
        if step:
            rate(lambda index, first=step * long: renderer.sample(2, first + index), long // STEPS)  # type: ignore[misc]
        print(f"after {step * long // STEPS} more pictures: {resident():.0f} MiB")


if __name__ == "__main__":
    typer.run(main)
