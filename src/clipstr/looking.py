"""Second looks (test-time augmentation): a word read with doubt is looked at again, cut, widened, turned.

People and detectors cut words out tight or loose, level or not; much of a reader's doubt is about that.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np
from PIL import Image

from clipstr.decoding.prior import Prior, no_prior
from clipstr.form import Preprocessing
from clipstr.reading import Candidate, Match, Reading, candidate_of

__all__ = ["MORE_LOOKS", "Looked", "View", "agreed", "assurance", "enough"]

Colour = tuple[int, int, int]  # red, green, blue, 0 to 255

_UPRIGHT = 1.5  # height over width from which a word is taken to stand upright, or to run up or down
_KEPT = 512  # pixels of the longer side that are kept for second looks, at most twice as many
_CUT = 0.1  # of the height, from above and from below
_WIDENED = 0.15  # of the height, on all four sides
_TURNED = 8.0  # degrees, either way
_ASKEW, _FAR_ASKEW = 15.0, 30.0  # degrees, either way
_LEAST_HEIGHT = 0.1  # over the width, of a word that lies askew


@dataclass(frozen=True)
class View:
    """A picture as a model gets it, (height, width, 3) in uint8, and as it is kept for second looks."""

    pixels: np.ndarray
    picture: Image.Image

    @classmethod
    def of(cls, picture: Image.Image, preprocessing: Preprocessing) -> View:
        """``picture`` made small at once: of a batch of photographs only one is held in full."""
        return cls(preprocessing.resize(picture), picture.reduce(max(1, max(picture.size) // _KEPT)))


@dataclass(frozen=True)
class Looked:
    """A picture, what was read at each look at it so far, and how many ``stages`` of `MORE_LOOKS` it had."""

    view: View
    readings: tuple[Reading, ...] = ()
    stages: int = 0

    def ways(self) -> list[Image.Image]:
        """The picture as it is to be looked at next, after a first look."""
        return MORE_LOOKS[self.stages](self.view.picture)

    def more(self, readings: Sequence[Reading]) -> Looked:
        """The picture after its next looks, at which ``readings`` were read."""
        return Looked(self.view, (*self.readings, *readings), self.stages + bool(self.readings))

    def doubtful(self, prior: Prior = no_prior) -> bool:
        """Whether it is worth another look: it had none, or not all, and they are not sure enough.

        A first look that is `SURE` is enough, whatever the text's ``prior``.
        """
        if not self.readings:
            return True
        if self.stages == len(MORE_LOOKS) or (not self.stages and self.readings[0].confidence >= SURE):
            return False
        return assurance(self.readings, prior) < doubt(prior)


def turned_looks(picture: Image.Image) -> list[Image.Image]:
    """The RGB ``picture`` turned a little, or by 90 degrees either way if it is much higher than wide."""
    if _runs_upright(picture):
        return [picture.transpose(turn) for turn in (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270)]
    return [_turned(picture, -_TURNED, _median_colour(picture))]


def tight_and_wide_looks(picture: Image.Image) -> list[Image.Image]:
    """The RGB ``picture`` cut above and below, and with wider edges, unless it is much higher than wide."""
    if _runs_upright(picture):
        return []
    return [_cut(picture), _widened(picture)]


def askew_looks(picture: Image.Image) -> list[Image.Image]:
    """The words that may lie a little askew in the RGB ``picture``, turned level.

    There are none if it runs up or down: that was looked at.
    """
    return [] if _runs_upright(picture) else _levelled_looks(picture, _ASKEW)


def reversed_and_far_askew_looks(picture: Image.Image) -> list[Image.Image]:
    """The RGB ``picture`` upside down, and the words that may lie far askew in it, turned level."""
    if _runs_upright(picture):
        return []
    return [picture.transpose(Image.Transpose.ROTATE_180), *_levelled_looks(picture, _FAR_ASKEW)]


SURE = 0.9
"""The confidence from which a word is not looked at again, whether it is a known one or not."""

DOUBT, KNOWN_DOUBT = 0.7, 0.2
"""The `assurance` below which a word is looked at again, without a prior and with one.

Known words need a fifth of confidence to be enough, and texts that nobody knows two looks sure of them.
"""

MORE_LOOKS = (turned_looks, tight_and_wide_looks, askew_looks, reversed_and_far_askew_looks)
"""The looks that follow the first one, stage by stage: those of one are taken together.

They were chosen by what they gain for their time on 1,512 real crops that no model was trained on: each of
the first three is worth several words, cuts at the sides or above alone gained nothing beside them, and the
last one is for what stands upside down.
"""


def _runs_upright(picture: Image.Image) -> bool:
    return picture.height > _UPRIGHT * picture.width


def doubt(prior: Prior) -> float:
    """The `assurance` below which a word is looked at again."""
    return DOUBT if prior is no_prior else KNOWN_DOUBT


def enough(reading: Reading, prior: Prior) -> bool:
    """Whether nobody needs to know what else might be read at a look at which ``reading`` is."""
    return reading.confidence >= SURE or assurance([reading], prior) >= doubt(prior)


def assurance(readings: Sequence[Reading], prior: Prior = no_prior) -> float:
    """How much confidence all looks together have in the text that they agree on (`agreed`).

    It is the sum, so that two looks that say the same with half a doubt are sure, times the text's ``prior``.
    """
    said = _said(readings)
    text = _surest(said, _weighing(readings, prior)).text
    return prior(text) * sum(reading.confidence for reading in said if reading.text == text)


def agreed(readings: Sequence[Reading], prior: Prior = no_prior) -> Reading:
    """The text that the looks have most confidence in, all together, as the surest of them read it.

    A text's confidence counts as much as its ``prior`` says, but for a single look that is `SURE`.

    A look at which nothing was read says nothing, unless none of them read anything. Where looks have
    candidates, these count as what was read: a text that is the second best of each may be the best of all.
    What is read without limits, if there are any, is agreed on by itself: it may be sure at another look.
    How legible the picture is says the middle one of the looks: some of them are upside down.
    Probabilities are the model's own here: `SURE` and `DOUBT` are about them.
    """
    prior, said = _weighing(readings, prior), _said(readings)
    legible = median(reading.legible for reading in readings)
    best = replace(_surest(said, prior), looks=len(readings), legible=legible)
    if readings[0].candidates:
        best = replace(best, candidates=_candidates(said, prior, best))
    if best.match is None:
        return best
    matches = [reading.match for reading in readings if reading.match is not None]
    free = _surest(_said([Reading(match.free_text, match.free_confidence) for match in matches]), prior)
    written = "".join(character.text for character in best.characters)
    match = Match.of(free.text, free.confidence, written)
    return replace(best, match=match)


def _weighing(readings: Sequence[Reading], prior: Prior) -> Prior:
    """The prior that decides: none for a single look that is `SURE`, or where nothing was read."""
    sure = len(readings) == 1 and readings[0].confidence >= SURE
    return no_prior if sure or not any(reading.text for reading in readings) else prior


def _said(readings: Sequence[Reading]) -> list[Reading]:
    """Each text of each look that read anything, or of all of them if none did."""
    saying = [reading for reading in readings if reading.text]
    return [
        said
        for reading in saying or readings
        for said in (
            reading,
            *(
                replace(reading, text=other.text, confidence=other.confidence, characters=other.characters)
                for other in reading.candidates[1:]
                if other.text or len(readings) == 1 or not saying
            ),
        )
    ]


def _candidates(said: Sequence[Reading], prior: Prior, best: Reading) -> tuple[Candidate, ...]:
    """The texts that were ``said``, ``best`` first, each as the surest look has it."""
    left, found = [reading for reading in said if reading.text != best.text], [candidate_of(best)]
    while left:
        found.append(candidate_of(_surest(left, prior)))
        left = [reading for reading in left if reading.text != found[-1].text]
    return tuple(found)


def _confidence(said: Sequence[Reading]) -> dict[str, float]:
    """How much confidence there is in each text in all."""
    confidence: defaultdict[str, float] = defaultdict(float)
    for reading in said:
        confidence[reading.text] += reading.confidence
    return confidence


def _surest(said: Sequence[Reading], prior: Prior) -> Reading:
    confidence = _confidence(said)
    worth = (
        {text: prior(text) * sure for text, sure in confidence.items()} if len(confidence) > 1 else confidence
    )
    return max(said, key=lambda reading: (worth[reading.text], reading.confidence))


def _cut(picture: Image.Image) -> Image.Image:
    """``picture`` without its upper and lower edge, but with a pixel at least."""
    top = int(picture.height * _CUT)
    return picture.crop((0, top, picture.width, max(int(picture.height * (1 - _CUT)), top + 1)))


def _widened(picture: Image.Image) -> Image.Image:
    """``picture`` with its outermost pixels repeated on all sides."""
    wider = int(picture.height * _WIDENED)
    return Image.fromarray(np.pad(np.asarray(picture), ((wider, wider), (wider, wider), (0, 0)), mode="edge"))


def _median_colour(picture: Image.Image) -> Colour:
    red, green, blue = np.median(np.asarray(picture).reshape(-1, 3), axis=0).astype(int).tolist()
    return red, green, blue


def _turned(picture: Image.Image, degrees: float, frame: Colour) -> Image.Image:
    """``picture`` turned against the clock, in a frame of that colour."""
    return picture.rotate(degrees, resample=Image.Resampling.BICUBIC, expand=True, fillcolor=frame)


def _levelled_looks(picture: Image.Image, degrees: float) -> list[Image.Image]:
    frame = _median_colour(picture)
    looks = [_levelled(picture, side * degrees, frame) for side in (1, -1)]
    return [look for look in looks if look is not None]


def _levelled(picture: Image.Image, degrees: float, frame: Colour) -> Image.Image | None:
    """The word that fills ``picture`` lying askew, turned by ``degrees`` and cut out; None if none can.

    A word of width w and height h at the angle a needs a crop of w cos a + h sin a by w sin a + h cos a.
    """
    angle = math.radians(abs(degrees))
    cosine, sine, both = math.cos(angle), math.sin(angle), math.cos(2 * angle)
    width = (picture.width * cosine - picture.height * sine) / both
    height = (picture.height * cosine - picture.width * sine) / both
    if height < _LEAST_HEIGHT * width or width < 1 or height < 1:
        return None
    turned = _turned(picture, degrees, frame)
    left, top = (turned.width - width) / 2, (turned.height - height) / 2
    return turned.crop((int(left), int(top), math.ceil(left + width), math.ceil(top + height)))
