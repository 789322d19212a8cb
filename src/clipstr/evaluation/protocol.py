"""Reading whole data sets and comparing with their labels, by the field's protocol.

As in PARSeq's ``test.py``, the alphabet that words are compared in is chosen apart from the reader's:
labels go through `LabelRule`, readings are folded into the same alphabet, and a word is right if the two
are equal. What the rule drops is counted. A picture that cannot be decoded counts as read wrong. A word is
read once, whatever the number of alphabets that it is compared in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from PIL import Image

from clipstr.data import DropReason, LabelRule, LmdbDataset, Source, find_sources, place_below
from clipstr.errors import DataError, ImageError
from clipstr.evaluation.results import DamagedSet, Evaluation, SetResult, Tally, WordResult
from clipstr.imaging import load_image
from clipstr.reading import WordReader

__all__ = ["Word", "evaluate", "evaluate_set", "judge", "read_words", "set_name", "set_remark", "told"]

_DIGITS = 6  # of a probability, so that the last bits of a sum do not tell two machines apart


@dataclass(frozen=True, kw_only=True)
class Word:
    """One sample as it is stored and as it was read, neither folded.

    ``label`` is None if the sample has none that can be read; ``error`` says why, or why the picture could
    not be decoded. Words of which no rule would keep the label are not read: their ``text`` is empty.
    """

    index: int
    label: str | None
    text: str = ""
    confidence: float = 0.0
    characters: tuple[float, ...] = ()
    error: str | None = None
    looks: int = 1  # on which the reading was agreed


def evaluate(
    reader: WordReader,
    folder: str | Path,
    rule: LabelRule,
    *,
    batch_size: int = 32,
    watch: Callable[[WordResult], None] | None = None,
) -> Evaluation:
    """How ``reader`` reads every data set at or below ``folder``, each named by its path from there.

    ``batch_size`` pictures are decoded and read at a time; ``watch`` is told of each word as it comes. A set
    that is damaged as a whole is named in the result. Raises `DataError` if there are no data sets.
    """
    top = Path(folder)
    results: list[SetResult] = []
    damaged: list[DamagedSet] = []
    for source in find_sources(top):
        name = set_name(source, top)
        try:
            results.append(evaluate_set(reader, name, source, rule, batch_size=batch_size, watch=watch))
        except DataError as error:
            damaged.append(DamagedSet(name=name, error=told(error, source)))
        finally:
            source.close()
    return Evaluation(model=reader.name, rule=rule, sets=tuple(results), damaged=tuple(damaged))


def evaluate_set(
    reader: WordReader,
    name: str,
    dataset: Source,
    rule: LabelRule,
    *,
    batch_size: int = 32,
    watch: Callable[[WordResult], None] | None = None,
) -> SetResult:
    """How ``reader`` reads the one data set ``dataset``; raises `DataError` if it cannot be opened."""
    words = read_words(reader, dataset, [rule], batch_size=batch_size)
    return judge(words, name, rule, watch=watch, remark=set_remark(dataset))


def set_name(source: Source, top: Path) -> str:
    """What `evaluate` calls the data set ``source`` at or below ``top``, which may be its file."""
    place = place_below(source, top)
    return place.as_posix() if place != Path() else source.path.resolve().name


def set_remark(source: Source) -> str | None:
    """What is wrong with ``source`` as a whole though it can be read; raises `DataError` if it cannot."""
    if isinstance(source, LmdbDataset) and source.continues:
        return f"its count says {len(source)}, but there are more samples: the count is wrong"
    return None


def told(error: Exception, source: Source) -> str:
    """What ``error`` says of ``source``, its folder by its last name: where it lies decides no figure."""
    return str(error).replace(str(source.path), source.path.name)


def read_words(
    reader: WordReader, dataset: Source, rules: Sequence[LabelRule], *, batch_size: int = 32
) -> Iterator[Word]:
    """Every sample of ``dataset`` in order, read in batches if one of ``rules`` keeps its label.

    Raises `DataError` if the set cannot be opened; a damaged sample is told in its `Word`.
    """
    samples = (_sample(dataset, index, rules) for index in range(len(dataset)))
    for batch in _batches(samples, batch_size):
        images = [item for _, item in batch if isinstance(item, Image.Image)]
        readings = reader.read_images(images) if images else []
        if len(readings) != len(images):
            raise ValueError(f"{reader.name} gave {len(readings)} readings of {len(images)} pictures")
        remaining = iter(readings)
        for word, item in batch:
            if item is None:
                yield word
                continue
            reading = next(remaining)
            yield Word(
                index=word.index,
                label=word.label,
                text=reading.text,
                confidence=round(float(reading.confidence), _DIGITS),
                characters=tuple(round(float(part.confidence), _DIGITS) for part in reading.characters),
                looks=reading.looks,
            )


def judge(
    words: Iterable[Word],
    name: str,
    rule: LabelRule,
    *,
    watch: Callable[[WordResult], None] | None = None,
    remark: str | None = None,
) -> SetResult:
    """How the ``words`` of the set ``name`` were read, compared by ``rule``."""
    tally = Tally()
    dropped: dict[DropReason, int] = {"too long": 0, "empty": 0}
    if rule.unknown == "drop":
        dropped["unknown"] = 0
    for word in words:
        if word.label is None:
            tally.add_unlabelled(word.index, word.error or "")
            continue
        folded = rule.apply(word.label)
        if folded.text is None:
            assert folded.dropped is not None
            dropped[folded.dropped] += 1
            continue
        result = WordResult(
            set_name=name,
            index=word.index,
            label=folded.text,
            text=rule.charset.fold(word.text),
            confidence=word.confidence,
            error=word.error,
            characters=word.characters,
            looks=word.looks,
        )
        tally.add(result)
        if watch is not None:
            watch(result)
    return tally.result(name, dropped, remark)


def _sample(dataset: Source, index: int, rules: Sequence[LabelRule]) -> tuple[Word, Image.Image | None]:
    """Sample ``index`` before it is read, with its picture if that is to be read and can be."""
    try:
        label = dataset.label(index)
    except DataError as error:
        return Word(index=index, label=None, error=told(error, dataset)), None
    if all(rule.apply(label).text is None for rule in rules):
        return Word(index=index, label=label), None
    try:
        return Word(index=index, label=label), load_image(dataset.image_bytes(index))
    except (ImageError, DataError) as error:
        return Word(index=index, label=label, error=told(error, dataset)), None


def _batches(
    samples: Iterable[tuple[Word, Image.Image | None]], size: int
) -> Iterator[list[tuple[Word, Image.Image | None]]]:
    rest = iter(samples)
    while batch := list(islice(rest, size)):
        yield batch
