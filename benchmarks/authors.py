"""An exported recogniser beside the authors' own way to read with it in PyTorch, in one run.

    python benchmarks/authors.py --data DIR [--model FOLDER] [--threads 2] [--count 64]

Without `--model` it is the paper's architecture (31 M parameters, patches of 4x8, 36 characters) with random
weights, whose end of text is made as likely as it takes for words of the usual length. See README.md.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from parts import spread
from rich import box
from rich.console import Console
from rich.table import Table

from clipstr.decoding import Decoder, assemble, greedy
from clipstr.engine import Session
from clipstr.export.compression import Precision, compressed
from clipstr.export.graphs import decoder_graph, encoder_graph
from clipstr.export.whole import whole_decoder
from clipstr.exported import ExportedModel
from clipstr.imaging import load_image
from clipstr.student import BASE, Recogniser
from clipstr.student.scorer import StudentScorer
from clipstr.student.storage import load_recogniser

PRECISIONS: tuple[Precision, ...] = ("float32", "int8")
USUAL_STEPS = 7.3  # characters and end of a word, the mean over real crops
Read = Callable[[np.ndarray], str]


def main(
    data: Annotated[Path, typer.Option(exists=True, file_okay=False, help="Folder of LMDB data sets.")],
    model: Annotated[Path | None, typer.Option(help="A trained recogniser; else random weights.")] = None,
    threads: Annotated[int, typer.Option(min=1)] = 2,
    count: Annotated[int, typer.Option(min=32, help="Crops to time, spread over the sets.")] = 64,
    same: Annotated[int, typer.Option(min=0, help="More crops, on which texts alone are compared.")] = 0,
    processor_time: Annotated[
        bool, typer.Option(help="Count the processor's time, not the clock's: where others compute too.")
    ] = False,
) -> None:
    """Read the same crops both ways, by turns, and print one table."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    student = load_recogniser(model)[0] if model else Recogniser(BASE).eval()
    prepared = student.config.form.preprocessing
    pixels = [prepared.resize(load_image(content)) for content in spread(data, max(count, same))]
    if model is None:
        _end_as_usual(student, pixels[:8])
    ways: dict[str, Read] = {"the authors' loop, PyTorch": lambda crop: authors_loop(student, crop)}
    for precision in PRECISIONS:
        ways[f"exported, {precision}"] = exported(student, precision, threads)
    clock = time.process_time if processor_time else time.perf_counter
    spent: dict[str, list[float]] = {way: [] for way in ways}
    texts: dict[str, list[str]] = {way: [] for way in ways}
    for read in ways.values():
        read(pixels[0])
    for number, crop in enumerate(pixels):
        for way, read in ways.items():
            start = clock()
            texts[way].append(read(crop))
            if number < count:
                spent[way].append(1000 * (clock() - start))
    Console(width=120).print(as_table(spent, texts))


@torch.inference_mode()
def authors_loop(student: Recogniser, pixels: np.ndarray) -> str:
    """The text in ``pixels`` as the authors' code reads it.

    Each step runs the decoder over all that was read so far, and makes the keys and values of the picture
    anew, as PyTorch's attention does (`strhub/models/vitlora/system.py` after PARSeq's).
    """
    form = student.config.form
    images = torch.from_numpy(form.preprocessing.normalise(pixels[None]))
    seen = student.encoder.forward_stages(images)[-1]
    ids = torch.full((1, 1), form.charset.begin)
    logits = []
    for position in range(form.max_length + 1):
        picture = student.decoder.picture_memory(seen)
        stages = student.decode(ids, torch.tensor([position]), picture)
        logits.append(student.head(stages.stage4)[0, 0])
        ids = torch.cat([ids, logits[-1].argmax().reshape(1, 1)], dim=1)
        if int(ids[0, -1]) == form.charset.end:
            break
    missing = form.max_length + 1 - len(logits)
    rows = np.pad(torch.stack(logits).numpy(), ((0, missing), (0, 0)))
    return assemble(rows, form.charset).text


def exported(student: Recogniser, precision: Precision, threads: int) -> Read:
    """How the exported model reads one crop at one look, from its pixels on."""
    form = student.config.form
    step = compressed(decoder_graph(student), precision)
    graphs = (compressed(encoder_graph(student), precision), whole_decoder(step, end=form.charset.end))
    encoder, decoder = (graph.SerializeToString() for graph in graphs)
    sessions = Session(encoder, threads=threads), Session(decoder, threads=1)
    scorer, reads = ExportedModel(form, *sessions, name=precision), Decoder(form)
    return lambda crop: reads.read(scorer, [crop])[0].text


@torch.no_grad()
def _end_as_usual(student: Recogniser, pixels: Sequence[np.ndarray]) -> None:
    """Makes the end of a text as likely, in random weights, as it is in real words."""
    form = student.config.form
    student.head.bias[form.charset.end] = -1e4
    inputs = form.preprocessing.normalise(np.stack(pixels))
    endless = greedy(StudentScorer(student).look(inputs), form)
    others = np.delete(endless, form.charset.end, axis=-1).max(-1)
    lead = others - (endless[..., form.charset.end] + 1e4)
    student.head.bias[form.charset.end] = float(np.quantile(lead, 1 / USUAL_STEPS))


def as_table(spent: dict[str, list[float]], texts: dict[str, list[str]]) -> Table:
    first = next(iter(spent))
    table = Table(box=box.MARKDOWN)
    for title in ("way", "ms a crop: median", "mean", "times as quick", "same text, %", "steps"):
        table.add_column(title, justify="left" if title == "way" else "right")
    for way, milliseconds in spent.items():
        same = statistics.mean(a == b for a, b in zip(texts[way], texts[first], strict=True))
        table.add_row(
            way,
            f"{statistics.median(milliseconds):.1f}",
            f"{statistics.mean(milliseconds):.1f}",
            f"{statistics.median(spent[first]) / statistics.median(milliseconds):.1f}",
            f"{100 * same:.1f}",
            f"{statistics.mean(1 + len(text) for text in texts[way]):.1f}",
        )
    return table


if __name__ == "__main__":
    typer.run(main)
