"""What an evaluation finds: of each word, of each data set, and of all of them together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from clipstr.data import DropReason, LabelRule
from clipstr.metrics import (
    Interval,
    calibration_error,
    ned_similarity,
    unweighted_mean,
    weighted_mean,
    wilson_interval,
)

__all__ = [
    "CONFIDENCE_BINS",
    "NAMED",
    "Bin",
    "DamagedSet",
    "Evaluation",
    "SetResult",
    "Summary",
    "Tally",
    "Unreadable",
    "WordResult",
    "error_of",
    "joined_bins",
    "summarise",
]

CONFIDENCE_BINS = 15
"""Bins of equal width in which confidence and accuracy are compared (Guo et al. 2017)."""

NAMED = 100
"""How many unreadable samples of a set are named; all are counted."""


@dataclass(frozen=True, kw_only=True)
class WordResult:
    """One sample: its number in its set, its label and its reading as compared, and the confidence.

    A picture that cannot be decoded has an empty ``text``, confidence 0 and says why in ``error``.
    ``characters`` are the probabilities of the reading's characters before it was folded, if it had any, and
    it was agreed on over so many ``looks``.
    """

    set_name: str
    index: int
    label: str
    text: str
    confidence: float
    error: str | None = None
    characters: tuple[float, ...] = ()
    looks: int = 1

    @property
    def right(self) -> bool:
        """Whether the word was read, and as its label says."""
        return self.error is None and self.text == self.label


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """A sample whose picture cannot be decoded, or whose label cannot be read, and why."""

    index: int
    error: str


@dataclass(frozen=True, kw_only=True)
class DamagedSet:
    """A data set that could not be opened, and why."""

    name: str
    error: str


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Means over samples or over sets: shares from 0 to 1, lengths in characters; NaN over nothing."""

    accuracy: float
    similarity: float  # 1 - NED
    confidence: float  # of the readings as they came, before folding; 0 for an unreadable picture
    label_length: float
    reading_length: float


@dataclass(frozen=True, kw_only=True)
class Bin:
    """The words whose confidence lies in one of `CONFIDENCE_BINS`."""

    count: int = 0
    right: int = 0
    confidence: float = 0.0  # the sum

    def __add__(self, other: Bin) -> Bin:
        return Bin(
            count=self.count + other.count,
            right=self.right + other.right,
            confidence=self.confidence + other.confidence,
        )


@dataclass(frozen=True, kw_only=True)
class SetResult:
    """How one data set was read.

    Of ``samples`` that are stored, ``count`` were compared and ``right`` of them read right; ``dropped`` says
    how many the label rule left out, by reason, and ``unlabelled_count`` how many have no label that can be
    read. ``unreadable_count`` pictures could not be decoded: they are part of ``count``, as wrong ones. The
    first `NAMED` of both are named. ``remark`` says what is wrong with the set itself.
    """

    name: str
    count: int
    right: int
    means: Summary
    dropped: dict[DropReason, int]
    unreadable: tuple[Unreadable, ...] = ()
    unreadable_count: int = 0
    unlabelled: tuple[Unreadable, ...] = ()
    unlabelled_count: int = 0
    bins: tuple[Bin, ...] = ()
    remark: str | None = None

    @property
    def samples(self) -> int:
        """How many samples are stored: those compared, and those left out."""
        return self.count + self.unlabelled_count + sum(self.dropped.values())

    @property
    def interval(self) -> Interval:
        """The 95 % interval of the accuracy."""
        return wilson_interval(self.right, self.count)

    @property
    def calibration_error(self) -> float:
        """How far confidence and accuracy are apart: the expected calibration error, 0 to 1."""
        return error_of(self.bins)


def joined_bins(sets: Iterable[SetResult]) -> tuple[Bin, ...]:
    """The words of all ``sets`` by their confidence."""
    columns = zip(*(result.bins for result in sets if result.bins), strict=True)
    return tuple(sum(column, Bin()) for column in columns)


def error_of(bins: Iterable[Bin]) -> float:
    """The expected calibration error (0 to 1) of the words in ``bins``."""
    return calibration_error([(part.count, part.right, part.confidence) for part in bins])


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How a reader read several data sets: what was compared how, and a result per set, sorted by name."""

    model: str
    rule: LabelRule
    sets: tuple[SetResult, ...]
    damaged: tuple[DamagedSet, ...] = ()

    @property
    def count(self) -> int:
        """How many samples were compared, in all sets."""
        return sum(result.count for result in self.sets)

    @property
    def compared_sets(self) -> tuple[SetResult, ...]:
        """The sets that have samples to compare: the means are over these."""
        return tuple(result for result in self.sets if result.count)

    @property
    def interval(self) -> Interval:
        """The 95 % interval of the sample-weighted accuracy, all samples taken as one set."""
        return wilson_interval(sum(result.right for result in self.sets), self.count)

    @property
    def weighted(self) -> Summary:
        """The means over all samples: every set counts by its size."""
        return summarise(self.sets, weighted=True)

    @property
    def unweighted(self) -> Summary:
        """The means over the sets: every set counts the same."""
        return summarise(self.sets, weighted=False)

    @property
    def bins(self) -> tuple[Bin, ...]:
        """The words of all sets by their confidence."""
        return joined_bins(self.sets)


def summarise(sets: Iterable[SetResult], *, weighted: bool) -> Summary:
    """The means over ``sets``, by their samples or each counting the same; empty sets are passed over."""
    compared = [result for result in sets if result.count]
    counts, parts = [result.count for result in compared], [result.means for result in compared]

    def mean(of: Callable[[Summary], float]) -> float:
        values: Sequence[float] = [of(part) for part in parts]
        return weighted_mean(values, counts) if weighted else unweighted_mean(values)

    return Summary(
        accuracy=mean(lambda part: part.accuracy),
        similarity=mean(lambda part: part.similarity),
        confidence=mean(lambda part: part.confidence),
        label_length=mean(lambda part: part.label_length),
        reading_length=mean(lambda part: part.reading_length),
    )


class Tally:
    """Running sums over the words of one set, so that they need not be kept."""

    def __init__(self) -> None:
        self.count = self.right = self.label_characters = self.reading_characters = 0
        self.similarity = self.confidence = 0.0
        self.bins = [Bin()] * CONFIDENCE_BINS
        self.unreadable: list[Unreadable] = []
        self.unlabelled: list[Unreadable] = []
        self.unreadable_count = self.unlabelled_count = 0

    def add(self, result: WordResult) -> None:
        """Count a word that was compared."""
        self.count += 1
        self.right += result.right
        self.similarity += ned_similarity(result.text, result.label)
        self.confidence += result.confidence
        self.label_characters += len(result.label)
        self.reading_characters += len(result.text)
        number = min(int(result.confidence * CONFIDENCE_BINS), CONFIDENCE_BINS - 1)
        self.bins[number] += Bin(count=1, right=int(result.right), confidence=result.confidence)
        if result.error is not None:
            self.unreadable_count += 1
            _name(self.unreadable, result.index, result.error)

    def add_unlabelled(self, index: int, error: str) -> None:
        """Count a sample that has no label to compare with."""
        self.unlabelled_count += 1
        _name(self.unlabelled, index, error)

    def result(self, name: str, dropped: dict[DropReason, int], remark: str | None = None) -> SetResult:
        """The figures of the set ``name`` from all that was counted."""

        def mean(total: float) -> float:
            return total / self.count if self.count else float("nan")

        return SetResult(
            name=name,
            count=self.count,
            right=self.right,
            means=Summary(
                accuracy=mean(self.right),
                similarity=mean(self.similarity),
                confidence=mean(self.confidence),
                label_length=mean(self.label_characters),
                reading_length=mean(self.reading_characters),
            ),
            dropped=dropped,
            unreadable=tuple(self.unreadable),
            unreadable_count=self.unreadable_count,
            unlabelled=tuple(self.unlabelled),
            unlabelled_count=self.unlabelled_count,
            bins=tuple(self.bins),
            remark=remark,
        )


def _name(problems: list[Unreadable], index: int, error: str) -> None:
    if len(problems) < NAMED:
        problems.append(Unreadable(index=index, error=error))
