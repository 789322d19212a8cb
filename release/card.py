"""What a released model reads, how fast, and where it fails: measured, and written as its card.

Every figure is taken on labelled crops that the model was not trained on.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from clipstr import Reader
from clipstr.charset import Charset
from clipstr.data import LabelRule, find_sources
from clipstr.evaluation import Evaluation, WordResult, evaluate, set_name
from clipstr.export.compression import Precision
from clipstr.imaging import load_image
from clipstr.models import ModelConfig
from clipstr.reading import Reading, WordReader

__all__ = ["Figures", "accuracy", "card", "measure"]

TIMED = 256  # crops whose reading is timed, spread over the sets
BATCH = 32
_ARITHMETIC = {
    "int8": "matrix products in integers of 8 bits, all else in float32",
    "half": "arithmetic in float32",
    "float32": "arithmetic in float32",
}
TURNS = (10, 30, 90, 180)  # degrees
Share = tuple[int, float]  # of how many words which share was read right


@dataclass
class Figures:
    """What was measured; accuracies are shares from 0 to 1, by whatever tells them apart."""

    sets: dict[str, dict[str, Share]] = field(default_factory=dict)  # way of reading -> set or "all"
    groups: dict[str, dict[str, Share]] = field(default_factory=dict)  # table -> row
    turned: dict[str, Share] = field(default_factory=dict)  # degrees -> share
    ms: dict[str, tuple[float, float]] = field(default_factory=dict)  # way -> alone, in batches of 32


@dataclass
class _Turned:
    """A reader of crops that are turned before it sees them."""

    reader: WordReader
    degrees: float
    name: str = "turned"

    def read_images(self, images: Iterable[Image.Image | np.ndarray]) -> list[Reading]:
        pictures = [load_image(image) for image in images]
        return self.reader.read_images(
            [p.rotate(self.degrees, Image.Resampling.BICUBIC, expand=True) for p in pictures]
        )


def accuracy(reader: WordReader, data: Path, alphabet: str) -> Evaluation:
    """How ``reader`` reads the data sets below ``data``, compared in one of the field's alphabets."""
    return evaluate(reader, data, LabelRule(Charset.named(alphabet)))


def measure(folder: Path, data: Path, *, threads: int) -> Figures:
    """All figures of the exported model in ``folder`` on the data sets below ``data``."""
    figures = Figures()
    once = Reader(folder, threads=threads, second_looks=False)
    more = Reader(folder, threads=threads)
    words: list[WordResult] = []
    ways: list[tuple[str, WordReader, str]] = [("36, one look", once, "36"), ("36", more, "36")]
    if len(more.form.charset.characters) > 36:
        ways += [("94, one look", once, "94"), ("94", more, "94")]
    if not (own := once.form.charset.characters).isascii():
        ways += [("as written, one look", once, own), ("as written", more, own)]
    for way, reader, alphabet in ways:
        rule = LabelRule(Charset.named(alphabet))
        found = evaluate(reader, data, rule, watch=words.append if way == "36" else None)
        figures.sets[way] = {part.name: (part.count, part.means.accuracy) for part in found.sets}
        figures.sets[way]["all"] = (found.count, found.weighted.accuracy)
    figures.groups = _groups(words, _sizes(data))
    for degrees in TURNS:
        found = accuracy(_Turned(more, degrees), data, "36")
        figures.turned[str(degrees)] = (found.count, found.weighted.accuracy)
    crops = _spread(data)
    figures.ms = {"one look": _speed(once, crops), "second looks": _speed(more, crops)}
    return figures


def _sizes(data: Path) -> dict[tuple[str, int], tuple[int, int]]:
    """Width and height of every crop, by its set's name and number."""
    return {
        (set_name(source, data), index): load_image(source.image_bytes(index)).size
        for source in find_sources(data)
        for index in range(len(source))
    }


def _groups(
    words: Sequence[WordResult], sizes: dict[tuple[str, int], tuple[int, int]]
) -> dict[str, dict[str, Share]]:
    """The accuracy by properties of the words and of their crops."""

    def shares(
        ranges: Mapping[str, tuple[float, float]], of: Callable[[WordResult], float]
    ) -> dict[str, Share]:
        rows = {name: [w.right for w in words if low <= of(w) < high] for name, (low, high) in ranges.items()}
        return {name: (len(right), float(np.mean(right))) for name, right in rows.items() if right}

    def size(word: WordResult) -> tuple[int, int]:
        return sizes[word.set_name, word.index]

    lengths = {"1 to 3": (1, 4), "4 to 6": (4, 7), "7 to 9": (7, 10), "10 and more": (10, 99)}
    heights = {"below 16": (0, 16), "16 to 31": (16, 32), "32 to 63": (32, 64), "64 and more": (64, 1e9)}
    shapes = {
        "as wide as high, or wider": (0, 1.001),
        "up to 1.5 times as high as wide": (1.001, 1.501),
        "higher": (1.501, 1e9),
    }
    return {
        "characters": shares(lengths, lambda word: len(word.label)),
        "crop's height, pixels": shares(heights, lambda word: size(word)[1]),
        "crop's shape": shares(shapes, lambda word: size(word)[1] / size(word)[0]),
    }


def _spread(data: Path) -> list[Image.Image]:
    places = [(source, index) for source in find_sources(data) for index in range(len(source))]
    count = min(TIMED, len(places))
    return [
        load_image(source.image_bytes(index))
        for source, index in (places[number * len(places) // count] for number in range(count))
    ]


def _speed(reader: WordReader, crops: Sequence[Image.Image]) -> tuple[float, float]:
    """Milliseconds a crop: alone (the mean), and in batches (the median batch's)."""
    reader.read_images(crops[:BATCH])

    def milliseconds(images: Sequence[Image.Image]) -> float:
        start = time.perf_counter()
        reader.read_images(images)
        return 1000 * (time.perf_counter() - start) / len(images)

    alone = statistics.mean(milliseconds([crop]) for crop in crops)
    batches = [crops[start : start + BATCH] for start in range(0, len(crops), BATCH)]
    return alone, statistics.median(milliseconds(batch) for batch in batches)


def card(
    config: ModelConfig,
    figures: Figures,
    stored: Mapping[Precision, float],
    *,
    about: str,
    machine: str,
    threads: int,
) -> str:
    """The card in Markdown.

    ``stored`` is the accuracy at one look by the precision of the stored weights, ``about`` what only a
    person can tell (under headings "Data" and "Recipe"), ``machine`` where speed was measured.
    """
    megabytes = sum(record.bytes for record in config.files.values()) / 1e6
    recipe = config.source.get("recipe", {})
    precision = config.source["precision"]
    ascii_alone = config.form.charset.characters.isascii()
    marks = "" if ascii_alone else " As written is with marks, in its own alphabet."
    sections = [
        f"# {config.name}",
        f"{megabytes:.1f} MB, weights in {precision}, {_ARITHMETIC[precision]}. One word a picture, "
        f"{len(config.form.charset.characters)} characters, words of up to {config.form.max_length}.",
        about.strip(),
        f"{config.source.get('samples', 0):,} samples in {config.source.get('minutes', 0)} minutes, seeds "
        f"{recipe.get('run', {}).get('seed', 0)} (weights) and {recipe.get('data', {}).get('seed', 0)} "
        "(samples); the whole recipe stands in `config.json`.",
        "## Figures",
        "Words read right (%) in crops that were not trained on, but on which the checkpoint was chosen; "
        "compared in 36 characters (case and punctuation ignored) or in 94, at one look and with second "
        f"looks (the default).{marks}",
        _sets_table(figures.sets),
        "At one look, by the precision of the stored weights: "
        + ", ".join(f"{name} {100 * share:.2f}" for name, share in stored.items())
        + f"; this one is stored in {precision}.",
        f"Milliseconds a crop on {threads} thread(s) of {machine}:",
        _table(
            ["", "alone", "in batches of 32"],
            [[way, f"{alone:.1f}", f"{batch:.1f}"] for way, (alone, batch) in figures.ms.items()],
        ),
        "## Weaknesses",
        "Measured on the same crops with second looks, in 36 characters:",
        *(_shares_table(name, rows) for name, rows in figures.groups.items()),
        _shares_table("crops turned by, degrees", figures.turned),
        "It reads words that were cut out (`clipstr scan` finds them), and cannot tell a picture without "
        "text from one with.",
        "## Checksums",
        _table(
            ["file", "bytes", "SHA-256"],
            [[f"`{n}`", f"{r.bytes:,}", f"`{r.sha256}`"] for n, r in config.files.items()],
        ),
    ]
    return "\n\n".join(sections) + "\n"


def _sets_table(sets: dict[str, dict[str, Share]]) -> str:
    ways, names = list(sets), list(next(iter(sets.values())))
    rows = [[name, str(sets[ways[0]][name][0])] for name in names]
    for row, name in zip(rows, names, strict=True):
        row += [f"{100 * sets[way][name][1]:.1f}" if name in sets[way] else "-" for way in ways]
    rows[-1] = [f"**{cell}**" for cell in ["all, by words", *rows[-1][1:]]]
    return _table(["set", "words in 36", *ways], rows)


def _shares_table(name: str, rows: dict[str, Share]) -> str:
    return _table(
        [name, "words", "right"],
        [[row, str(count), f"{100 * share:.1f}"] for row, (count, share) in rows.items()],
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def this_machine() -> str:
    """The processor's name, as the system tells it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        name = next(line.split(":")[1].strip() for line in text.splitlines() if line.startswith("model name"))
    except (OSError, StopIteration):
        name = "an unnamed processor"
    return f"{name} with {os.cpu_count()} cores"
