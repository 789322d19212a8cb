"""What second looks and known words cost and gain: processor time beside one look, and words read right.

    python benchmarks/looks.py --data DIR [--model full --model tiny] [--batch 32] [--every 1]

The ways of reading take turns, a batch each, on one thread; see README.md beside this file.
"""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from clipstr.charset import Charset
from clipstr.data import LabelRule, find_sources
from clipstr.models import embedded_models
from clipstr.reader import LARGEST_BATCH, Reader
from clipstr.reading import Reading

ONE = "one look"
WAYS = {
    ONE: (False, False),
    "one look, known words": (False, True),
    "second looks alone": (True, False),
    "second looks, known words": (True, True),
}
"""Second looks and known words of each way of reading."""

RULES = [LabelRule(Charset.named(name)) for name in ("36", "94")]


def main(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of LMDB data sets.")],
    model: Annotated[list[str] | None, typer.Option(help="Our models; else the embedded ones.")] = None,
    batch: Annotated[int, typer.Option(min=1, max=LARGEST_BATCH, help="Crops read together.")] = 32,
    every: Annotated[int, typer.Option(min=1, help="Take every so many-th crop.")] = 1,
) -> None:
    """Read all crops in each way and print one table."""
    samples = [
        (source.image_bytes(index), source.label(index))
        for source in find_sources(data)
        for index in range(len(source))
    ][::every]
    table = Table(box=box.MARKDOWN, title=f"{len(samples)} crops in batches of {batch}, one thread")
    for name in ("", "36", "94", "looks a word", "CPU ms a word", "one look = 1"):
        table.add_column(name)
    for name in model or list(embedded_models()):
        for row in rows(name, samples, batch):
            table.add_row(*row)
    Console(width=120).print(table)


def rows(name: str, samples: list[tuple[bytes, str]], batch: int) -> list[list[str]]:
    """The rows of the model ``name``, one for each way of reading."""
    first = Reader(name, threads=1, batch_size=batch)
    readers = {
        way: first.restricted(second_looks=looks, known_words=known) for way, (looks, known) in WAYS.items()
    }
    spent: defaultdict[str, float] = defaultdict(float)
    readings: defaultdict[str, list[Reading]] = defaultdict(list)
    first.read_images([content for content, _ in samples[:batch]])
    for start in range(0, len(samples), batch):
        block = [content for content, _ in samples[start : start + batch]]
        for way, reader in readers.items():
            begun = time.process_time()
            readings[way] += reader.read_images(block)
            spent[way] += time.process_time() - begun
    return [
        [
            f"{name}, {way}",
            *(f"{100 * share(found, samples, rule):.2f}" for rule in RULES),
            f"{sum(reading.looks for reading in found) / len(found):.2f}",
            f"{1000 * spent[way] / len(found):.2f}",
            f"{spent[way] / spent[ONE]:.2f}",
        ]
        for way, found in readings.items()
    ]


def share(readings: list[Reading], samples: list[tuple[bytes, str]], rule: LabelRule) -> float:
    """The share of words read right, 0 to 1, among those whose label ``rule`` keeps."""
    pairs = [
        (folded, rule.charset.fold(reading.text))
        for reading, (_, label) in zip(readings, samples, strict=True)
        if (folded := rule.apply(label).text) is not None
    ]
    return sum(label == text for label, text in pairs) / len(pairs)


if __name__ == "__main__":
    typer.run(main)
