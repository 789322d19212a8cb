"""Calibration: from a model's own probability of a text to the share of such texts that are right.

A model's config has its curves (`clipstr calibrate` fits them), and a reader bends what it tells by them.
They rise everywhere: no reading is preferred to another because of them, and texts stay as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from clipstr.errors import InputError
from clipstr.reading import Candidate, CharacterReading, Match, Reading

__all__ = ["Calibration", "Curve", "shared_power"]


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The share (0 to 1) of right texts among those of a probability: a line between log odds.

    ``slope`` is one over the temperature by which the log odds are divided, ``offset`` what is added then:
    Platt scaling. ``doubling`` is added for each doubling of the looks that were taken: who is sure after few
    is oftener right. The default changes nothing. Raises `InputError` unless it rises.
    """

    slope: float = 1.0
    offset: float = 0.0
    doubling: float = 0.0

    def __post_init__(self) -> None:
        values = asdict(self).values()
        sound = all(type(value) in (int, float) and math.isfinite(value) for value in values)
        if not sound or self.slope <= 0:
            raise InputError(
                f"a curve of confidence is {self}; all of it must be numbers, and the slope above 0"
            )

    def __call__(self, probability: float, looks: int = 1) -> float:
        """The share for ``probability`` after so many ``looks``, 0 to 1; 0 and 1 stay what they are."""
        if not 0 < probability < 1 or self == _STRAIGHT:
            return probability
        odds = self.slope * (math.log(probability) - math.log1p(-probability))
        odds += self.offset + self.doubling * math.log2(looks)
        # Whichever exponential is small: the other one would overflow.
        return 1 / (1 + math.exp(-odds)) if odds >= 0 else math.exp(odds) / (1 + math.exp(odds))


_STRAIGHT = Curve()


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """A model's three curves, of texts read with one look, with second looks and sure at the first, or after.

    Who may look again and does not is sure, known words being preferred; the surest of several looks is surer
    than one look is, and as often wrong. The fourth one is of `Reading.legible`.
    """

    one_look: Curve = field(default_factory=Curve)
    first_look: Curve = field(default_factory=Curve)
    several_looks: Curve = field(default_factory=Curve)
    legible: Curve = field(default_factory=Curve)

    def of(self, reading: Reading, *, second_looks: bool = False) -> Reading:
        """``reading`` with its probabilities bent: of itself, its characters, match, candidates, and legible.

        ``second_looks`` says whether there might have been some. The characters share a text's correction:
        all of their probabilities, and that of the end, are raised to one power, so that the text's is still
        their product.
        """
        match = reading.match

        def curve(probability: float) -> float:
            return self._curve(reading.looks, second_looks)(probability, reading.looks)

        return replace(
            reading,
            confidence=curve(reading.confidence),
            characters=_bent(reading, curve),
            match=match and Match(match.free_text, match.distance, curve(match.free_confidence)),
            candidates=tuple(
                Candidate(one.text, curve(one.confidence), _bent(one, curve)) for one in reading.candidates
            ),
            legible=self.legible(reading.legible),
        )

    def _curve(self, looks: int, second_looks: bool) -> Curve:
        if looks > 1:
            return self.several_looks
        return self.first_look if second_looks else self.one_look

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for `config.json`: `from_dict` takes them back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Calibration:
        """The calibration that `to_dict` wrote. Raises `InputError` for what is missing, unknown or wrong.

        A curve without a doubling, and curves without one of the first look or of legible, are of the time
        before these.
        """
        parts = dict(values) if isinstance(values, Mapping) else {}
        if parts:
            parts.setdefault("legible", asdict(_STRAIGHT))
        if "one_look" in parts:
            parts.setdefault("first_look", parts["one_look"])
        known, needed = set(asdict(Curve())), {"slope", "offset"}
        sound = [isinstance(part, Mapping) and needed <= set(part) <= known for part in parts.values()]
        names = {"one_look", "first_look", "several_looks", "legible"}
        if set(parts) != names or not all(sound):
            raise InputError(
                "a calibration has one_look, first_look and several_looks, each with slope, offset and "
                f"doubling, and not {values!r}"
            )
        return cls(**{name: Curve(**part) for name, part in parts.items()})


def _bent(text: Reading | Candidate, curve: Callable[[float], float]) -> tuple[CharacterReading, ...]:
    power = shared_power(text.confidence, curve(text.confidence))
    return tuple(CharacterReading(part.text, part.confidence**power) for part in text.characters)


def shared_power(before: float, after: float) -> float:
    """The power that makes the probability ``before`` of a text ``after``; 1 where none does.

    Raised to it, the probabilities of the text's characters and of its end multiply to ``after``.
    """
    if before == after or not (0 < before < 1 and 0 < after < 1):
        return 1.0
    return math.log(after) / math.log(before)
