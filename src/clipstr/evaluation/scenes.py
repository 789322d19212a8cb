"""Finding and reading words in whole photographs, compared with what stands there, by ICDAR's protocol.

As in the Robust Reading Competition of 2015, tasks 4.1 and 4.4 (Karatzas et al., ICDAR 2015): a found word
meets a true one if their polygons share more than half of their union, one to one; found words more than
half of which lie on a region that nobody can read are left out, as that region is. End to end the text must
be right too, case and punctuation ignored, and true words of fewer than three letters and digits are left
out like such regions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from clipstr.charset import Charset
from clipstr.errors import DataError, ImageError
from clipstr.files import path_below, read_text, text_lines

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

__all__ = [
    "LABELS",
    "FoundWord",
    "PhotographResult",
    "SceneComparison",
    "ScenePeer",
    "SceneSetResult",
    "Score",
    "TruePhotograph",
    "TrueWord",
    "WordMatch",
    "compare_photograph",
    "evaluate_scenes",
    "find_scene_sets",
    "load_photographs",
]

LABELS = "words.jsonl"
OVERLAP = (
    0.5  # share of the union above which two polygons meet, and of a found word above which it is left out
)
LEAST_LETTERS = 3  # letters and digits of a true word that counts end to end

_COMPARED = Charset.named("36")

Polygon = Sequence[Sequence[float]]


@dataclass(frozen=True)
class TrueWord:
    """A word that stands in a photograph; ``text`` is None where nobody can read it."""

    polygon: Polygon
    text: str | None


@dataclass(frozen=True)
class TruePhotograph:
    """A photograph and all words in it."""

    path: Path
    words: tuple[TrueWord, ...]


@dataclass(frozen=True)
class FoundWord:
    """A word that was found in a photograph."""

    polygon: Polygon
    text: str


class ScenePeer(Protocol):
    """Anything that finds and reads the words in photographs: ours, or another engine."""

    @property
    def name(self) -> str:
        """A short name for tables."""

    def find_words(self, path: Path) -> list[FoundWord]:
        """The words in the photograph at ``path``. Raises `ImageError` if it cannot be read."""


@dataclass(frozen=True)
class Score:
    """How many words were found, how many there are, and how many of both belong together."""

    right: int = 0
    found: int = 0
    true: int = 0

    def __add__(self, other: Score) -> Score:
        return Score(self.right + other.right, self.found + other.found, self.true + other.true)

    @property
    def precision(self) -> float:
        """The share of what was found that is right; 0 if nothing was."""
        return self.right / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """The share of what is there that was found; 0 if nothing is."""
        return self.right / self.true if self.true else 0.0

    @property
    def hmean(self) -> float:
        """The harmonic mean of both."""
        return 2 * self.right / (self.found + self.true) if self.found + self.true else 0.0


@dataclass(frozen=True)
class WordMatch:
    """A true word, a found one, or both where they meet."""

    true: TrueWord | None
    found: FoundWord | None

    @property
    def kind(self) -> str:
        """What is to be said of it: right, misread, missed or invented."""
        if self.true is None:
            return "invented"
        if self.found is None:
            return "missed"
        return "right" if _folded(self.true.text or "") == _folded(self.found.text) else "misread"


@dataclass(frozen=True)
class PhotographResult:
    """How the words of one photograph were found and read; ``end_to_end`` says of which what became."""

    path: Path
    detection: Score
    reading: Score
    end_to_end: tuple[WordMatch, ...]
    error: str | None = None


@dataclass(frozen=True)
class SceneSetResult:
    """How one engine did on one set of photographs."""

    engine: str
    name: str
    photographs: int
    unreadable: int
    detection: Score
    reading: Score


@dataclass(frozen=True)
class SceneComparison:
    """The results of all engines on all sets, set by set."""

    results: tuple[SceneSetResult, ...]


def find_scene_sets(folder: Path) -> dict[str, Path]:
    """The sets of photographs at or below ``folder``: name to the folder that has a `LABELS` file.

    Raises `DataError` if there is none.
    """
    if (folder / LABELS).is_file():
        return {folder.resolve().name: folder}
    found = {file.parent.relative_to(folder).as_posix(): file.parent for file in sorted(folder.rglob(LABELS))}
    if not found:
        raise DataError(
            f"{folder}: no set of photographs there; such a set is a folder of pictures with a {LABELS}, "
            "a line "
            '{"file": ..., "words": [{"polygon": [[x, y], ...], "text": ...}, ...]} for each'
        )
    return found


def load_photographs(folder: Path) -> list[TruePhotograph]:
    """The photographs of the set in ``folder``, in the order of its `LABELS`. Raises `DataError`."""
    file = folder / LABELS
    photographs = []
    for number, line in enumerate(text_lines(read_text(file, error=DataError)), 1):
        if not line.strip():
            continue
        try:
            photographs.append(_photograph(folder, json.loads(line)))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise DataError(f"{file}, line {number}: not a photograph with its words: {error!r}") from error
    return photographs


def _photograph(folder: Path, values: dict[str, Any]) -> TruePhotograph:
    words = tuple(_true_word(word) for word in values["words"])
    return TruePhotograph(path_below(folder, str(values["file"])), words)


def _true_word(values: dict[str, Any]) -> TrueWord:
    polygon = [(float(x), float(y)) for x, y in values["polygon"]]
    if len(polygon) < 3:
        raise ValueError(f"a polygon of {len(polygon)} corners")
    text = values["text"]
    return TrueWord(polygon, None if text is None else str(text))


def evaluate_scenes(
    engines: Sequence[ScenePeer],
    folder: Path,
    *,
    watch: Callable[[ScenePeer, str, PhotographResult], None] | None = None,
) -> SceneComparison:
    """How each of ``engines`` finds and reads the words of each set at or below ``folder``.

    ``watch`` is told of each photograph as it is done. One that cannot be read counts as one in which nothing
    was found. Raises `DataError` if there is no set, or one is damaged.
    """
    results = []
    for name, place in find_scene_sets(folder).items():
        photographs = load_photographs(place)
        for engine in engines:
            done = []
            for result in _results(engine, photographs):
                done.append(result)
                if watch is not None:
                    watch(engine, name, result)
            results.append(_set_result(engine.name, name, done))
    return SceneComparison(tuple(results))


def _results(engine: ScenePeer, photographs: Sequence[TruePhotograph]) -> Iterator[PhotographResult]:
    for photograph in photographs:
        try:
            found, problem = engine.find_words(photograph.path), None
        except ImageError as error:
            found, problem = [], str(error)
        yield compare_photograph(photograph, found, problem)


def _set_result(engine: str, name: str, done: Sequence[PhotographResult]) -> SceneSetResult:
    return SceneSetResult(
        engine,
        name,
        len(done),
        sum(result.error is not None for result in done),
        sum((result.detection for result in done), Score()),
        sum((result.reading for result in done), Score()),
    )


def compare_photograph(
    photograph: TruePhotograph, found: Sequence[FoundWord], error: str | None = None
) -> PhotographResult:
    """What became of each word of ``photograph``, given those that were ``found``."""
    shapes = [_shape(word.polygon) for word in found]
    true_shapes = [_shape(word.polygon) for word in photograph.words]
    readable = [word.text is not None for word in photograph.words]
    counted = [
        word.text is not None and len(_folded(word.text)) >= LEAST_LETTERS for word in photograph.words
    ]
    pairs, left = _paired(true_shapes, readable, shapes)
    detection = Score(len(pairs), len(left), sum(readable))
    pairs, left = _paired(true_shapes, counted, shapes)
    matches = [WordMatch(photograph.words[true], found[at]) for true, at in pairs.items()]
    right = sum(match.kind == "right" for match in matches)
    met = set(pairs.values())
    matches += [
        WordMatch(word, None)
        for number, word in enumerate(photograph.words)
        if counted[number] and number not in pairs
    ]
    matches += [WordMatch(None, found[number]) for number in left if number not in met]
    reading = Score(right, len(left), sum(counted))
    return PhotographResult(photograph.path, detection, reading, tuple(matches), error)


def _paired(
    true: Sequence[BaseGeometry], counted: Sequence[bool], found: Sequence[BaseGeometry]
) -> tuple[dict[int, int], list[int]]:
    """Which true word meets which found one, and the found ones that are not left out."""
    ignored = [shape for shape, counts in zip(true, counted, strict=True) if not counts]
    left = [
        number
        for number, shape in enumerate(found)
        if not any(shape.intersection(region).area > OVERLAP * shape.area for region in ignored)
    ]
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for number, shape in enumerate(true):
        for at in left if counted[number] else ():
            if at in taken or number in pairs:
                continue
            both = shape.intersection(found[at]).area
            if both > OVERLAP * (shape.area + found[at].area - both):
                pairs[number] = at
                taken.add(at)
    return pairs, left


def _shape(polygon: Polygon) -> BaseGeometry:
    import shapely

    # Outlines that cross themselves are mended: their area would be wrong, or negative.
    return shapely.make_valid(shapely.Polygon([(float(x), float(y)) for x, y in polygon]))


def _folded(text: str) -> str:
    return _COMPARED.fold(text)
