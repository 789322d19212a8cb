"""What labelling leaves behind: a data set of the kept, one of the doubtful, a sheet, a summary."""

from __future__ import annotations

import csv
import io
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from clipstr.data import write_lmdb
from clipstr.errors import ImageError, InputError
from clipstr.files import make_folder, write_bytes, write_json, write_text
from clipstr.imaging import load_image
from clipstr.labelling.proposals import Proposal

__all__ = ["DOUBTFUL_FOLDER", "KEPT_FOLDER", "SHEET_FILE", "SUMMARY_FILE", "Labelled", "write_labels"]

KEPT_FOLDER, DOUBTFUL_FOLDER = "kept", "doubtful"
SHEET_FILE, SUMMARY_FILE = "kept.png", "labelling.json"
SHOWN = 40  # of the kept on the sheet, drawn by lot
COLUMNS = ("path", "text", "confidence", "second", "second_confidence", "origin")


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """How many crops became what: ``given`` is the sum of the others."""

    given: int
    agreed: int
    sure: int
    doubtful: int
    failed: int

    @property
    def kept(self) -> int:
        """How many have a label to be trained on."""
        return self.agreed + self.sure


@dataclass
class _Course:
    """What is gathered while the kept are written."""

    doubtful: Path
    failed: Callable[[ImageError], None]
    counts: Counter[str] = field(default_factory=Counter)
    rows: list[tuple[float, list[str]]] = field(default_factory=list)  # doubt, and the cells of the table
    shown: list[Proposal] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(0))

    def kept(self, proposals: Iterable[Proposal | ImageError]) -> Iterator[tuple[bytes, str]]:
        """The samples to keep, all else put where it belongs."""
        for proposal in proposals:
            if isinstance(proposal, ImageError):
                self.counts["failed"] += 1
                self.failed(proposal)
            elif proposal.kept:
                self.counts[proposal.verdict] += 1
                self._show(proposal)
                yield proposal.crop.content, proposal.reading.text
            else:
                self.counts["doubtful"] += 1
                self._put_aside(proposal)

    def _show(self, proposal: Proposal) -> None:
        """Every kept one has the same chance to be on the sheet (Vitter's reservoir, 1985)."""
        number = self.counts["agreed"] + self.counts["sure"]
        if len(self.shown) < SHOWN:
            self.shown.append(proposal)
        elif (place := self.chance.randrange(number)) < SHOWN:
            self.shown[place] = proposal

    def _put_aside(self, proposal: Proposal) -> None:
        number = self.counts["doubtful"]
        if number == 1:
            make_folder(self.doubtful / "images")
        content, second = proposal.crop.content, proposal.second
        with Image.open(io.BytesIO(content)) as picture:
            suffix = f".{picture.format.lower()}" if picture.format else ""
        name = f"images/{number:08}{suffix}"
        write_bytes(self.doubtful / name, content)
        said = ["", ""] if second is None else [second.text, f"{second.confidence:.4f}"]
        cells = [name, proposal.reading.text, f"{proposal.reading.confidence:.4f}", *said]
        self.rows.append((proposal.doubt, [*cells, proposal.crop.origin]))


def write_labels(
    out: Path,
    proposals: Iterable[Proposal | ImageError],
    *,
    failed: Callable[[ImageError], None] = lambda error: None,
) -> Labelled:
    """What became of the ``proposals``, written into the new folder ``out`` while they come.

    ``kept`` is an LMDB of the crops that are sure enough, their bytes as they were; ``doubtful`` a folder of
    the others with a table ``labels.csv``, most doubtful first, that a person corrects, and which is a
    data set too (rows without a text are left out by training); ``kept.png`` a sheet of some kept
    ones to look at; ``labelling.json`` the counts. ``failed`` hears of crops that cannot be decoded. Raises
    `InputError` if ``out`` has labels already and `OutputError` if it cannot be written.
    """
    for name in (KEPT_FOLDER, DOUBTFUL_FOLDER, SUMMARY_FILE):
        if (out / name).exists():
            raise InputError(f"{out} has labels already ({name}): choose another folder")
    make_folder(out)
    course = _Course(out / DOUBTFUL_FOLDER, failed)
    try:
        _write_all(out, course, proposals)
        names = ("agreed", "sure", "doubtful", "failed")
        counts = {name: course.counts[name] for name in names}
        labelled = Labelled(given=sum(counts.values()), **counts)
        write_json(out / SUMMARY_FILE, asdict(labelled))
    except BaseException:
        # None of it was there before, and half of it would be in the way of the next try.
        for name in (KEPT_FOLDER, DOUBTFUL_FOLDER):
            shutil.rmtree(out / name, ignore_errors=True)
        raise
    return labelled


def _write_all(out: Path, course: _Course, proposals: Iterable[Proposal | ImageError]) -> None:
    samples = course.kept(proposals)
    first = next(samples, None)
    if first is not None:
        write_lmdb(out / KEPT_FOLDER, _with_first(first, samples))
        _write_sheet(out / SHEET_FILE, course.shown)
    if course.rows:
        write_text(course.doubtful / "labels.csv", _table(course.rows))


def _with_first(first: tuple[bytes, str], rest: Iterator[tuple[bytes, str]]) -> Iterator[tuple[bytes, str]]:
    yield first
    yield from rest


def _table(rows: list[tuple[float, list[str]]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(cells for _, cells in sorted(rows, key=lambda row: -row[0]))
    return text.getvalue()


def _write_sheet(path: Path, shown: list[Proposal]) -> None:
    from clipstr.sheets import contact_sheet  # which needs OpenCV

    pictures = [(np.asarray(load_image(each.crop.content)), each.reading.text) for each in shown]
    content = io.BytesIO()
    contact_sheet(pictures).save(content, "PNG")
    write_bytes(path, content.getvalue())
