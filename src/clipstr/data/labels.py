"""Which labels of a data set a reader is trained on and judged by, and how they are written.

The rule is PARSeq's (``strhub/data/dataset.py`` of https://github.com/baudm/parseq), by which the field's
figures are made: white space goes, the text becomes ASCII, a text that is then too long is dropped *before*
characters are deleted, cases are folded if the alphabet has one, characters outside the alphabet are
deleted, and what is empty is dropped. A half is "12" so; what is lost of a label is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from clipstr.charset import Charset
from clipstr.errors import InputError, LabelError

__all__ = ["DropReason", "FoldedLabel", "FoldedLabels", "LabelRule", "text_label"]

DropReason = Literal["too long", "unknown", "empty", "missing"]


@dataclass(frozen=True, kw_only=True)
class FoldedLabel:
    """A label as the rule leaves it: its text, or else why it is dropped. One of the two is None.

    ``deleted`` are the different characters that folding loses altogether: no white space, and neither
    those that only change their case nor accents that come off their letters. ``parted`` are those of which
    only a part is left, such as "½ as 12".
    """

    text: str | None
    dropped: DropReason | None
    deleted: str = ""
    parted: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FoldedLabels:
    """The labels of a data set that the rule keeps, and how many it drops.

    ``indices[k]`` is the number in the data set of the sample whose folded label is ``texts[k]``.
    ``dropped`` counts the others by reason; every reason for which the rule
    drops is there, with 0 if nothing was, and "missing" if a sample had no label.
    ``deleted`` counts the labels that lost a character or a part of one, or were dropped for it, by
    character.
    """

    indices: list[int]
    texts: list[str]
    dropped: dict[DropReason, int]
    deleted: dict[str, int]

    def __len__(self) -> int:
        return len(self.indices)


@dataclass(frozen=True)
class LabelRule:
    """Folds labels into ``charset`` and drops those of more than ``max_length`` characters.

    Characters outside the alphabet are deleted, which is PARSeq's rule, or their labels dropped.
    """

    charset: Charset
    max_length: int = 25  # characters, counted before those outside the alphabet are deleted
    unknown: Literal["delete", "drop"] = "delete"

    def __post_init__(self) -> None:
        if self.max_length < 1:
            raise InputError(f"the longest label has at least 1 character, and not {self.max_length}")
        if self.unknown not in ("delete", "drop"):
            raise InputError(f"unknown characters are 'delete'd or their labels 'drop'ped: {self.unknown!r}")

    def apply(self, label: str) -> FoldedLabel:
        """``label`` folded, or the reason why it is dropped."""
        written = self.charset.written(label)
        if written.length > self.max_length:
            return FoldedLabel(text=None, dropped="too long")
        parted = tuple(f"{character} as {kept}" for character, kept in written.parted.items())
        if not written.is_whole and self.unknown == "drop":
            return FoldedLabel(text=None, dropped="unknown", deleted=written.lost, parted=parted)
        if not written.text:
            return FoldedLabel(text=None, dropped="empty", deleted=written.lost, parted=parted)
        return FoldedLabel(text=written.text, dropped=None, deleted=written.lost, parted=parted)

    def apply_all(self, labels: Iterable[str | None]) -> FoldedLabels:
        """The kept labels with their positions among ``labels``, and the counts of the dropped ones.

        None stands for a sample without a label.
        """
        indices: list[int] = []
        texts: list[str] = []
        reasons: dict[DropReason, int] = {"too long": 0, "empty": 0}
        if self.unknown == "drop":
            reasons["unknown"] = 0
        deleted: Counter[str] = Counter()
        for index, label in enumerate(labels):
            if label is None:
                reasons["missing"] = reasons.get("missing", 0) + 1
                continue
            folded = self.apply(label)
            deleted.update([*folded.deleted, *folded.parted])
            if folded.text is not None:
                indices.append(index)
                texts.append(folded.text)
            elif folded.dropped is not None:
                reasons[folded.dropped] += 1
        return FoldedLabels(indices=indices, texts=texts, dropped=reasons, deleted=dict(deleted))


def text_label(value: object, place: str) -> str:
    """``value`` if it is a text; else `LabelError`, in which ``place`` says where it stands.

    Nothing else is made one: a number has lost its zeros, and null is no word.
    """
    if value is None:
        raise LabelError(f"{place}: there is no label")
    if isinstance(value, (bool, int, float)):
        raise LabelError(f"{place}: the label is {value!r} and no text: write it in quotation marks")
    if not isinstance(value, str):
        raise LabelError(f"{place}: the label is no text, but of type {type(value).__name__}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise LabelError(f"{place}: the label has a half of a surrogate pair and is no text") from error
    return value
