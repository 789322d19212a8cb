"""Figures 4 and 6: words as the baseline and the distilled recogniser read them, and where both look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from clipstr.charset import Charset
from clipstr.data import LabelRule, Source
from clipstr.evaluation.page.heat import SHOWN, colours, overlaid
from clipstr.experiments import Experiment
from clipstr.files import make_folder, whole_file
from clipstr.imaging import load_image
from clipstr.paper.experiment import Options, training
from clipstr.paper.scales import Scale
from clipstr.paper.sets import test_folder, test_sources
from clipstr.paper.tables import TABLES, Table
from clipstr.student.attention import Looked, Looker

__all__ = ["FIGURES", "Figure", "draw_figure"]

_WORDS = 12  # pictures of a figure
_LINE = 22  # pixels of a line of text
_GAP = 10
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class Figure:
    """A figure of the paper: its number, what it shows, and the table whose models and tests it has."""

    number: int
    title: str
    table: Table


FIGURES = (
    Figure(4, "Covered words: the baseline's reading, the distilled one's, and where both look", TABLES[7]),
    Figure(6, "Words as the baseline and the distilled recogniser read them, and where both look", TABLES[0]),
)
"""What can be drawn; figure 5 is `clipstr teacher align`."""


def draw_figure(figure: Figure, scale: Scale, options: Options, file: Path) -> Path:
    """``figure`` as a PNG in ``file``: what is not trained yet in ``options.out`` is trained.

    The words that only one of the two reads right come first. Raises as `clipstr.paper.measured` does.
    """
    experiment = Experiment(options.out)
    tests = test_sources(figure.table, test_folder(figure.table, scale, experiment, options.tests))
    rows = figure.table.rows
    pair = [training(row, 0, scale, options, experiment) for row in (rows[0], rows[-1])]
    experiment.finish([teacher for _, teacher in pair if teacher is not None], seconds=options.seconds)
    experiment.finish([run for run, _ in pair], parallel=options.parallel, seconds=options.seconds)
    baseline, distilled = (Looker(experiment.place(run) / "best") for run, _ in pair)
    make_folder(file.parent)
    with whole_file(file) as content:
        _sheet(_chosen(tests, baseline, distilled)).save(content, "PNG")
    return file


@dataclass(frozen=True)
class _Shown:
    picture: Image.Image
    label: str
    looked: tuple[Looked, Looked]
    right: tuple[bool, bool]


def _chosen(tests: Mapping[str, Source], *lookers: Looker) -> list[_Shown]:
    """The words to be shown: those that only the second reads right, only the first, both, neither."""
    rule = LabelRule(Charset.named("36"))
    found: list[_Shown] = []
    for source in tests.values():
        for index in range(min(len(source), 200)):
            label = rule.apply(source.label(index)).text
            if label is None:
                continue
            picture = load_image(source.image_bytes(index))
            first, second = (looker(picture) for looker in lookers)
            right = tuple(rule.charset.fold(one.text) == label for one in (first, second))
            found.append(_Shown(picture, label, (first, second), (right[0], right[1])))
        source.close()
    order = {(False, True): 0, (True, False): 1, (True, True): 2, (False, False): 3}
    return sorted(found, key=lambda one: order[one.right])[:_WORDS]


def _sheet(shown: Sequence[_Shown]) -> Image.Image:
    """One row a word: the picture with its label, then both readings over where they looked."""
    width, height = SHOWN
    columns = ("label", "baseline", "distilled")
    sheet = Image.new(
        "RGB", (3 * (width + _GAP) + _GAP, _LINE + len(shown) * (height + _LINE + _GAP)), "white"
    )
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for column, name in enumerate(columns):
        draw.text((_GAP + column * (width + _GAP), 2), name, "#666666", font)
    for row, one in enumerate(shown):
        top = _LINE + row * (height + _LINE + _GAP)
        sheet.paste(one.picture.resize(SHOWN, Image.Resampling.BICUBIC), (_GAP, top))
        draw.text((_GAP, top + height + 2), one.label, "black", font)
        for column, looked in enumerate(one.looked, 1):
            left = _GAP + column * (width + _GAP)
            sheet.paste(overlaid(one.picture, looked.maps), (left, top))
            _write(draw, (left, top + height + 2), looked.text, one.right[column - 1], font)
    return sheet


def _write(draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, right: bool, font: Font) -> None:
    """The reading, each character in the colour of its attention; a cross behind it if it is wrong."""
    x, y = place
    for letter, colour in zip(text, colours(len(text)), strict=True):
        draw.text((x, y), letter, colour, font)
        x += round(draw.textlength(letter, font)) + 1
    draw.text((x + 6, y), "" if right else "x", "#c0392b", font)
