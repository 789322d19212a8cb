"""Table 11: how long a picture takes our models on this machine, and how many parameters they have."""

from __future__ import annotations

import platform
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from clipstr.errors import ModelError
from clipstr.markdown import markdown_table
from clipstr.models import installed_models
from clipstr.paper.published import TIMES
from clipstr.reader import Reader

__all__ = ["Cost", "cost_table", "costs"]

_SIZES = {"smoke": 8, "small": 200, "full": 3000}  # pictures that are read one by one; the paper: 3,000
_WORDS = ("hotel", "coffee", "station", "market", "open", "pharmacy", "welcome", "2026")


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What reading with a model costs: parameters in millions, and milliseconds a picture, one at a time."""

    name: str
    parameters: float | None
    milliseconds: float
    note: str


def costs(scale: str, pictures: Sequence[Image.Image], *, threads: int | None) -> list[Cost]:
    """The costs of every installed model at one look and with second looks, and of the paper's own sizes.

    The paper's recogniser is timed with random weights, which seldom end a word by themselves: it mostly
    writes all 26 positions, where the usual word has six.
    """
    count = _SIZES[scale]
    shown = [pictures[number % len(pictures)] for number in range(count)]
    found = []
    for name, folder in installed_models().items():
        for looks, note in ((False, "one look"), (True, "second looks")):
            reader = Reader(folder, threads=threads, second_looks=looks)
            found.append(
                Cost(
                    name=name,
                    parameters=_parameters(folder),
                    milliseconds=_milliseconds(reader, shown),
                    note=note,
                )
            )
    if scale != "smoke":
        found.append(_papers(shown[:50], threads))
    return found


def cost_table(found: Sequence[Cost], *, threads: int | None) -> str:
    """Table 11 in Markdown: ours as measured here, then the paper's figures, from its own machine."""
    here = f"{platform.machine()}, {'all useful' if threads is None else threads} thread(s)"
    rows = [
        [one.name, one.note, here, "-", _millions(one.parameters), f"{one.milliseconds:.1f}"] for one in found
    ]
    rows += [
        [name, "as published", "NVIDIA 3090", f"{average:.1f}", "-", f"{milliseconds:.1f}"]
        for name, average, milliseconds in TIMES
    ]
    head = ["Model", "How", "Where", "Avg", "Parameters, M", "ms a picture"]
    return "## Table 11: time and parameters\n\n" + markdown_table(head, rows, words=3)


def _milliseconds(reader: Reader, pictures: Sequence[Image.Image]) -> float:
    """The mean over ``pictures`` one by one, the first of which is read before the clock runs."""
    reader.read(pictures[0])
    spent = []
    for picture in pictures:
        start = time.perf_counter()
        reader.read(picture)
        spent.append(1000 * (time.perf_counter() - start))
    return statistics.mean(spent)


def _parameters(folder: Path) -> float | None:
    """Millions of parameters of the recogniser in ``folder``, or None if it cannot be trained on."""
    from clipstr.student.storage import load_recogniser

    try:
        return _count(load_recogniser(folder)[0])
    except ModelError:
        return None


def _papers(pictures: Sequence[Image.Image], threads: int | None) -> Cost:
    from clipstr.export import export_model
    from clipstr.student import SIZES, Recogniser
    from clipstr.student.storage import save_recogniser

    model = Recogniser(SIZES["base"]).eval()
    with tempfile.TemporaryDirectory() as scratch:
        save_recogniser(model, Path(scratch) / "trained", name="base", source={})
        export_model(Path(scratch) / "trained", Path(scratch) / "exported", precision="float32")
        reader = Reader(Path(scratch) / "exported", threads=threads, second_looks=False)
        milliseconds = _milliseconds(reader, pictures)
    note = "the paper's sizes, random weights, mostly all 26 positions"
    return Cost(name="base", parameters=_count(model), milliseconds=milliseconds, note=note)


def _millions(parameters: float | None) -> str:
    return "-" if parameters is None else f"{parameters:.1f}"


def _count(model: object) -> float:
    parameters: Iterator[object] = model.parameters()  # type: ignore[attr-defined]
    return sum(part.numel() for part in parameters) / 1e6  # type: ignore[attr-defined]
