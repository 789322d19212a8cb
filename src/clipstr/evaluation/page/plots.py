"""Plots as SVG, written by hand: a page that holds them opens everywhere and needs nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from clipstr.evaluation.page.findings import NOTHING, Share
from clipstr.evaluation.results import Bin

__all__ = ["bars", "confusion_matrix", "reliability", "sureness"]

_CELL = 17  # pixels of a square of the matrix


def bars(shares: Mapping[str, Share]) -> str:
    """Accuracies as bars from 0 to 100 %, each with its 95 % interval and the number of words."""
    left, width, step = 150, 360, 26
    parts = [
        f'<line class="grid" x1="{left + width * tick / 4}" x2="{left + width * tick / 4}" y1="0" '
        f'y2="{step * len(shares)}"/>'
        f'<text class="tick" x="{left + width * tick / 4}" y="{step * len(shares) + 14}">{25 * tick} %</text>'
        for tick in range(5)
    ]
    for row, (name, share) in enumerate(shares.items()):
        y, ends = step * row, share.interval
        parts.append(
            f'<text class="name" x="{left - 8}" y="{y + 17}">{escape(name)}</text>'
            f'<rect class="bar" x="{left}" y="{y + 5}" width="{width * share.accuracy:.1f}" height="16"/>'
            f'<line class="error" x1="{left + width * ends.low:.1f}" x2="{left + width * ends.high:.1f}" '
            f'y1="{y + 13}" y2="{y + 13}"/>'
            f'<text class="value" x="{left + width + 10}" y="{y + 17}">{100 * share.accuracy:.1f} '
            f'<tspan class="count">of {share.words:,}</tspan></text>'
        )
    return _svg(left + width + 120, step * len(shares) + 22, parts)


def reliability(bins: Sequence[Bin]) -> str:
    """The reliability diagram: the accuracy of the words in each bin of confidence, and how many they are."""
    size, top, left = 300, 10, 44
    total = max(1, *(part.count for part in bins))
    parts = [
        f'<line class="grid" x1="{left}" x2="{left + size}" y1="{top + size * tick / 4}" '
        f'y2="{top + size * tick / 4}"/>'
        f'<text class="name" x="{left - 6}" y="{top + size * tick / 4 + 4}">{100 - 25 * tick} %</text>'
        f'<text class="tick" x="{left + size * tick / 4}" y="{top + size + 16}">{25 * tick} %</text>'
        for tick in range(5)
    ]
    wide = size / max(1, len(bins))
    for number, part in enumerate(bins):
        if not part.count:
            continue
        accuracy, x = part.right / part.count, left + wide * number
        thin = wide * 0.9
        parts.append(
            f"<g><title>{part.count:,} words: {100 * accuracy:.1f} % right, mean confidence "
            f"{100 * part.confidence / part.count:.1f} %</title>"
            f'<rect class="bar" style="opacity:{0.35 + 0.65 * part.count / total:.2f}" x="{x + 1:.1f}" '
            f'y="{top + size * (1 - accuracy):.1f}" width="{thin:.1f}" height="{size * accuracy:.1f}"/></g>'
        )
    parts.append(f'<line class="ideal" x1="{left}" y1="{top + size}" x2="{left + size}" y2="{top}"/>')
    return _svg(left + size + 20, top + size + 24, parts)


def confusion_matrix(confusions: Mapping[tuple[str, str], int], characters: Sequence[str]) -> str:
    """What was written (rows) and what was read for it (columns); the last ones are for nothing."""
    marks = [*characters, NOTHING]
    most = max(confusions.values(), default=1)
    parts = []
    for number, mark in enumerate(marks):
        place = 30 + _CELL * number + _CELL / 2
        shown = escape(mark) or "∅"
        parts.append(f'<text class="tick" x="{place}" y="22">{shown}</text>')
        parts.append(f'<text class="name" x="24" y="{place + 4}">{shown}</text>')
    parts.append(
        f'<rect class="frame" x="30" y="30" width="{_CELL * len(marks)}" height="{_CELL * len(marks)}"/>'
    )
    for row, written in enumerate(marks):
        for column, read in enumerate(marks):
            times = confusions.get((written, read), 0)
            if times:
                parts.append(
                    f'<rect class="hot" style="opacity:{0.15 + 0.85 * (times / most) ** 0.5:.2f}" '
                    f'x="{30 + _CELL * column}" y="{30 + _CELL * row}" width="{_CELL - 1}" '
                    f'height="{_CELL - 1}"><title>{escape(written) or "nothing"} read as '
                    f"{escape(read) or 'nothing'}: {times} times</title></rect>"
                )
    side = 34 + _CELL * len(marks)
    return _svg(side, side, parts)


def sureness(sums: Mapping[str, Sequence[float]], *, least: int = 5) -> str:
    """For each character that was read ``least`` times: its mean probability, and how often it is right."""
    shown = sorted((mark, values) for mark, values in sums.items() if values[0] >= least)
    height, step, left = 180, 19, 44
    low = min((min(v[1], v[2]) / v[0] for _, v in shown), default=0.0)
    floor = max(0.0, int(low * 10) / 10)

    def y(share: float) -> float:
        return 10 + height * (1 - share) / (1 - floor) if floor < 1 else 10.0

    parts = [
        f'<line class="grid" x1="{left}" x2="{left + step * len(shown)}" y1="{y(tick):.1f}" '
        f'y2="{y(tick):.1f}"/>'
        f'<text class="name" x="{left - 6}" y="{y(tick) + 4:.1f}">{100 * tick:.0f} %</text>'
        for tick in (1.0, (1 + floor) / 2, floor)
    ]
    for number, (mark, (times, right, confidence)) in enumerate(shown):
        x = left + step * (number + 0.5)
        parts.append(
            f"<g><title>{escape(mark)}, read {times:.0f} times: {100 * right / times:.1f} % right, mean "
            f'probability {100 * confidence / times:.1f} %</title><rect class="bar" x="{x - 6}" '
            f'y="{y(right / times):.1f}" width="12" height="{10 + height - y(right / times):.1f}"/>'
            f'<circle class="dot" cx="{x}" cy="{y(confidence / times):.1f}" r="4"/>'
            f'<text class="tick" x="{x}" y="{height + 26}">{escape(mark)}</text></g>'
        )
    return _svg(left + step * len(shown) + 10, height + 34, parts)


def _svg(width: float, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" role="img">'
        f"{''.join(parts)}</svg>"
    )
