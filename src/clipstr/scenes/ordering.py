"""Reading order: which words make a line, which lines a paragraph, and which comes first.

Text that runs in the same direction is taken together and seen level. Pieces side by side at the same height
make a line. The lines are parted by the widest empty lanes between them, across and down in turn (the XY cut
of Nagy and Seth, 1984), so that columns are read one after the other, and lines that follow each other
closely make a paragraph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from clipstr.scenes.bands import Band

__all__ = ["Placement", "reading_order"]

_SAME_DIRECTION = 22.0  # degrees: bands that differ by less are seen level together
_SAME_LINE = 0.5  # least overlap in height of pieces of a line, of the lower one's height
_WORD_SPACE = 1.1  # widest space between pieces of a line, in heights
_LIKE_HEIGHT = 1.7  # greatest ratio of heights in a line, and in a paragraph
_COLUMN_SPACE = 1.2  # least width of a lane between columns, in heights
_LINE_SPACE = 0.9  # greatest space between lines of a paragraph, in heights


@dataclass(frozen=True)
class Placement:
    """A line: the numbers of its pieces from left to right, and its paragraph's number."""

    pieces: tuple[int, ...]
    paragraph: int


@dataclass(frozen=True)
class _Box:
    """Pieces that make a line, and the level box around them as text of their direction sees it."""

    pieces: tuple[int, ...]
    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        return max(self.bottom - self.top, 1e-6)


def reading_order(bands: Sequence[Band]) -> list[Placement]:
    """The lines that ``bands`` make, in reading order; each band is in one of them."""
    placements: list[Placement] = []
    paragraph = 0
    for numbers, angle in _directions(bands):
        boxes = _joined([_box(number, bands[number], angle) for number in numbers])
        for group in _paragraphs(_cut(boxes, depth=0)):
            placements += [Placement(box.pieces, paragraph) for box in group]
            paragraph += 1
    return placements


def _angle(band: Band) -> float:
    """The direction of reading, in degrees, 0 to the right and 90 downwards."""
    ahead = (band.upper[-1] - band.upper[0]) + (band.lower[-1] - band.lower[0])
    return float(np.rad2deg(np.arctan2(ahead[1], ahead[0])))


def _directions(bands: Sequence[Band]) -> list[tuple[list[int], float]]:
    """Bands of about the same direction and that direction, groups of the most level text first."""
    groups: list[tuple[list[int], float]] = []
    angles = [_angle(band) for band in bands]
    weights = [band.length for band in bands]
    for number in sorted(range(len(bands)), key=lambda number: -weights[number]):
        for members, angle in groups:
            if abs((angles[number] - angle + 180) % 360 - 180) < _SAME_DIRECTION:
                members.append(number)
                break
        else:
            groups.append(([number], angles[number]))
    return sorted(groups, key=lambda group: (abs(group[1]) > 45, -sum(weights[n] for n in group[0])))


def _box(number: int, band: Band, angle: float) -> _Box:
    """The box around ``band`` after turning it back by ``angle``."""
    turn = np.deg2rad(-angle)
    along = np.array([np.cos(turn), np.sin(turn)])
    corners = np.concatenate([band.upper, band.lower])
    across, down = corners @ [along[0], -along[1]], corners @ [along[1], along[0]]
    # A band that is a little aslant would seem higher than it is.
    middle, half = (down.min() + down.max()) / 2, band.height / 2
    return _Box(
        (number,), float(across.min()), float(middle - half), float(across.max()), float(middle + half)
    )


def _joined(boxes: list[_Box]) -> list[_Box]:
    """Boxes with those that stand side by side on a line made one."""
    remaining = sorted(boxes, key=lambda box: box.left)
    lines: list[_Box] = []
    for box in remaining:
        fitting = [number for number, line in enumerate(lines) if _continues(line, box)]
        if not fitting:
            lines.append(box)
            continue
        nearest = min(fitting, key=lambda number: box.left - lines[number].right)
        line = lines[nearest]
        lines[nearest] = _Box(
            (*line.pieces, *box.pieces),
            line.left,
            min(line.top, box.top),
            max(line.right, box.right),
            max(line.bottom, box.bottom),
        )
    return lines


def _continues(line: _Box, box: _Box) -> bool:
    """Whether ``box`` goes on on the right of ``line``."""
    low, high = sorted((line.height, box.height))
    overlap = min(line.bottom, box.bottom) - max(line.top, box.top)
    space = box.left - line.right
    return overlap > _SAME_LINE * low and high < _LIKE_HEIGHT * low and -0.7 * low < space < _WORD_SPACE * low


def _cut(boxes: list[_Box], depth: int) -> list[list[_Box]]:
    """Blocks of lines in reading order."""
    if len(boxes) < 2 or depth > 50:
        return [sorted(boxes, key=lambda box: (box.top + box.bottom, box.left))]
    height = float(np.median([box.height for box in boxes]))
    down = _parts(boxes, [(box.top, box.bottom) for box in boxes], _COLUMN_SPACE * height)
    across = _parts(boxes, [(box.left, box.right) for box in boxes], _COLUMN_SPACE * height)
    for parts in (down, across):
        if len(parts) > 1:
            return [block for part in parts for block in _cut(part, depth + 1)]
    rows = _parts(boxes, [(box.top + 0.2 * box.height, box.bottom - 0.2 * box.height) for box in boxes], 0.0)
    if len(rows) > 1:
        return [[box for row in rows for box in sorted(row, key=lambda box: box.left)]]
    return [sorted(boxes, key=lambda box: (round((box.top + box.bottom) / height), box.left))]


def _parts(boxes: list[_Box], spans: list[tuple[float, float]], lane: float) -> list[list[_Box]]:
    """``boxes`` parted wherever their ``spans`` leave more than ``lane`` empty, in order."""
    order = sorted(range(len(boxes)), key=lambda number: spans[number])
    parts, reach = [[boxes[order[0]]]], spans[order[0]][1]
    for number in order[1:]:
        if spans[number][0] - reach > lane:
            parts.append([])
        parts[-1].append(boxes[number])
        reach = max(reach, spans[number][1])
    return parts


def _paragraphs(blocks: list[list[_Box]]) -> list[list[_Box]]:
    """The lines of ``blocks`` in paragraphs."""
    paragraphs: list[list[_Box]] = []
    for block in blocks:
        for number, box in enumerate(block):
            if number and _follows(block[number - 1], box):
                paragraphs[-1].append(box)
            else:
                paragraphs.append([box])
    return paragraphs


def _follows(line: _Box, after: _Box) -> bool:
    """Whether ``after`` goes on the paragraph of ``line``."""
    low, high = sorted((line.height, after.height))
    beside = min(line.right, after.right) - max(line.left, after.left)
    return high < _LIKE_HEIGHT * low and after.top - line.bottom < _LINE_SPACE * low and beside > 0
