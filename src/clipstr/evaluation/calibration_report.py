"""What is told of a calibration: a model card's section, and a picture of its reliability."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from clipstr.calibration import Curve
from clipstr.evaluation.calibrating import Calibrated, Check
from clipstr.evaluation.page import plots
from clipstr.files import read_text, write_text
from clipstr.markdown import markdown_table
from clipstr.models import CARD_FILE, ModelConfig

__all__ = [
    "HEADING",
    "PICTURE_FILE",
    "checks_table",
    "reliability_picture",
    "section",
    "with_section",
    "write_calibration",
]

HEADING = "## Confidence"
PICTURE_FILE = "reliability.svg"

_STYLE = """
  svg { font: 12px system-ui, sans-serif; fill: #1c2430; }
  .title { font-weight: 600; text-anchor: middle; }
  .name { text-anchor: end; fill: #66707f; }
  .tick { text-anchor: middle; fill: #66707f; }
  .bar { fill: #2f6db5; }
  .grid { stroke: #dfe4ea; }
  .ideal { stroke: #66707f; stroke-dasharray: 4 4; }
"""
_WIDTH, _HEIGHT, _HEAD, _EDGE = 384, 390, 30, 8  # pixels of one diagram, its title, and left of it


def write_calibration(found: Calibrated, folder: Path, *, characters: int) -> None:
    """Writes what was ``found`` into the model in ``folder``: its config, a picture, and its card if there.

    It was compared in so many ``characters``.
    """
    config = ModelConfig.load(folder)
    words = {way: check for way, check in found.checks.items() if way in ("one look", "second looks")}
    write_text(folder / PICTURE_FILE, reliability_picture(words))
    if (card := folder / CARD_FILE).is_file():
        write_text(card, with_section(read_text(card), section(found, characters=characters)))
    checks = {"characters": characters} | {way: check.to_dict() for way, check in found.checks.items()}
    source = config.source | {"confidence": checks}
    replace(config, calibration=found.calibration, source=source).save(folder)


def checks_table(checks: Mapping[str, Check]) -> str:
    """The expected calibration errors in points, in Markdown."""
    rows = [
        [way, f"{check.count:,}", *(f"{100 * e:.2f}" for e in (check.before, check.after, check.chance))]
        for way, check in checks.items()
    ]
    head = ["ECE, in points", "compared", "the model's own", "calibrated", "chance alone"]
    return markdown_table(head, rows)


def section(found: Calibrated, *, characters: int) -> str:
    """The section of a card about the confidence of a model, compared in so many ``characters``."""
    curves = {
        "without second looks": found.calibration.one_look,
        "with them, but at the first": found.calibration.first_look,
        "at several": found.calibration.several_looks,
    }
    legible = found.calibration.legible
    return "\n\n".join(
        [
            HEADING,
            f"Calibrated (`clipstr calibrate`), compared in {characters} characters. A text's confidence is "
            "the share of such texts that are right: of those with 0.9, nine in ten.",
            checks_table(found.checks),
            "ECE is the expected calibration error in 15 bins of equal width; calibrated: of words that the "
            "curves were not fitted on (five parts, each bent by what the others give, dealt ten times); "
            "chance alone: what as many words would show that are right exactly as often as they say.",
            f"![How often words are right, by their confidence]({PICTURE_FILE})",
            "Log odds of the model's own probability become, "
            + "; ".join(f"of texts read {looks}, {_told(curve)}" for looks, curve in curves.items())
            + ("." if legible == Curve() else f"; of legible, {_told(legible)}."),
        ]
    )


def _told(curve: Curve) -> str:
    if curve == Curve():
        return "themselves"
    looks = f", {curve.doubling:+.3f} for each doubling of the looks" if curve.doubling else ""
    return f"{curve.slope:.3f} times themselves {curve.offset:+.3f}{looks}"


def with_section(card: str, section: str) -> str:
    """``card`` with that ``section`` in the place of its older one, before its weaknesses, or at its end."""
    section = section.rstrip("\n") + "\n\n"
    older = re.search(rf"^{re.escape(HEADING)}\n.*?(?=^## |\Z)", card, re.DOTALL | re.MULTILINE)
    if older is not None:
        made = card[: older.start()] + section + card[older.end() :]
    elif (place := card.find("## Weaknesses\n")) >= 0:
        made = card[:place] + section + card[place:]
    else:
        made = card.rstrip("\n") + "\n\n" + section
    return made.rstrip("\n") + "\n"


def reliability_picture(checks: Mapping[str, Check]) -> str:
    """A picture in SVG: of each of ``checks`` how many of its words are right, by their confidence."""
    parts = [
        f'<g transform="translate({_WIDTH * number} 0)"><text class="title" x="{_WIDTH / 2}" y="18">{way}, '
        f'ECE {100 * check.after:.2f} points</text><g transform="translate({_EDGE} {_HEAD})">'
        f"{plots.reliability(check.bins)}</g>"
        f'<text class="tick" x="{_WIDTH / 2}" y="{_HEIGHT - 8}">confidence; bars: how many are right</text>'
        "</g>"
        for number, (way, check) in enumerate(checks.items())
    ]
    width = _WIDTH * len(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_HEIGHT}" width="{width}" '
        f'height="{_HEIGHT}" role="img"><style>{_STYLE}</style><rect width="100%" height="100%" fill="#fff"/>'
        f"{''.join(parts)}</svg>\n"
    )
