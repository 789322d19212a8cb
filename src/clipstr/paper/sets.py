"""The data that a table is measured on: the reader's own folders, or words rendered for it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from clipstr.data import Source, find_sources, write_lmdb
from clipstr.data.benchmarks import BENCHMARKS, benchmark_of
from clipstr.errors import DataError, InputError
from clipstr.evaluation import set_name
from clipstr.experiments import Cell, Experiment, Turn
from clipstr.files import make_folder
from clipstr.paper.scales import Scale
from clipstr.paper.tables import Table

__all__ = ["arrived", "explained", "fingerprint", "named_sources", "test_folder", "test_sources"]

RENDERED: dict[str, dict[str, str]] = {
    "words": {"words": "words"},
    "occluded": {"OST weak (rendered)": "occluded-weak", "OST heavy (rendered)": "occluded-heavy"},
    "scrambled": {"shuffle": "shuffle", "random": "random"},
}
"""The kinds of words that are rendered for a table's tests, by the name of the set."""

WANTED: dict[str, tuple[str, ...]] = {
    "words": ("IIIT5k", "SVT", "IC13_857", "IC15_1811", "SVTP", "CUTE80"),
    "occluded": ("OST_weak", "OST_heavy"),
    "challenging": ("ArT", "COCOv1.4", "Uber", "WordArt"),
}
"""The benchmarks that a table of the paper is measured on."""

_SEED = 20231103  # of the rendered tests: no training has it


def test_folder(table: Table, scale: Scale, experiment: Experiment, given: Path | None) -> Path:
    """The folder of the test sets of ``table``: ``given``, or else words rendered once into ``experiment``.

    Raises `InputError` where they must be named and are not.
    """
    rendered = RENDERED.get(table.tests)
    if given is not None and table.tests != "scrambled":
        return given
    if rendered is None or not scale.tests:
        raise InputError(
            f"{table.name} at scale {scale.name} needs its test sets: --tests DIR; "
            "`clipstr paper data` says which"
        )
    cells = [_rendered(name, kind, scale.tests) for name, kind in rendered.items()]
    experiment.finish(cells)
    top = experiment.folder / f"tests-{table.tests}-{scale.tests}"
    make_folder(top)
    for cell, name in zip(cells, rendered, strict=True):
        link = top / name
        if not link.exists():
            link.symlink_to(experiment.place(cell).resolve() / "words", target_is_directory=True)
    return top


def _rendered(name: str, kind: str, count: int) -> Cell:
    def make(turn: Turn) -> dict[str, int]:
        from clipstr.fonts import cache_folder, find_fonts
        from clipstr.synth import KindRenderer, SynthConfig, WordRenderer, settings_of_kind

        settings = settings_of_kind(kind, SynthConfig())
        renderer = KindRenderer(WordRenderer(settings, fonts=find_fonts((), cache=cache_folder())), kind)
        place = turn.folder / "words"
        for old in place.glob("*"):
            old.unlink()
        samples = (renderer.sample(_SEED, index) for index in range(count))
        return {"words": write_lmdb(place, ((_png(sample.image), sample.label) for sample in samples))}

    return Cell(name=name, key={"kind": kind, "count": count, "seed": _SEED}, make=make)


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_sources(table: Table, folder: Path) -> dict[str, Source]:
    """The sets below ``folder`` that ``table`` is measured on, by name: its benchmarks, or if none, all."""
    found = named_sources(folder)
    known = {name: benchmark_of(name, _count(source)) for name, source in found.items()}
    wanted = WANTED.get(table.tests, ())
    of_the_paper = {
        name: source
        for name, source in found.items()
        if (benchmark := known[name]) is not None and benchmark.name in wanted
    }
    return of_the_paper or found


def arrived(table: Table, folder: Path) -> list[str]:
    """What of the benchmarks that ``table`` is measured on is missing in ``folder`` or has another count."""
    found = {name: _count(source) for name, source in named_sources(folder).items()}
    known = {name: benchmark_of(name, count) for name, count in found.items()}
    present = {benchmark.name: found[name] for name, benchmark in known.items() if benchmark is not None}
    problems = []
    for wanted in WANTED.get(table.tests, ()):
        words = next(one.words for one in BENCHMARKS if one.name == wanted)
        if wanted not in present:
            problems.append(f"{wanted} is not here")
        elif present[wanted] != words:
            problems.append(f"{wanted} has {present[wanted]:,} words here, {words:,} in the field")
    return problems


def fingerprint(sources: Mapping[str, Source]) -> list[list[object]]:
    """What tells data apart for a cell's key: the names of the sets and their counts."""
    return [[name, _count(source)] for name, source in sources.items()]


def named_sources(folder: Path) -> dict[str, Source]:
    """All sets below ``folder`` by name."""
    return {set_name(source, folder): source for source in find_sources(folder)}


def _count(source: Source) -> int:
    try:
        return len(source)
    except DataError:
        return 0
    finally:
        source.close()


def explained() -> str:
    """Where the data and the weights of the paper's protocol are to be had, and where each goes."""
    lines = ["What `--scale full` needs; nothing of it comes with clipstr, and each has its own terms.", ""]
    lines += ["Training words, for --train (a folder of LMDB sets):"]
    lines += [_line(name) for name in ("MJ", "ST")]
    lines += ["", "Test sets, for --tests (a folder of LMDB sets named as here):"]
    for kind, names in WANTED.items():
        lines += [f"  {kind}:", *(_line(name) for name in names)]
    lines += [
        "",
        "Real words to validate on, for --validation (PARSeq's val archive; the test sets are none).",
        "",
        "OpenAI's CLIP, the teacher: OpenCLIP fetches ViT-B-16-quickgelu (tag openai) once, 600 MB; without",
        "a network, name the file by --set teacher.weights=ViT-B-16.pt, whose SHA-256 is checked",
        "(docs/distillation.md).",
        "",
        "The archives of github.com/baudm/parseq (Datasets.md) hold all but WordArt and OST, in the layout",
        "data/{train,val,test}/NAME/data.mdb: then it is",
        "  clipstr paper table1 --scale full --train data/train --validation data/val --tests data/test",
        "Counts are checked before anything is trained.",
    ]
    return "\n".join(lines)


def _line(name: str) -> str:
    known = next(one for one in BENCHMARKS if one.name == name)
    return f"  {known.name:<10} {known.words:>9,} words  {known.page} ({known.terms})"
