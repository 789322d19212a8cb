"""The data sets that judge a run, each tried before its first step."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from clipstr.data import LabelRule, Source, find_sources, labels_of
from clipstr.errors import DataError, ImageError
from clipstr.imaging import load_image
from clipstr.training.settings import DataSettings

__all__ = ["ValidationSets", "validation_sets"]

_TRIED = 500
"""Pictures of a set that are read before the first step, evenly from its first to its last."""


@dataclass(frozen=True)
class ValidationSets:
    """Validation sets by name, and what a person should know of them, a line each."""

    sets: dict[str, Source]
    notes: list[str]


def validation_sets(settings: DataSettings, rule: LabelRule) -> ValidationSets:
    """Every data set of the validation paths by its name, or by its path where two have one name.

    Raises `DataError` for one that cannot judge: no sample in it, none whose label ``rule`` keeps, or no
    picture among those tried that can be read.
    """
    sources = [source for path in settings.validation for source in find_sources(path)]
    names = Counter(source.path.name for source in sources)
    sets = {s.path.name if names[s.path.name] == 1 else s.path.as_posix(): s for s in sources}
    notes = [note for name, source in sets.items() for note in _tried(name, source, rule)]
    return ValidationSets(sets, notes)


def _tried(name: str, source: Source, rule: LabelRule) -> list[str]:
    """What is wrong with pictures of ``source``, in a line if anything is."""
    kept = rule.apply_all(labels_of(source))
    if not len(kept):
        out = ", ".join(f"{count} {reason}" for reason, count in kept.dropped.items() if count)
        why = f"the label rule keeps none of its {len(source)} labels ({out})" if out else "it is empty"
        raise DataError(f"data.validation: {source.path} cannot judge: {why}")
    step = max(len(kept) // _TRIED, 1)
    problems = {}
    for index in kept.indices[::step]:
        try:
            load_image(source.image_bytes(index))
        except (ImageError, DataError) as error:
            problems[index] = str(error)
    source.close()
    tried = len(kept.indices[::step])
    if len(problems) == tried:
        first = next(iter(problems.values()))
        raise DataError(f"data.validation: {source.path} cannot judge: no picture can be read: {first}")
    if not problems:
        return []
    index, problem = next(iter(problems.items()))
    count = f"{len(problems)} of {tried} pictures"
    return [f"validation {name}: {count} cannot be read and count as misread: sample {index}: {problem}"]
