"""What each device that is here makes of a model: how long, and how many words it reads otherwise.

    python benchmarks/devices.py --model tiny --model full --data ../shared/real/val --json devices.json

One thread, one look. The processor's own time (of all threads) is disturbed less by other programs than the
clock; of devices that are no processor the clock's counts.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image

from clipstr.cli.console import write_json
from clipstr.cli.options import new_file
from clipstr.data import find_sources
from clipstr.devices import DEVICES
from clipstr.errors import DeviceError
from clipstr.imaging import load_image
from clipstr.markdown import markdown_table
from clipstr.models import ModelConfig, find_model
from clipstr.providers import problem_with, runtime
from clipstr.reader import Reader

BATCH = 32
ALONE = 64  # words that are timed alone


def main(
    data: Annotated[Path, typer.Option(exists=True, help="Labelled or unlabelled words, in our formats.")],
    model: Annotated[list[str], typer.Option(help="Repeat for several.")],
    device: Annotated[list[str] | None, typer.Option(help="Repeat; all that are here else.")] = None,
    words: Annotated[int, typer.Option(min=64, help="Read no more than so many, evenly from all.")] = 1 << 30,
    json: Annotated[Path | None, typer.Option(parser=new_file)] = None,
) -> None:
    """Measure each device with each model, and print a table."""
    devices = device or [name for name, one in DEVICES.items() if problem_with(one) is None]
    pictures = [
        load_image(source.image_bytes(index)) for source in find_sources(data) for index in range(len(source))
    ]
    pictures = pictures[:: max(1, len(pictures) // words)]
    rows = []
    for name in model:
        size = sum(record.bytes for record in ModelConfig.load(find_model(name)).files.values())
        expected: list[str] = []
        for one in devices:
            try:
                row = measured(name, one, pictures)
            except DeviceError as error:
                print(f"{name} on {one}: {error}", file=sys.stderr)
                continue
            expected = expected or row.pop("texts")
            differ = sum(a != b for a, b in zip(expected, row.pop("texts", expected), strict=True))
            rows.append({"model": name, "MB": round(size / 1e6, 1), "device": one, **row, "differ": differ})
    print(f"ONNX Runtime {runtime().__version__}, {len(pictures)} words")
    print(markdown_table(list(rows[0]), [[str(value) for value in row.values()] for row in rows]))
    if json:
        write_json(rows, json)


def measured(model: str, device: str, pictures: Sequence[Image.Image]) -> dict[str, object]:
    """The first word's time in seconds, the others' in milliseconds, and the texts."""
    begin = time.perf_counter()
    reader = Reader(model, threads=1, second_looks=False, device=device, batch_size=BATCH)
    reader.read(pictures[0])
    first = time.perf_counter() - begin
    reader.read_images(pictures[:BATCH])
    alone = timed(lambda: [reader.read(picture) for picture in pictures[:ALONE]])
    texts: list[str] = []
    batches = timed(lambda: texts.extend(reading.text for reading in reader.read_images(pictures)))
    return {
        "first word, s": f"{first:.2f}",
        "alone, CPU ms": f"{1000 * alone[0] / ALONE:.1f}",
        "alone, ms": f"{1000 * alone[1] / ALONE:.1f}",
        "in 32, CPU ms": f"{1000 * batches[0] / len(pictures):.1f}",
        "in 32, ms": f"{1000 * batches[1] / len(pictures):.1f}",
        "texts": texts,
    }


def timed(does: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the processor and of the clock."""
    processor, clock = time.process_time(), time.perf_counter()
    does()
    return time.process_time() - processor, time.perf_counter() - clock


if __name__ == "__main__":
    typer.run(main)
