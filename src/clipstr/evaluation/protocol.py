"""Reading whole data sets and comparing with their labels, by the field's protocol.

As in PARSeq's ``test.py``, the alphabet that words are compared in is chosen apart from the reader's:
labels go through `LabelRule`, readings are folded into the same alphabet, and a word is right if the two
are equal. What the rule drops is counted. A picture that cannot be decoded counts as read wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from clipstr.data import DropReason, FoldedLabels, LabelRule, Source, find_sources
from clipstr.errors import DataError, ImageError
from clipstr.imaging import load_image
from clipstr.metrics import Interval, ned_similarity, unweighted_mean, weighted_mean, wilson_interval
from clipstr.reading import WordReader

__all__ = [
    "Evaluation",
    "SetResult",
    "Summary",
    "Unreadable",
    "WordResult",
    "evaluate",
    "evaluate_set",
    "set_name",
]


@dataclass(frozen=True, kw_only=True)
class WordResult:
    """One sample: its number in its set, its label and its reading as compared, and the confidence.

    A picture that cannot be decoded has an empty ``text``, confidence 0 and says why in ``error``.
    """

    set_name: str
    index: int
    label: str
    text: str
    confidence: float
    error: str | None = None

    @property
    def right(self) -> bool:
        """Whether the word was read, and as its label says."""
        return self.error is None and self.text == self.label


@dataclass(frozen=True, kw_only=True)
class Unreadable:
    """A sample whose picture cannot be decoded, and why."""

    index: int
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
class SetResult:
    """How one data set was read.

    ``count`` samples were compared and ``right`` of them read right; ``dropped`` says how many more the
    label rule left out, by reason. ``unreadable`` pictures are part of ``count``, as wrong ones.
    """

    name: str
    count: int
    right: int
    means: Summary
    dropped: dict[DropReason, int]
    unreadable: tuple[Unreadable, ...]

    @property
    def interval(self) -> Interval:
        """The 95 % interval of the accuracy."""
        return wilson_interval(self.right, self.count)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How a reader read several data sets: what was compared how, and a result per set, sorted by name."""

    model: str
    rule: LabelRule
    sets: tuple[SetResult, ...]

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
        counts = [result.count for result in self.compared_sets]
        return self._summarise(lambda values: weighted_mean(values, counts))

    @property
    def unweighted(self) -> Summary:
        """The means over the sets: every set counts the same."""
        return self._summarise(unweighted_mean)

    def _summarise(self, mean: Callable[[Sequence[float]], float]) -> Summary:
        parts = [result.means for result in self.compared_sets]
        return Summary(
            accuracy=mean([part.accuracy for part in parts]),
            similarity=mean([part.similarity for part in parts]),
            confidence=mean([part.confidence for part in parts]),
            label_length=mean([part.label_length for part in parts]),
            reading_length=mean([part.reading_length for part in parts]),
        )


def evaluate(
    reader: WordReader,
    folder: str | Path,
    rule: LabelRule,
    *,
    batch_size: int = 32,
    watch: Callable[[WordResult], None] | None = None,
) -> Evaluation:
    """How ``reader`` reads every data set at or below ``folder``, each named by its path from there.

    ``batch_size`` pictures are decoded and read at a time; ``watch`` is told of each word as it comes.
    Raises `DataError` if there are no data sets, or one is damaged.
    """
    top = Path(folder)
    results = []
    for source in find_sources(top):
        try:
            results.append(
                evaluate_set(reader, set_name(source, top), source, rule, batch_size=batch_size, watch=watch)
            )
        finally:
            source.close()
    return Evaluation(model=reader.name, rule=rule, sets=tuple(results))


def set_name(source: Source, top: Path) -> str:
    """What `evaluate` calls the data set ``source`` at or below the folder ``top``."""
    path = source.path
    return path.relative_to(top).as_posix() if path != top else path.resolve().name


def evaluate_set(
    reader: WordReader,
    name: str,
    dataset: Source,
    rule: LabelRule,
    *,
    batch_size: int = 32,
    watch: Callable[[WordResult], None] | None = None,
) -> SetResult:
    """How ``reader`` reads the one data set ``dataset``; as `evaluate`."""
    labels = rule.apply_all(dataset.label(index) for index in range(len(dataset)))
    tally = _Tally()
    for result in _read(reader, name, dataset, labels, rule, batch_size):
        tally.add(result)
        if watch is not None:
            watch(result)
    return tally.result(name, labels.dropped)


class _Tally:
    """Running sums over the words of one set, so that they need not be kept."""

    def __init__(self) -> None:
        self.count = self.right = self.label_characters = self.reading_characters = 0
        self.similarity = self.confidence = 0.0
        self.unreadable: list[Unreadable] = []

    def add(self, result: WordResult) -> None:
        self.count += 1
        self.right += result.right
        self.similarity += ned_similarity(result.text, result.label)
        self.confidence += result.confidence
        self.label_characters += len(result.label)
        self.reading_characters += len(result.text)
        if result.error is not None:
            self.unreadable.append(Unreadable(index=result.index, error=result.error))

    def result(self, name: str, dropped: dict[DropReason, int]) -> SetResult:
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
        )


def _read(
    reader: WordReader,
    name: str,
    dataset: Source,
    labels: FoldedLabels,
    rule: LabelRule,
    batch_size: int,
) -> Iterator[WordResult]:
    for batch in _batches(zip(labels.indices, labels.texts, strict=True), batch_size):
        images, errors = [], {}
        for index, _ in batch:
            try:
                images.append(load_image(dataset.image_bytes(index)))
            except (ImageError, DataError) as error:  # damaged, or missing in its set
                errors[index] = str(error)
        readings = reader.read_images(images) if images else []
        if len(readings) != len(images):
            raise ValueError(f"{reader.name} gave {len(readings)} readings of {len(images)} pictures")
        remaining = iter(readings)
        for index, label in batch:
            if index in errors:
                text, confidence = "", 0.0
            else:
                reading = next(remaining)
                text, confidence = rule.charset.fold(reading.text), reading.confidence
            yield WordResult(
                set_name=name,
                index=index,
                label=label,
                text=text,
                confidence=confidence,
                error=errors.get(index),
            )


def _batches(samples: Iterable[tuple[int, str]], size: int) -> Iterator[list[tuple[int, str]]]:
    rest = iter(samples)
    while batch := list(islice(rest, size)):
        yield batch
