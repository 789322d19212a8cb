"""Readings of whole data sets, kept in files: a set is read once, and judged as often as one likes.

Each set is a cell of the runner of experiments: whoever is killed goes on with the next set. Everything else,
figures, comparisons, reports, is made of these files, one word at a time, so that memory stays flat.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import clipstr
from clipstr.data import LabelRule, Source, find_sources
from clipstr.errors import DataError
from clipstr.evaluation.comparison import Comparison, compare, pair
from clipstr.evaluation.protocol import Word, judge, read_words, set_name, set_remark, told
from clipstr.evaluation.results import DamagedSet, Evaluation, SetResult, WordResult
from clipstr.experiments import Cell, Experiment, Turn
from clipstr.files import whole_file
from clipstr.reading import WordReader

__all__ = ["KeptSet", "Readings", "compared", "judged", "read_all"]

WORDS_FILE = "words.jsonl"
PROTOCOL = 3
"""Raised when what is kept of a word changes: older files are then read anew."""


@dataclass(frozen=True, kw_only=True)
class KeptSet:
    """A data set as one reader read it: its name, its words' file, and what is wrong with it as a whole."""

    name: str
    file: Path
    remark: str | None

    def words(self) -> Iterator[Word]:
        """The words in order, read from the file one by one."""
        with self.file.open(encoding="utf-8") as lines:
            for line in lines:
                values = json.loads(line)
                values["characters"] = tuple(values.get("characters", ()))
                yield Word(**values)


@dataclass(frozen=True, kw_only=True)
class Readings:
    """What one reader read: its name, the checksum of its model if it has one, and the sets."""

    reader: str
    checksum: str | None
    sets: tuple[KeptSet, ...]
    damaged: tuple[DamagedSet, ...]


def read_all(
    reader: WordReader,
    folder: str | Path,
    rules: Sequence[LabelRule],
    keep: Path,
    *,
    key: Mapping[str, Any],
    batch_size: int = 32,
    advance: Callable[[int], None] = lambda words: None,
) -> Readings:
    """What ``reader`` reads in every data set at or below ``folder``, kept below ``keep``.

    Sets that are there already are not read again: ``key`` has what decides the readings, a model's
    checksum under "checksum" if there is one. ``advance`` is told of words as they are read. Raises
    `DataError` if there are no data sets.
    """
    top, experiment = Path(folder), Experiment(keep)
    sets: list[KeptSet] = []
    damaged: list[DamagedSet] = []
    for source in find_sources(top):
        name = set_name(source, top)
        try:
            cell = _cell(reader, name, source, rules, key, batch_size, advance)
            known = experiment.finished(cell)
            (found,) = experiment.finish([cell])
            if known is not None:
                advance(found["samples"])
            file = experiment.place(cell) / WORDS_FILE
            sets.append(KeptSet(name=name, file=file, remark=found["remark"]))
        except DataError as error:
            damaged.append(DamagedSet(name=name, error=told(error, source)))
        finally:
            source.close()
    return Readings(
        reader=reader.name, checksum=key.get("checksum"), sets=tuple(sets), damaged=tuple(damaged)
    )


def judged(
    readings: Readings, rule: LabelRule, *, watch: Callable[[WordResult], None] | None = None
) -> Evaluation:
    """The figures of ``readings``, compared by ``rule``; ``watch`` is told of each word."""
    results: list[SetResult] = [
        judge(kept.words(), kept.name, rule, watch=watch, remark=kept.remark) for kept in readings.sets
    ]
    return Evaluation(model=readings.reader, rule=rule, sets=tuple(results), damaged=readings.damaged)


def compared(first: Readings, second: Readings, rule: LabelRule) -> Comparison:
    """The two readers' words of every set that both have, side by side."""
    others = {kept.name: kept for kept in second.sets}
    sets = [
        pair(kept.words(), others[kept.name].words(), kept.name, rule)
        for kept in first.sets
        if kept.name in others
    ]
    return compare(first.reader, second.reader, sets)


def _cell(
    reader: WordReader,
    name: str,
    source: Source,
    rules: Sequence[LabelRule],
    key: Mapping[str, Any],
    batch_size: int,
    advance: Callable[[int], None],
) -> Cell:
    """The set ``source`` to be read by ``reader``; raises `DataError` if it cannot be opened."""
    count, remark = len(source), set_remark(source)

    def make(turn: Turn) -> dict[str, Any]:
        with whole_file(turn.folder / WORDS_FILE) as file:
            for word in read_words(reader, source, rules, batch_size=batch_size):
                file.write(_line(word))
                advance(1)
        return {"samples": count, "remark": remark}

    alphabets = [[rule.charset.characters, rule.max_length, rule.unknown] for rule in rules]
    whole = {
        "protocol": PROTOCOL,
        "clipstr": clipstr.__version__,
        "reader": reader.name,
        "set": name,
        "samples": count,
        "files": _files(source.path),
        "alphabets": alphabets,
        **key,
    }
    return Cell(name=f"{reader.name} {name}", key=whole, make=make)


def _files(path: Path) -> list[list[Any]]:
    """The names, sizes and times of a set's files: what tells that it is still the same."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    found = [(file.name, file.stat()) for file in files if file.is_file() and file.name != "lock.mdb"]
    return [[name, stat.st_size, stat.st_mtime_ns] for name, stat in found]


def _line(word: Word) -> bytes:
    values = {name: value for name, value in asdict(word).items() if value not in (None, ())}
    values["label"] = word.label
    return json.dumps(values).encode() + b"\n"
