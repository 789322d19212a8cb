"""Time, memory and first words of whole photographs, ours beside RapidOCR's whole pipeline, in one run.

    python benchmarks/scenes.py measure --scenes DIR --limit 20 --threads 2 [--model NAME] [--json FILE]
    python benchmarks/scenes.py odd [--threads 2] [--model NAME] [--seen DIR]

The two take turns on each photograph, so that whatever else the machine does slows both alike: what counts is
the ratio. Accuracy is `clipstr evaluate --scenes DIR --peer rapidocr`. ``odd`` draws pictures that are
very large, very long or have very small letters, and tells of both engines how much of it they read, with
seconds and peak memory, each picture in a process of its own.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from PIL import Image, ImageDraw, ImageFont

from clipstr.evaluation.scene_peers import OurScenes, RapidOcrScenes
from clipstr.evaluation.scenes import (
    FoundWord,
    ScenePeer,
    TruePhotograph,
    TrueWord,
    compare_photograph,
    load_photographs,
)
from clipstr.models import DEFAULT_MODEL
from clipstr.processors import peak_memory
from clipstr.scenes import SceneReader
from clipstr.synth.config import SynthConfig
from clipstr.synth.words import Vocabulary

app = typer.Typer(pretty_exceptions_enable=False)

STARTS = 3  # fresh processes, of which the median is told
LARGE = (4000, 3000)  # pixels of the photograph whose memory is measured


ENGINES: dict[str, Callable[[str, int], ScenePeer]] = {
    "clipstr": lambda model, threads: OurScenes(SceneReader(model, threads=threads)),
    "RapidOCR": lambda model, threads: RapidOcrScenes(threads),
}


def taking_turns(photographs: list[Path], model: str, threads: int) -> dict[str, list[float]]:
    """Seconds of each photograph by engine; the first photograph is read once before."""
    found: dict[str, list[float]] = {}
    several = [(name, make(model, threads)) for name, make in ENGINES.items()]
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


@dataclass(frozen=True)
class OddPicture:
    """A picture to draw, black on white or on many colours."""

    size: tuple[int, int]
    heights: tuple[int, ...]  # pixels of an em, of lines in turn
    leading: float  # of lines, over their height
    gap: float  # between words, over the height; 0.28 is a space
    rough: bool  # on a ground of many colours, as photographs have


ODD_PICTURES = {
    "a photograph of 50 megapixels": OddPicture((8660, 5774), (40, 64, 120, 28, 90), 2.0, 3.0, True),
    "a panorama, 12,000 x 1,500": OddPicture((12000, 1500), (30, 24, 60), 2.2, 4.0, True),
    "a receipt, 1:12": OddPicture((600, 7200), (26,), 1.5, 0.6, False),
    "a screenshot with letters of 6 pixels": OddPicture((1280, 720), (9,), 1.6, 0.28, False),
    "a page, 300 dots an inch": OddPicture((2480, 3508), (46,), 1.3, 0.28, False),
    "a blank page": OddPicture((2480, 3508), (), 1.0, 1.0, False),
}


def odd_photograph(odd: OddPicture, path: Path) -> TruePhotograph:
    """Draws ``odd`` at ``path``: lines of words, each where it says."""
    rng = np.random.default_rng(0)
    width, height = odd.size
    picture = Image.new("RGB", odd.size, "white")
    if odd.rough:
        colours = rng.integers(140, 255, (height // 200, width // 200, 3), np.uint8)
        picture = Image.fromarray(colours).resize(odd.size, Image.Resampling.BICUBIC)
    vocabulary = Vocabulary(SynthConfig())
    draw, words, top = ImageDraw.Draw(picture), list[TrueWord](), 20.0
    for em in itertools.cycle(odd.heights):
        if top + 2 * em > height:
            break
        font, left = ImageFont.load_default(em), 20.0 + em * rng.random()
        while True:
            text = next(word for word in iter(partial(vocabulary.word, rng), None) if word.isascii())
            box = draw.textbbox((left, top), text, font)
            if box[2] > width - 20:
                break
            draw.text((left, top), text, (20, 20, 40), font)
            corners = [(box[0], box[1]), (box[2], box[1]), (box[2], box[3]), (box[0], box[3])]
            words.append(TrueWord(corners, text))
            left = box[2] + odd.gap * em
        top += odd.leading * em
    picture.save(path, quality=92)
    return TruePhotograph(path, tuple(words))


@app.command()
def odd(
    threads: Annotated[int, typer.Option(min=1)] = 2,
    model: str = DEFAULT_MODEL,
    only: Annotated[str | None, typer.Option(help="Part of the name of the one to draw.")] = None,
    seen: Annotated[Path | None, typer.Option(help="Keep the pictures there, with what we read.")] = None,
) -> None:
    """Read odd pictures and print how that went."""
    print("| picture | words | engine | H found, % | H read, % | s | peak MB |")
    print("|---|---:|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        place = seen or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        for number, (name, kind) in enumerate(ODD_PICTURES.items()):
            if only is not None and only not in name:
                continue
            photograph = odd_photograph(kind, place / f"{number}.jpg")
            for engine in ENGINES:
                answer = in_a_process(engine, photograph.path, model, threads)
                found = [FoundWord(word["polygon"], word["text"]) for word in answer["words"]]
                result = compare_photograph(photograph, found)
                shares = f"{100 * result.detection.hmean:.1f} | {100 * result.reading.hmean:.1f}"
                cost = f"{answer['seconds']:.1f} | {answer['peak_mb']:.0f}"
                print(f"| {name} | {len(photograph.words)} | {engine} | {shares} | {cost} |", flush=True)
            if seen is not None:
                overlay = [
                    sys.executable,
                    "-m",
                    "clipstr",
                    "scan",
                    str(photograph.path),
                    "--overlay",
                    str(seen),
                ]
                subprocess.run([*overlay, "--model", model], capture_output=True, check=True)


@app.command()
def child(engine: str, path: Path, model: str, threads: int) -> None:
    """Read ``path`` with one engine alone and print its words, seconds, and peak memory (of this process)."""
    reader = ENGINES[engine](model, threads)
    begun = time.perf_counter()
    words = reader.find_words(path)
    seconds = time.perf_counter() - begun
    peak = peak_memory() / 1e6
    found = [{"polygon": np.asarray(word.polygon).tolist(), "text": word.text} for word in words]
    print(json.dumps({"seconds": seconds, "peak_mb": peak, "words": found}))


def in_a_process(engine: str, path: Path, model: str, threads: int) -> dict[str, Any]:
    """What `child` prints of ``engine`` and ``path``."""
    command = [sys.executable, __file__, "child", engine, str(path), model, str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


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
            mean, memory = statistics.mean(values), in_a_process(name, large, model, threads)["peak_mb"]
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
