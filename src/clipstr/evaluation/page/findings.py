"""What an error report tells: what accuracy depends on, what is taken for what, which words to look at."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from rapidfuzz.distance import Levenshtein

from clipstr.data import LabelRule, Source, find_sources
from clipstr.errors import DataError, ImageError
from clipstr.evaluation.kept import KeptSet, Readings
from clipstr.evaluation.protocol import Word, set_name
from clipstr.imaging import picture_size
from clipstr.metrics import Interval, wilson_interval

__all__ = ["MISTAKES", "Findings", "Mistake", "Share", "find_out"]

MISTAKES = 48
"""How many of the worst mistakes are shown: those that the reader was surest of."""

NOTHING = ""
"""What a character that was missed was taken for, and an added one stands for."""

_HEIGHTS = ((0, 16, "below 16"), (16, 24, "16 to 23"), (24, 32, "24 to 31"), (32, 48, "32 to 47"))
_LONG = 12  # characters from which lengths are taken together


@dataclass
class Share:
    """How many words of a kind there are, and how many of them were read right."""

    words: int = 0
    right: int = 0

    def add(self, right: bool) -> None:
        """Count one more."""
        self.words += 1
        self.right += right

    @property
    def accuracy(self) -> float:
        """From 0 to 1."""
        return self.right / self.words if self.words else float("nan")

    @property
    def interval(self) -> Interval:
        """The accuracy's 95 % interval."""
        return wilson_interval(self.right, self.words)


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A word that was misread: where it is, what it says, what was read, and how sure each character was."""

    set_name: str
    index: int
    label: str
    text: str
    raw: str
    confidence: float
    characters: tuple[float, ...]


@dataclass
class Findings:
    """All that the report shows; the shares by the name of their kind, in the order to be shown in."""

    lengths: dict[str, Share] = field(default_factory=dict)
    heights: dict[str, Share] = field(default_factory=dict)
    cases: dict[str, Share] = field(default_factory=dict)
    confusions: Counter[tuple[str, str]] = field(default_factory=Counter)  # written -> read
    written: Counter[str] = field(default_factory=Counter)  # characters of the labels
    sureness: dict[str, list[float]] = field(
        default_factory=dict
    )  # by character: its count, right, confidence
    mistakes: list[Mistake] = field(default_factory=list)  # the surest first
    wrong: int = 0


def find_out(readings: Readings, data: Path, rule: LabelRule) -> Findings:
    """What the ``readings`` of the data sets below ``data`` tell, compared by ``rule``."""
    sources = {set_name(source, data): source for source in find_sources(data)}
    findings, lengths, heights = Findings(), defaultdict[int, Share](Share), defaultdict[str, Share](Share)
    cases, worst, ties = defaultdict[str, Share](Share), list[tuple[float, int, Mistake]](), count()
    for kept, word, label, text in _compared(readings, rule):
        right = word.error is None and text == label
        lengths[min(len(label), _LONG)].add(right)
        cases[_case(word.label or "")].add(right)
        heights[_height(sources[kept.name], word.index)].add(right)
        findings.written.update(label)
        _confuse(findings, label, text)
        _sure(findings, label, word, rule)
        if not right:
            findings.wrong += 1
            mistake = Mistake(
                set_name=kept.name,
                index=word.index,
                label=label,
                text=text,
                raw=word.text,
                confidence=word.confidence,
                characters=word.characters,
            )
            if word.error is None:
                heapq.heappush(worst, (word.confidence, -next(ties), mistake))
            if len(worst) > MISTAKES:
                heapq.heappop(worst)
    findings.mistakes = [mistake for _, _, mistake in sorted(worst, reverse=True, key=lambda item: item[:2])]
    names = {length: f"{_LONG} or more" if length == _LONG else str(length) for length in sorted(lengths)}
    findings.lengths = {name: lengths[length] for length, name in names.items()}
    order = [name for _, _, name in _HEIGHTS] + ["48 or more", "unknown"]
    findings.heights = {name: heights[name] for name in order if name in heights}
    findings.cases = dict(sorted(cases.items(), key=lambda item: -item[1].words))
    for source in sources.values():
        source.close()
    return findings


def _compared(readings: Readings, rule: LabelRule) -> Iterator[tuple[KeptSet, Word, str, str]]:
    """Every word whose label the rule keeps, with its label and its reading as compared."""
    for kept in readings.sets:
        for word in kept.words():
            label = None if word.label is None else rule.apply(word.label).text
            if label is not None:
                yield kept, word, label, rule.charset.fold(word.text)


def _case(label: str) -> str:
    letters = [character for character in label if character.isalpha()]
    if not letters:
        return "no letters"
    if any(character.isdigit() for character in label):
        return "letters and digits"
    written = "".join(letters)
    if written.isupper():
        return "CAPITALS"
    if written.islower():
        return "small letters"
    return "Capitalised" if written[0].isupper() and written[1:].islower() else "mIxed"


def _height(source: Source, index: int) -> str:
    try:
        height = picture_size(source.image_bytes(index))[1]
    except (ImageError, DataError):
        return "unknown"
    return next((name for low, high, name in _HEIGHTS if low <= height < high), "48 or more")


def _confuse(findings: Findings, label: str, text: str) -> None:
    """Counts what was read for what, by the shortest way from the label to the reading."""
    for edit in Levenshtein.editops(label, text):
        written = NOTHING if edit.tag == "insert" else label[edit.src_pos]
        read = NOTHING if edit.tag == "delete" else text[edit.dest_pos]
        findings.confusions[written, read] += 1


def _sure(findings: Findings, label: str, word: Word, rule: LabelRule) -> None:
    """Adds the probabilities of the characters read, by character, and whether they were right."""
    if len(word.characters) != len(word.text):
        return
    folded = [(rule.charset.fold(c), chance) for c, chance in zip(word.text, word.characters, strict=True)]
    read = [(character, chance) for character, chance in folded if len(character) == 1]
    text = "".join(character for character, _ in read)
    kept = {
        place
        for block in Levenshtein.opcodes(label, text)
        if block.tag == "equal"
        for place in range(block.dest_start, block.dest_end)
    }
    for place, (character, chance) in enumerate(read):
        sums = findings.sureness.setdefault(character, [0.0, 0.0, 0.0])
        sums[0] += 1
        sums[1] += place in kept
        sums[2] += chance
