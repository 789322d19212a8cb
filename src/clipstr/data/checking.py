"""What a data set holds, before anybody trains on it or is judged by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from clipstr.data.duplicates import Fingerprint, fingerprint
from clipstr.data.labels import LabelRule
from clipstr.data.sources import Source
from clipstr.errors import ImageError, LabelError
from clipstr.imaging import load_image

__all__ = ["SetCheck", "check_set"]


@dataclass(frozen=True, kw_only=True)
class SetCheck:
    """What was found in one data set."""

    name: str
    count: int  # samples
    kept: int  # labels that the label rule keeps
    dropped: dict[str, int]  # labels by the reason why they are left out
    deleted: dict[str, int]  # characters outside the alphabet, by the labels that lose them
    lengths: dict[int, int]  # kept labels by their folded length, in characters
    characters: dict[str, int]  # of the labels as they are stored
    unreadable: dict[int, str]  # samples whose picture is missing or cannot be decoded, and why
    unlabelled: dict[int, str]  # samples whose label is missing or no text, and why
    heights: tuple[int, int, int]  # smallest, median and largest, pixels; zeros without any picture
    widths: tuple[int, int, int]
    prints: list[Fingerprint] = field(repr=False)  # of the pictures that can be decoded

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        names = ("name", "count", "kept", "dropped", "deleted", "heights", "widths")
        plain: dict[str, Any] = {name: getattr(self, name) for name in names}
        plain["lengths"] = {str(length): self.lengths[length] for length in sorted(self.lengths)}
        plain["characters"] = dict(Counter(self.characters).most_common())
        for name in ("unreadable", "unlabelled"):
            plain[name] = [{"index": i, "reason": why} for i, why in getattr(self, name).items()]
        return plain


def check_set(
    name: str, source: Source, rule: LabelRule, *, watch: Callable[[], None] = lambda: None
) -> SetCheck:
    """What is in ``source``, every picture decoded; ``watch`` is called once a sample.

    Raises `DataError` if the set itself is damaged; a single picture never stops it.
    """
    labels, unlabelled = _labels(source)
    folded = rule.apply_all(labels)
    unreadable: dict[int, str] = {}
    prints: list[Fingerprint] = []
    sizes: list[tuple[int, int]] = []
    for index, label in enumerate(labels):
        try:
            picture = load_image(source.image_bytes(index))
            prints.append(fingerprint(picture, (name, index), label or ""))
            sizes.append(picture.size)
        except ImageError as error:
            unreadable[index] = str(error)
        watch()
    source.close()
    return SetCheck(
        name=name,
        count=len(labels),
        kept=len(folded),
        dropped={str(reason): count for reason, count in folded.dropped.items()},
        deleted=folded.deleted,
        lengths=dict(Counter(map(len, folded.texts))),
        characters=dict(Counter("".join(label for label in labels if label is not None))),
        unreadable=unreadable,
        unlabelled=unlabelled,
        heights=_spread([height for _, height in sizes]),
        widths=_spread([width for width, _ in sizes]),
        prints=prints,
    )


def _labels(source: Source) -> tuple[list[str | None], dict[int, str]]:
    """The labels of ``source``, None where there is none, and why there is none."""
    labels: list[str | None] = []
    why: dict[int, str] = {}
    for index in range(len(source)):
        try:
            labels.append(source.label(index))
        except LabelError as error:
            labels.append(None)
            why[index] = str(error)
    return labels, why


def _spread(values: list[int]) -> tuple[int, int, int]:
    ordered = sorted(values) or [0]
    return ordered[0], ordered[len(ordered) // 2], ordered[-1]
