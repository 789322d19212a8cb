"""What readers propose as a crop's label, and whether that is sure enough to be kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from PIL import Image

from clipstr.charset import Charset
from clipstr.errors import ImageError, InputError
from clipstr.imaging import load_image
from clipstr.reading import Reading, WordReader

__all__ = ["Crop", "Proposal", "Rules", "propose"]

Verdict = Literal["agreed", "sure", "doubtful"]


@dataclass(frozen=True)
class Crop:
    """One picture of a word: where it is from, for people, and its encoded bytes."""

    origin: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Rules:
    """When a proposed label is kept. The defaults are those that docs/labelling.md measures.

    With a second reader a label is kept if both read the same letters and digits, each with at least
    ``agreed`` of confidence (0 to 1). Where there is none, or it read nothing, ours alone must have at least
    ``sure``. What the two read differently is doubtful however sure they are. ``longest`` is the most
    characters that a label may have.
    """

    agreed: float = 0.5
    sure: float = 0.97
    longest: int = 25

    def __post_init__(self) -> None:
        for name in ("agreed", "sure"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} is {getattr(self, name)}; a confidence is from 0 to 1")
        if self.longest < 1:
            raise InputError(f"longest is {self.longest}; a label has a character at least")


@dataclass(frozen=True)
class Proposal:
    """What a crop may say: our reading and the second reader's, if there is one, and what follows.

    The label is ours, case and punctuation included. "agreed" and "sure" are kept.
    """

    crop: Crop
    reading: Reading
    second: Reading | None
    verdict: Verdict

    @property
    def kept(self) -> bool:
        """Whether it is sure enough to be trained on."""
        return self.verdict != "doubtful"

    @property
    def doubt(self) -> float:
        """How much a person should look at it, 0 to 2: readers that disagree come first."""
        differs = self.second is not None and not same_word(self.reading.text, self.second.text)
        return (1.0 - self.reading.confidence) + float(differs)


_LETTERS = Charset.named("36")


def same_word(one: str, other: str) -> bool:
    """Whether both have the same letters and digits, case and punctuation ignored; nothing is no word."""
    folded = _LETTERS.fold(one)
    return bool(folded) and folded == _LETTERS.fold(other)


def propose(
    crops: Iterable[Crop | ImageError],
    reader: WordReader,
    second: WordReader | None = None,
    *,
    rules: Rules | None = None,
    batch_size: int = 32,
) -> Iterator[Proposal | ImageError]:
    """A proposal for each of ``crops``, in order; one that cannot be decoded is its error.

    Crops that are errors already are passed on in their place. No more than a batch is held at a time.
    """
    rules = rules or Rules()
    remaining = iter(crops)
    while batch := list(islice(remaining, batch_size)):
        opened = [_opened(crop) for crop in batch]
        pictures = [picture for picture in opened if not isinstance(picture, ImageError)]
        first = iter(reader.read_images(pictures))
        other = iter(second.read_images(pictures)) if second is not None else None
        for crop, picture in zip(batch, opened, strict=True):
            if isinstance(crop, ImageError) or isinstance(picture, ImageError):
                yield crop if isinstance(crop, ImageError) else picture  # type: ignore[misc]
                continue
            reading, said = next(first), next(other) if other is not None else None
            yield Proposal(crop, reading, said, _verdict(reading, said, rules))


def _opened(crop: Crop | ImageError) -> Image.Image | ImageError:
    if isinstance(crop, ImageError):
        return crop
    try:
        return load_image(crop.content)
    except ImageError as error:
        return type(error)(f"{crop.origin}: {error}")


def _verdict(reading: Reading, second: Reading | None, rules: Rules) -> Verdict:
    text = reading.text
    if not 0 < len(text) <= rules.longest or text.split() != [text]:
        return "doubtful"  # nothing, too much, or more than one word
    if second is not None and second.text:
        surely = min(reading.confidence, second.confidence) >= rules.agreed
        return "agreed" if surely and same_word(text, second.text) else "doubtful"
    return "sure" if reading.confidence >= rules.sure else "doubtful"
