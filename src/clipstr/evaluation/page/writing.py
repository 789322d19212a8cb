"""The error report: one page of HTML that holds all that it shows, and opens without a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

import clipstr
from clipstr.data import LabelRule, Source, find_sources
from clipstr.errors import DataError, ImageError, MissingExtraError
from clipstr.evaluation.groups import arrivals, groups
from clipstr.evaluation.kept import Readings, judged
from clipstr.evaluation.page import plots
from clipstr.evaluation.page.findings import NOTHING, Findings, Mistake, find_out
from clipstr.evaluation.page.heat import SHOWN, colours, data_uri, overlaid
from clipstr.evaluation.protocol import set_name
from clipstr.evaluation.report import HEADER, notes, set_rows
from clipstr.evaluation.results import Evaluation, error_of
from clipstr.files import write_text
from clipstr.imaging import load_image

__all__ = ["PAGE_FILE", "Looker", "require_templates", "write_page"]

PAGE_FILE = "report.html"
_TEMPLATE = Path(__file__).parent / "report.html"
_CONFUSIONS = 24  # of the most frequent ones, in the table
_MATRIX = 40  # characters of an alphabet beyond which only the confused ones are drawn


class Looked(Protocol):
    """What a model read, and the maps (characters, rows, columns) of where it looked for each character."""

    text: str
    maps: np.ndarray


class Looker(Protocol):
    """A model that tells where it looks in a picture."""

    name: str

    def __call__(self, picture: Image.Image) -> Any:
        """A `Looked` of the picture."""


def require_templates() -> Any:
    """The template of the page; raises `MissingExtraError` without Jinja2, called before the work."""
    try:
        from jinja2 import Environment
    except ImportError as error:
        raise MissingExtraError(
            f"a report needs more packages: pip install 'clipstr[report]' ({error})"
        ) from error
    return Environment(autoescape=True).from_string(_TEMPLATE.read_text(encoding="utf-8"))


def write_page(
    folder: Path,
    readings: Readings,
    data: Path,
    rule: LabelRule,
    *,
    lookers: Sequence[Looker] = (),
    attention_note: str = "",
) -> Path:
    """The page of what ``readings`` misread in the data sets below ``data``, written into ``folder``.

    Beside each mistake stands where each of ``lookers`` looked; ``attention_note`` says why some do not.
    Raises `OutputError` if it cannot be written.
    """
    template = require_templates()
    evaluation = judged(readings, rule)
    findings = find_out(readings, data, rule)
    markup = _markup()
    page = template.render(
        model=evaluation.model,
        checksum=readings.checksum,
        version=clipstr.__version__,
        characters=len(rule.charset.characters),
        words=f"{evaluation.count:,}",
        wrong=f"{findings.wrong:,}",
        groups=_groups(evaluation),
        calibration=f"{100 * error_of(evaluation.bins):.1f}" if evaluation.count else "-",
        head=HEADER,
        rows=set_rows(evaluation),
        remarks=[*notes(evaluation), *arrivals(evaluation)],
        depends=[(title, markup(plots.bars(shares))) for title, shares in _depends(findings).items()],
        reliability=markup(plots.reliability(evaluation.bins)),
        sureness=markup(plots.sureness(findings.sureness)),
        matrix=markup(plots.confusion_matrix(findings.confusions, _marks(findings, rule))),
        confusions=_confusions(findings),
        mistakes=_mistakes(findings.mistakes, data, lookers),
        attention_note=attention_note,
    )
    file = folder / PAGE_FILE
    write_text(file, page)
    return file


def _markup() -> Callable[[str], Any]:
    from markupsafe import Markup

    return Markup


def _groups(evaluation: Evaluation) -> list[dict[str, str]]:
    return [
        {
            "name": group.name,
            "by_words": f"{100 * group.weighted.accuracy:.2f}",
            "by_sets": f"{100 * group.unweighted.accuracy:.2f}",
            "interval": f"{100 * group.interval.low:.1f} to {100 * group.interval.high:.1f}",
            "count": f"{group.count:,}",
        }
        for group in groups(evaluation)
    ]


def _depends(findings: Findings) -> Mapping[str, Any]:
    return {
        "Characters of the label": findings.lengths,
        "The picture's height in pixels": findings.heights,
        "How the label is written": findings.cases,
    }


def _marks(findings: Findings, rule: LabelRule) -> Sequence[str]:
    characters = rule.charset.characters
    if len(characters) <= _MATRIX:
        return characters
    confused = {mark for pair in findings.confusions for mark in pair}
    return [mark for mark in characters if mark in confused]


def _confusions(findings: Findings) -> list[tuple[str, str, int, str]]:
    found = []
    for (written, read), times in sorted(findings.confusions.items(), key=lambda item: (-item[1], item[0])):
        share = f"{100 * times / findings.written[written]:.1f} %" if written != NOTHING else "-"
        found.append((written or "∅", read or "∅", times, share))
    return found[:_CONFUSIONS]


def _mistakes(mistakes: Sequence[Mistake], data: Path, lookers: Sequence[Looker]) -> list[dict[str, Any]]:
    sources = {set_name(source, data): source for source in find_sources(data)}
    shown = []
    for mistake in mistakes:
        picture = _picture(sources[mistake.set_name], mistake.index)
        shown.append(
            {
                "picture": None if picture is None else data_uri(_small(picture), quality=85),
                "letters": _letters(mistake),
                "label": mistake.label,
                "text": mistake.text,
                "confidence": f"{100 * mistake.confidence:.1f}",
                "place": f"{mistake.set_name} {mistake.index}",
                "looked": [] if picture is None else [_looked(looker, picture) for looker in lookers],
            }
        )
    for source in sources.values():
        source.close()
    return shown


def _looked(looker: Looker, picture: Image.Image) -> dict[str, Any]:
    found = looker(picture)
    return {
        "model": looker.name,
        "picture": data_uri(overlaid(picture, found.maps), quality=85),
        "letters": list(zip(found.text, colours(len(found.text)), strict=True)),
    }


def _letters(mistake: Mistake) -> list[tuple[str, str]]:
    """The characters read with a colour for how sure each was: from grey to red."""
    chances = mistake.characters or (mistake.confidence,) * len(mistake.raw)
    return [
        (letter, f"hsl(8 {round(90 * (1 - chance) ** 0.5)}% 55%)")
        for letter, chance in zip(mistake.raw, chances, strict=False)
    ]


def _picture(source: Source, index: int) -> Image.Image | None:
    try:
        return load_image(source.image_bytes(index))
    except (ImageError, DataError):
        return None


def _small(picture: Image.Image) -> Image.Image:
    small = picture.copy()
    small.thumbnail((2 * SHOWN[0], 2 * SHOWN[1]))
    return small
