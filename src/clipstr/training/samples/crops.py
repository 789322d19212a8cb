"""The labelled crops of one source of a recipe: those that the label rule keeps, and why not the rest."""

from __future__ import annotations

from collections import Counter

import numpy as np

from clipstr.data import LabelRule, find_sources, labels_of
from clipstr.data.loading import load_crop
from clipstr.errors import DataError, ImageError
from clipstr.training.settings import SourceSettings

__all__ = ["Crops"]

_TRIES = 100
"""How many crops in a row may be unreadable before a source is given up."""


class Crops:
    """The crops of a source's paths that ``rule`` keeps, numbered from 0 over all its data sets.

    Raises `DataError` if none is left, or a data set is missing or damaged.
    """

    def __init__(self, name: str, settings: SourceSettings, rule: LabelRule) -> None:
        self.name, self.settings, self.rule = name, settings, rule
        self.sources = [source for path in settings.paths for source in find_sources(path)]
        self.dropped: Counter[str] = Counter()  # labels by the reason why they are left out
        self.deleted: Counter[str] = Counter()  # characters by the number of labels that lost them
        kept = []
        for source in self.sources:
            folded = rule.apply_all(labels_of(source))
            self.dropped.update(folded.dropped)
            self.deleted.update(folded.deleted)
            kept.append(np.array(folded.indices, dtype=np.int32))
            source.close()
        self._kept = kept
        self._ends = np.cumsum([len(indices) for indices in kept])
        if not len(self):
            raise DataError(
                f"data.sources.{name}: no crop is left after the label rule in {', '.join(settings.paths)}; "
                f"left out: {dict(self.dropped)}"
            )

    def __len__(self) -> int:
        return int(self._ends[-1])

    def sample(self, item: int) -> tuple[bytes, str]:
        """The encoded picture and the folded label of crop ``item``."""
        number = int(np.searchsorted(self._ends, item, side="right"))
        before = int(self._ends[number - 1]) if number else 0
        source, index = self.sources[number], int(self._kept[number][item - before])
        try:
            text = self.rule.apply(source.label(index)).text
            content = source.image_bytes(index)
        except IndexError as error:
            raise DataError(
                f"{source.path}: it has fewer samples than when the run began: {error}"
            ) from error
        if text is None:
            raise DataError(f"{source.path}: the label of sample {index} changed since the run began")
        return content, text

    def readable(self, item: int) -> tuple[np.ndarray, str, list[str]]:
        """The pixels (height, width, 3) and the label of crop ``item``, or of the next that is whole.

        The list says what is wrong with each that is damaged or missing. Raises `DataError` after a
        hundred of them in a row.
        """
        problems: list[str] = []
        for step in range(_TRIES):
            number = (item + step) % len(self)
            try:
                content, text = self.sample(number)
                return load_crop(content), text, problems
            except (ImageError, DataError) as error:  # damaged, or missing in its set
                problems.append(f"data.sources.{self.name}: crop {number} is left out: {error}")
        raise DataError(f"data.sources.{self.name}: {_TRIES} crops in a row cannot be read; {problems[0]}")

    def notes(self) -> list[str]:
        """What a person should know before training on these crops, a line each."""
        lines = [f"{self.name}: {len(self)} crops in {len(self.sources)} data sets"]
        out = [f"{count} {reason}" for reason, count in self.dropped.items() if count]
        if out:
            lines.append(f"{self.name}: labels left out: {', '.join(out)}")
        if self.deleted:
            common = ", ".join(f"{character} ({count})" for character, count in self.deleted.most_common(12))
            more = f" and {len(self.deleted) - 12} more" if len(self.deleted) > 12 else ""
            verb = "left out with" if self.rule.unknown == "drop" else "deleted from"
            lines.append(f"{self.name}: characters outside the alphabet, {verb} labels: {common}{more}")
        return lines
