"""A photograph with its words drawn over it: their outlines and, beside them, their texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from clipstr.fonts import caption_font
from clipstr.scenes.scene import Line, Outline, Scene, Word, bounds

__all__ = ["draw_overlay"]

_FRAMES = ((0, 158, 115), (0, 114, 178), (204, 121, 167), (213, 94, 0))
"""Colours that people with any colour vision tell apart (Okabe and Ito, 2008), one a line in turn."""

_LEAST_TEXT, _MOST_TEXT = 11, 64  # pixels
_SHARE = 0.6  # of a word's height, its caption's
_CROWDED = 0.15  # share of captions without a free place, above which all texts stand in a picture beside it
_LEVEL = 2.0  # degrees, up to which a text is written level
_MOST_PIXELS = 40_000_000  # of a photograph that is enlarged

Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in pixels."""

Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class _Caption:
    """The ``text`` of a word and where its plate is; whether that is ``free`` of other words and plates."""

    text: str
    font: Font
    plate: Box
    above: float  # pixels of the font above the text itself
    colour: Colour
    free: bool


def draw_overlay(picture: Image.Image, scene: Scene) -> Image.Image:
    """The RGB ``picture`` with the outline and the text of each word of ``scene`` over it; a new picture.

    Each text stands on a plate of its own beside its word, so that it is legible on any ground. Where words
    stand so close that there is no room for that, as on a page, the picture has a second half, to its right
    or below it, in which each text stands by itself in its word's place; small ones are enlarged.
    """
    captions = list(_captions(scene, picture.size))
    if sum(not caption.free for caption in captions) > _CROWDED * len(captions):
        return _in_halves(picture, scene)
    seen = _outlined(picture, scene)
    draw = ImageDraw.Draw(seen, "RGBA")
    for caption in captions:
        left, top, _, _ = caption.plate
        draw.rectangle(caption.plate, fill=(*caption.colour, 235), outline=(255, 255, 255, 235))
        draw.text((left + 3, top + 3 - caption.above), caption.text, font=caption.font, fill=(255, 255, 255))
    return seen


def _coloured(scene: Scene) -> Iterator[tuple[Line, Colour]]:
    """Each line of ``scene`` and its colour."""
    return ((line, _FRAMES[number % len(_FRAMES)]) for number, line in enumerate(scene.lines))


def _outlined(picture: Image.Image, scene: Scene) -> Image.Image:
    """A copy of ``picture`` with the words' outlines."""
    seen = picture.copy()
    draw = ImageDraw.Draw(seen, "RGBA")
    thick = max(round(max(seen.size) / 900), 1)
    for line, colour in _coloured(scene):
        for word in line.words:
            corners = [*word.polygon, word.polygon[0]]
            draw.line(corners, fill=(255, 255, 255, 200), width=thick + 2, joint="curve")
            draw.line(corners, fill=colour, width=thick, joint="curve")
    return seen


def _captions(scene: Scene, size: tuple[int, int]) -> Iterator[_Caption]:
    """The captions of the words that have a text, each at the place around its word that hides the least."""
    coloured = [(word, colour) for line, colour in _coloured(scene) for word in line.words]
    # The boxes of all words, then those of the plates; a box of no size hides nothing.
    taken = np.zeros((2 * len(coloured), 4))
    for number, (word, _) in enumerate(coloured):
        taken[number] = bounds(word.polygon)
    for number, (word, colour) in enumerate(coloured):
        if not word.text:
            continue
        _, height = _measures(word.polygon)
        font = caption_font([word.text], round(min(max(_SHARE * height, _LEAST_TEXT), _MOST_TEXT)))
        _, top, right, bottom = font.getbbox(word.text)
        places = _places(tuple(taken[number]), right + 6, bottom - top + 6, size)
        hidden = _shared(places, np.delete(taken, number, 0))
        best = int(hidden.argmin())
        taken[len(coloured) + number] = places[best]
        left, upper, right, lower = (float(value) for value in places[best])
        yield _Caption(word.text, font, (left, upper, right, lower), top, colour, hidden[best] == 0)


def _places(box: Sequence[float], wide: float, high: float, size: tuple[int, int]) -> np.ndarray:
    """Places (places, 4) of ``wide`` by ``high`` around ``box`` and inside of ``size``, the best first."""
    left, top, right, bottom = box
    corners = np.array(
        [
            (left, top - high - 1),
            (left, bottom + 1),
            (right - wide, top - high - 1),
            (right - wide, bottom + 1),
            (right + 1, top),
            (left - wide - 1, top),
        ]
    )
    corners = np.maximum(np.minimum(corners, np.array(size) - (wide, high)), 0)
    return np.hstack([corners, corners + np.array([wide, high])])


def _shared(places: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """How many pixels (places,) of each of ``places`` (places, 4) lie under one of ``taken`` (boxes, 4)."""
    first = np.maximum(places[:, None, :2], taken[None, :, :2])
    last = np.minimum(places[:, None, 2:], taken[None, :, 2:])
    return np.asarray(np.maximum(last - first, 0).prod(-1).sum(-1))


def _in_halves(picture: Image.Image, scene: Scene) -> Image.Image:
    """``picture`` with the outlines of its words and, beside or below it, their texts in their places."""
    heights = [_measures(word.polygon)[1] for word in scene.words]
    scale = int(np.ceil(_LEAST_TEXT / float(np.median(heights))))
    if scale > 1 and scale**2 * picture.width * picture.height <= _MOST_PIXELS:
        picture = picture.resize((scale * picture.width, scale * picture.height), Image.Resampling.BICUBIC)
        scene = _enlarged(scene, scale)
    seen, texts = _outlined(picture, scene), Image.new("RGB", picture.size, "white")
    for line, (red, green, blue) in _coloured(scene):
        height = float(np.median([_measures(word.polygon)[1] for word in line.words]))
        for word in line.words:
            if word.text:
                _write(texts, word, height, (red * 2 // 3, green * 2 // 3, blue * 2 // 3))
    beside = picture.height > picture.width
    corner = (picture.width, 0) if beside else (0, picture.height)
    both = Image.new("RGB", (picture.width + corner[0], picture.height + corner[1]), "white")
    both.paste(seen, (0, 0))
    both.paste(texts, corner)
    return both


def _enlarged(scene: Scene, times: int) -> Scene:
    """``scene`` as it stands in a picture that many times as large."""

    def outline(polygon: Outline) -> Outline:
        return tuple((times * x, times * y) for x, y in polygon)

    def line(one: Line) -> Line:
        words = (replace(word, polygon=outline(word.polygon)) for word in one.words)
        return replace(one, words=tuple(words), polygon=outline(one.polygon))

    return Scene(times * scene.width, times * scene.height, tuple(line(one) for one in scene.lines))


def _measures(polygon: Outline) -> tuple[np.ndarray, float]:
    """The way (2,) along the middle of ``polygon`` from its beginning to its end, and its mean height."""
    corners = np.array(polygon)
    upper, lower = corners[: len(corners) // 2], corners[: len(corners) // 2 - 1 : -1]
    middle = (upper + lower) / 2
    return middle[-1] - middle[0], float(np.linalg.norm(upper - lower, axis=1).mean())


def _write(page: Image.Image, word: Word, height: float, colour: Colour) -> None:
    """Writes the text of ``word`` into its outline, ``height`` pixels an em if that fits."""
    way, _ = _measures(word.polygon)
    size = max(height, 4.0)
    font = caption_font([word.text], round(size))
    narrow = float(np.linalg.norm(way)) / max(font.getlength(word.text), 1.0)
    font = caption_font([word.text], max(round(size * min(narrow, 1.0)), 4))
    x, y = (float(value) for value in np.mean(word.polygon, axis=0))
    degrees = float(np.degrees(np.arctan2(-way[1], way[0])))
    if abs(degrees) <= _LEVEL:
        ImageDraw.Draw(page).text((x, y), word.text, fill=colour, font=font, anchor="mm")
        return
    left, top, right, bottom = (round(value) for value in font.getbbox(word.text))
    mask = Image.new("L", (right - left + 2, bottom - top + 2))
    ImageDraw.Draw(mask).text((1 - left, 1 - top), word.text, fill=255, font=font)
    mask = mask.rotate(degrees, Image.Resampling.BICUBIC, expand=True)
    page.paste(colour, (round(x - mask.width / 2), round(y - mask.height / 2)), mask)
