"""The renderer of scenes: a seed and a number become a photograph with words in places known exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import cv2
import numpy as np

from clipstr.fonts import FontFace, FontSet, find_fonts
from clipstr.synth.camera import taken
from clipstr.synth.colours import Palette, palette, standing_out
from clipstr.synth.geometry import warped
from clipstr.synth.looks import paint_word
from clipstr.synth.painting import over, plain
from clipstr.synth.renderer import opencv_alone
from clipstr.synth.scenes.blocks import KINDS, FlatBlock, flat_block
from clipstr.synth.scenes.config import Blocks, SceneConfig
from clipstr.synth.scenes.grounds import made_up, photographed
from clipstr.synth.scenes.truth import RenderedScene, SceneWord
from clipstr.synth.surfaces import surface
from clipstr.synth.words import Vocabulary
from clipstr.wordlists import WordList

__all__ = ["SceneRenderer"]

TRIES = 6  # places that are tried for a block before it is left out
TINY = (2.0, 4.5)  # pixels: the capitals of words that nobody can read
SMALL_PRINT = 0.5  # of the largest letters, as a power: running text is not set as large as signs
MIXED = 0.13  # standard deviation of colours from 0 to 1: what varies more is no ground for words
SHOWN = 14.0  # levels of 255 between a word and what is around it: less cannot be read
CROP = 1.6  # a crop of a word is so many times as high as its capitals


@dataclass(frozen=True)
class _Placed:
    """A block as the camera sees it: its words' polygons and its board's corners, in pixels of the scene.

    ``coverage`` is its ink, (height, width) in float32, in the part of the scene that begins at ``corner``.
    """

    coverage: np.ndarray
    corner: tuple[int, int]
    board: np.ndarray
    polygons: list[np.ndarray]
    capital: float
    readable: bool


class SceneRenderer:
    """Renders scenes in ``fonts`` (by default the system's), from ``words`` (by default ours).

    ``backgrounds`` are files of photographs to put behind the words; they should have no words themselves,
    since none of theirs is told. It can be pickled. Raises `DataError` if no font is usable, and `InputError`
    if words and alphabet leave nothing to draw.
    """

    def __init__(
        self,
        config: SceneConfig | None = None,
        *,
        fonts: Sequence[FontFace] | None = None,
        words: WordList | None = None,
        texts: WordList | None = None,
        backgrounds: Sequence[str] = (),
    ) -> None:
        self.config = config or SceneConfig()
        self.fonts = FontSet(fonts if fonts is not None else find_fonts())
        self.backgrounds = tuple(backgrounds)
        self.vocabulary = Vocabulary(self.config.words, words, texts=texts, drawable=self.fonts.can_draw)

    def scene(self, seed: int, index: int, difficulty: float = 0.5) -> RenderedScene:
        """Scene ``index`` of the stream ``seed``, depending on nothing else but ``difficulty`` (0 to 1)."""
        with opencv_alone():
            return self._scene(np.random.default_rng((seed, index, 4)), difficulty)

    def _scene(self, rng: np.random.Generator, difficulty: float) -> RenderedScene:
        config = self.config
        picture = self._ground(rng)
        taken_up = np.zeros((config.height, config.width), np.uint8)
        placed: list[tuple[FlatBlock, _Placed]] = []
        for _ in range(int(rng.integers(config.fewest, config.most + 1))):
            kind = _chosen(config.blocks, rng)
            block = flat_block(kind, self.vocabulary, self.fonts, rng)
            found = self._place(kind, block, taken_up, rng)
            if found is not None:
                cv2.fillConvexPoly(taken_up, np.round(found.board).astype(np.int32), 255)
                self._paint(picture, found, kind, rng, difficulty)
                placed.append((block, found))
        capitals = [found.capital for _, found in placed if found.readable]
        unit = CROP * min(capitals, default=config.smallest)
        image = taken(picture, rng, difficulty, config.words.camera, unit=unit)
        return RenderedScene(image, _in_order(placed, image))

    def _ground(self, rng: np.random.Generator) -> np.ndarray:
        height, width = self.config.height, self.config.width
        if self.backgrounds and rng.random() < self.config.photographs:
            path = self.backgrounds[int(rng.integers(len(self.backgrounds)))]
            return photographed(path, height, width, rng)
        return made_up(height, width, rng)

    def _place(
        self, kind: str, block: FlatBlock, taken_up: np.ndarray, rng: np.random.Generator
    ) -> _Placed | None:
        """``block`` where nothing else stands, all of it inside the scene; None if no place is found."""
        config = self.config
        readable = rng.random() >= config.blocks.unreadable
        largest = config.largest
        if kind in ("paragraphs", "columns", "lists"):
            largest = max(config.smallest, config.largest**SMALL_PRINT * config.smallest ** (1 - SMALL_PRINT))
        for attempt in range(TRIES):
            if readable:
                top = np.log(largest) - (np.log(largest) - np.log(config.smallest)) * attempt / TRIES
                capital = float(np.exp(rng.uniform(np.log(config.smallest), top)))
            else:
                capital = float(rng.uniform(*TINY))
            corners, flat = _seen(block, capital / block.capital, config.blocks, rng)
            room = np.array([config.width, config.height]) - 2 - np.ceil(np.ptp(corners, 0))
            if room.min() < 0:
                continue
            board = corners - corners.min(0) + 1 + np.floor(rng.uniform(0, 1, 2) * room)
            part = np.zeros_like(taken_up)
            cv2.fillConvexPoly(part, np.round(board).astype(np.int32), 255)
            if not (part & taken_up).any():
                return _photographed_block(block, flat, board, capital, readable)
        return None

    def _paint(
        self, picture: np.ndarray, block: _Placed, kind: str, rng: np.random.Generator, difficulty: float
    ) -> None:
        """The block on ``picture``, in place: its board, if it has one, and its words."""
        left, top = block.corner
        height, width = block.coverage.shape
        where = (slice(top, top + height), slice(left, left + width))
        part = np.ascontiguousarray(picture[where])
        looks, unit = self.config.words.looks, CROP * block.capital / 1.3
        if kind in ("paragraphs", "columns", "lists"):  # small print is printed plainly
            looks = replace(looks, neon=0.0, extruded=0.0, glow=0.0, worn=0.0)
        ground, mixed = _beneath(part, block.coverage)
        if rng.random() >= self.config.blocks.panel and mixed < MIXED:
            ink = standing_out(ground, rng)
            calm = replace(looks, neon=0.0, engraved=0.0, translucent=0.0)
            colours = Palette(ink, ground)
            picture[where] = paint_word(part, block.coverage, colours, unit, rng, difficulty, calm)
            return
        colours = palette(rng, difficulty, 0.3 * self.config.words.scene.faint)
        mask = np.zeros((height, width), np.uint8)
        corners = np.round(block.board - (left, top)).astype(np.int32)
        cv2.fillConvexPoly(mask, corners, 255, cv2.LINE_AA)
        board = plain(height, width, colours.ground)
        board += surface(height, width, rng) * np.float32(rng.uniform(0, 0.05))
        if rng.random() < 0.3:
            thick = max(round(0.12 * block.capital), 1)
            cv2.polylines(board, [corners], True, colours.ink.tolist(), 2 * thick, cv2.LINE_AA)
        board = paint_word(board, block.coverage, colours, unit, rng, difficulty, looks)
        picture[where] = over(part, mask.astype(np.float32) / 255, board)


def _chosen(blocks: Blocks, rng: np.random.Generator) -> str:
    """A kind of block by the shares."""
    shares = np.array([asdict(blocks)[name] for name in KINDS])
    bounds = np.cumsum(shares) / shares.sum()
    return tuple(KINDS)[min(int(np.searchsorted(bounds, rng.random(), side="right")), len(KINDS) - 1)]


def _seen(
    block: FlatBlock, scale: float, blocks: Blocks, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The four corners of a block's board as they are seen, about the origin, and flat, in its own pixels."""
    height, width = block.ink.shape
    margins = block.capital * rng.uniform(0.25, 1.2, 2)
    first, last = -margins, np.array([width, height]) + margins
    flat = np.array([first, (last[0], first[1]), last, (first[0], last[1])])
    chance = rng.random()
    kinds = np.cumsum([blocks.upside_down, blocks.upright, blocks.turned])
    side = 1 if rng.random() < 0.5 else -1
    if chance < kinds[0]:
        angle = 180 + rng.normal(0, 2)
    elif chance < kinds[1]:
        angle = 90 * side + rng.normal(0, 2)
    elif chance < kinds[2]:
        angle = rng.uniform(-180, 180)
    else:
        angle = 0.0 if rng.random() < blocks.level else rng.normal(0, blocks.rotation)
    corners = (flat - flat.mean(0)) * scale
    if angle:
        cosine, sine = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
        corners = corners @ np.array([[cosine, sine], [-sine, cosine]])
        reach = min(float(np.ptp(flat[:, 1])), float(np.ptp(flat[:, 0]))) * scale
        corners = corners + np.clip(rng.normal(0, blocks.perspective, (4, 2)), -0.2, 0.2) * reach
    return corners, flat


def _photographed_block(
    block: FlatBlock, flat: np.ndarray, board: np.ndarray, capital: float, readable: bool
) -> _Placed:
    """``block``, whose ``flat`` corners come to stand at ``board``."""
    first = np.floor(board.min(0)).astype(int)
    size = np.ceil(board.max(0)).astype(int) - first + 1
    to_part = cv2.getPerspectiveTransform(flat.astype(np.float32), (board - first).astype(np.float32))
    coverage = warped(block.ink, to_part, (int(size[0]), int(size[1])), capital / block.capital)[..., 0]
    # OpenCV's pixels have their middles at whole numbers; polygons have their corners there.
    polygons = [
        cv2.perspectiveTransform(word.polygon[None] - 0.5, to_part)[0] + 0.5 + first for word in block.words
    ]
    return _Placed(coverage, (int(first[0]), int(first[1])), board, polygons, capital, readable)


def _beneath(part: np.ndarray, coverage: np.ndarray) -> tuple[np.ndarray, float]:
    """The mean colour (3,) of ``part`` where the ink comes, and how far that colour varies."""
    mean, deviation = cv2.meanStdDev(part, mask=(coverage > 0.2).astype(np.uint8))
    return np.asarray(mean[:, 0], np.float32), float(deviation.max())


def _in_order(placed: Sequence[tuple[FlatBlock, _Placed]], image: np.ndarray) -> tuple[SceneWord, ...]:
    """The words of all blocks: blocks from above to below, each read line by line, column by column."""
    words: list[SceneWord] = []
    lines = 0
    ordered = sorted(placed, key=lambda pair: tuple(pair[1].board.min(0)[::-1]))
    for number, (block, found) in enumerate(ordered):
        for word, polygon in zip(block.words, found.polygons, strict=True):
            corners = tuple((float(x), float(y)) for x, y in polygon)
            text = word.text if found.readable and _shows(found, polygon, image) else None
            words.append(SceneWord(text, corners, lines + word.line, number))
        lines += 1 + max(word.line for word in block.words)
    return tuple(words)


def _shows(block: _Placed, polygon: np.ndarray, image: np.ndarray) -> bool:
    """Whether the word's ink is told from what is around it in the finished picture."""
    left, top = block.corner
    first = np.maximum(np.floor(polygon.min(0)).astype(int) - (left, top), 0)
    last = np.ceil(polygon.max(0)).astype(int) - (left, top)
    ink = block.coverage[first[1] : last[1], first[0] : last[0]]
    seen = image[top + first[1] :, left + first[0] :][: ink.shape[0], : ink.shape[1]]
    there, beside = (ink > 0.5).astype(np.uint8), (ink < 0.1).astype(np.uint8)
    if not there.any() or not beside.any():
        return bool(there.any())
    return float(np.abs(np.subtract(cv2.mean(seen, there), cv2.mean(seen, beside))).max()) >= SHOWN
