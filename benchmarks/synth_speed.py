"""How many labelled pictures the renderer makes a second on one core, by difficulty.

    python benchmarks/synth_speed.py [--count 2000]

Seconds are of processor time, so that other work on the machine counts little.
"""

from __future__ import annotations

import time
from typing import Annotated

import cv2
import typer

from clipstr.synth import WordRenderer


def main(count: Annotated[int, typer.Option(min=1, help="Pictures at each difficulty.")] = 2000) -> None:
    cv2.setNumThreads(0)
    renderer = WordRenderer()
    for index in range(1500):  # opens fonts, makes surfaces
        renderer.sample(1, index)
    print(f"{len(renderer.fonts)} faces, {len(renderer.vocabulary.words)} words, {count} pictures each")
    for difficulty in (0.0, 0.5, 1.0):
        start = time.process_time()
        for index in range(count):
            renderer.sample(0, index, difficulty)
        print(f"difficulty {difficulty:.1f}: {count / (time.process_time() - start):.0f} pictures a second")


if __name__ == "__main__":
    typer.run(main)
