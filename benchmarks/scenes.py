"""Time, memory and first words of whole photographs, ours beside RapidOCR's whole pipeline, in one run.

    python benchmarks/scenes.py measure --scenes DIR --limit 20 --threads 2 [--model NAME] [--json FILE]

The two take turns on each photograph, so that whatever else the machine does slows both alike: what counts is
the ratio. Accuracy is `clipstr evaluate --scenes DIR --peer rapidocr`.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image, ImageDraw, ImageFont

from clipstr.evaluation.scene_peers import OurScenes, RapidOcrScenes
from clipstr.evaluation.scenes import ScenePeer, load_photographs
from clipstr.models import DEFAULT_MODEL
from clipstr.scenes import SceneReader

app = typer.Typer(pretty_exceptions_enable=False)

STARTS = 3  # fresh processes, of which the median is told
LARGE = (4000, 3000)  # pixels of the photograph whose memory is measured


def engines(model: str, threads: int) -> list[tuple[str, ScenePeer]]:
    return [
        ("clipstr", OurScenes(SceneReader(model, threads=threads))),
        ("RapidOCR", RapidOcrScenes(threads)),
    ]


def taking_turns(photographs: list[Path], model: str, threads: int) -> dict[str, list[float]]:
    """Seconds of each photograph by engine; the first photograph is read once before."""
    found: dict[str, list[float]] = {}
    several = engines(model, threads)
    for path in [photographs[0], *photographs]:
        for name, engine in several:
            begun = time.perf_counter()
            engine.find_words(path)
            found.setdefault(name, []).append(time.perf_counter() - begun)
    return {name: seconds[1:] for name, seconds in found.items()}


def large_photograph(path: Path) -> None:
    """Writes a picture of 12 megapixels with 300 words, large and small."""
    rng = np.random.default_rng(0)
    width, height = LARGE
    coarse = Image.fromarray(rng.integers(120, 255, (30, 40, 3), np.uint8)).resize(
        LARGE, Image.Resampling.BICUBIC
    )
    draw, top = ImageDraw.Draw(coarse), 60
    for number in range(60):
        font = ImageFont.load_default(int(rng.integers(24, 90)))
        for column in range(5):
            draw.text((60 + column * width // 5, top), f"word{number}{column}", (20, 20, 40), font)
        top += height // 62
    coarse.save(path, quality=92)


@app.command()
def child(engine: str, path: Path, model: str, threads: int) -> None:
    """Read ``path`` with one engine alone and print its peak memory in MB (of this process)."""
    if engine == "RapidOCR":
        RapidOcrScenes(threads).find_words(path)
    else:
        SceneReader(model, threads=threads).read(path)
    print(
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1 << 20)
    )


def peak_memory(engine: str, path: Path, model: str, threads: int) -> float:
    command = [sys.executable, __file__, "child", engine, str(path), model, str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def first_words(path: Path, model: str, threads: int) -> float:
    """The median seconds from a call of ``clipstr scan`` to its end, files cached."""
    command = [
        sys.executable,
        "-m",
        "clipstr",
        "scan",
        str(path),
        "--model",
        model,
        "--threads",
        str(threads),
    ]
    seconds = []
    for _ in range(STARTS + 1):
        begun = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds[1:])


@app.command()
def measure(
    scenes: Annotated[Path, typer.Option(exists=True, help="A folder of photographs with words.jsonl.")],
    limit: Annotated[int, typer.Option(min=1, help="Photographs to take the time of.")] = 20,
    threads: Annotated[int, typer.Option(min=1)] = 2,
    model: str = DEFAULT_MODEL,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all figures here.")] = None,
) -> None:
    """Measure and print."""
    os.environ.pop("OMP_NUM_THREADS", None)  # it would limit ours alone
    photographs = [photograph.path for photograph in load_photographs(scenes)][:limit]
    seconds = taking_turns(photographs, model, threads)
    peer = statistics.mean(seconds["RapidOCR"])
    figures: dict[str, object] = {"model": model, "threads": threads, "photographs": len(photographs)}
    print("| engine | s a photograph: mean | median | over RapidOCR | MB for 12 megapixels |")
    print("|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large.jpg"
        large_photograph(large)
        for name, values in seconds.items():
            mean, memory = statistics.mean(values), peak_memory(name, large, model, threads)
            row = {"mean": mean, "median": statistics.median(values), "ratio": mean / peer, "peak_mb": memory}
            figures[name] = row
            print(
                f"| {name} | {mean:.2f} | {row['median']:.2f} | {row['ratio']:.2f} | {memory:.0f} |",
                flush=True,
            )
    figures["first_words_seconds"] = first_words(photographs[0], model, threads)
    print(f"\nFrom the command to its words, in a fresh process: {figures['first_words_seconds']:.2f} s")
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    app()
