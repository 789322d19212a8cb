"""`clipstr.evaluation.page`: what the error report tells, and that it needs nothing beside itself."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from clipstr.charset import Charset
from clipstr.data import LabelRule, write_lmdb
from clipstr.errors import MissingExtraError
from clipstr.evaluation import read_all
from clipstr.evaluation.kept import Readings
from clipstr.evaluation.page import plots, require_templates, write_page
from clipstr.evaluation.page.findings import MISTAKES, Share, find_out
from clipstr.evaluation.page.heat import SHOWN, colours, overlaid
from clipstr.evaluation.results import Bin
from clipstr.reading import CharacterReading, Reading

RULE = LabelRule(Charset.named("36"))
ANSWERS = {
    8: ("H0TEL", (0.9, 0.5, 0.9, 0.9, 0.9)),
    9: ("cafe", (0.9,) * 4),
    10: ("WXRD", (0.99,) * 4),
    11: ("", ()),
    12: ("b4r!", (0.8,) * 4),
}
WORDS = [(8, "HOTEL"), (9, "Cafe"), (10, "word"), (11, "<b>"), (12, "b4r"), (20, "lost")]


class Known:
    """Reads by a picture's width."""

    name = "<known> & co"

    def read_images(self, images: Iterable[Image.Image | np.ndarray]) -> list[Reading]:
        readings = []
        for image in images:
            text, chances = ANSWERS[np.asarray(image).shape[1]]
            characters = tuple(map(CharacterReading, text, chances))
            readings.append(Reading(text, float(np.prod(chances)), characters))
        return readings


def picture(width: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, 4 * width), "teal").save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    samples = [(picture(width) if width < 20 else b"broken", word) for width, word in WORDS]
    write_lmdb(tmp_path / "data" / "s", samples)
    return tmp_path / "data"


@pytest.fixture
def readings(data: Path, tmp_path: Path) -> Readings:
    return read_all(Known(), data, [RULE], tmp_path / "keep", key={"checksum": "c" * 64})


def test_what_is_found_out_is_what_can_be_counted_by_hand(readings: Readings, data: Path) -> None:
    found = find_out(readings, data, RULE)
    assert found.lengths == {"1": Share(1, 0), "3": Share(1, 1), "4": Share(3, 1), "5": Share(1, 0)}
    assert found.heights == {"32 to 47": Share(4, 1), "48 or more": Share(1, 1), "unknown": Share(1, 0)}
    assert found.cases == {
        "small letters": Share(3, 0),
        "CAPITALS": Share(1, 0),
        "Capitalised": Share(1, 1),
        "letters and digits": Share(1, 1),
    }
    assert found.confusions == {("o", "0"): 1, ("o", "x"): 1, ("b", ""): 1} | {(c, ""): 1 for c in "lst"} | {
        ("o", ""): 1
    }
    assert [mistake.label for mistake in found.mistakes] == ["b", "word", "hotel"]
    assert found.wrong == 4
    assert found.sureness["4"] == [1.0, 1.0, 0.8]
    assert found.sureness["x"] == [1.0, 0.0, 0.99]
    assert "!" not in found.sureness


def test_only_the_surest_mistakes_are_kept(tmp_path: Path) -> None:
    write_lmdb(tmp_path / "data", [(picture(8), f"w{number}") for number in range(MISTAKES + 20)])
    readings = read_all(Known(), tmp_path / "data", [RULE], tmp_path / "keep", key={})
    found = find_out(readings, tmp_path / "data", RULE)
    assert found.wrong == MISTAKES + 20
    assert [mistake.index for mistake in found.mistakes] == list(range(MISTAKES))


def looker(image: Image.Image) -> SimpleNamespace:
    maps = np.zeros((3, 2, 32))
    maps[0, 0, 0] = maps[1, 1, 15] = maps[2, 0, 31] = 1.0
    return SimpleNamespace(text="a<b", maps=maps)


looker.name = "taught"  # type: ignore[attr-defined]


def test_the_page_holds_all_it_shows_and_asks_for_nothing(
    readings: Readings, data: Path, tmp_path: Path
) -> None:
    page = write_page(tmp_path, readings, data, RULE, lookers=[looker], attention_note="why < not")  # type: ignore[list-item]
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"""(?:src|href|url|action)\s*[=(]\s*["']?([^"'>\s]{0,30})""", text)
    assert links
    assert all(link.startswith("data:image/") for link in links)
    assert "<script" not in text
    assert "default-src 'none'" in text
    assert "&lt;known&gt; &amp; co" in text
    assert "<known>" not in text
    assert "why &lt; not" in text
    assert "33.33 %" in text  # two of six
    assert text.count('alt="where it looked"') == 3
    assert "s: counted as wrong, 1 picture that cannot be decoded" in text
    for plot in re.findall(r"<svg.*?</svg>", text, re.S):
        ElementTree.fromstring(plot)
    assert write_page(tmp_path, readings, data, RULE, lookers=[looker], attention_note="why < not") == page  # type: ignore[list-item]
    assert page.read_text(encoding="utf-8") == text


def test_plots_are_drawn_to_scale_and_of_nothing_too() -> None:
    drawn = ElementTree.fromstring(plots.bars({"a<": Share(4, 1), "b": Share(10, 10)}))
    widths = [float(rect.get("width", "")) for rect in drawn.iter("rect")]
    assert widths == [90.0, 360.0]
    bins = [Bin(), Bin(count=4, right=1, confidence=3.0)]
    (bar,) = ElementTree.fromstring(plots.reliability(bins)).iter("rect")
    assert float(bar.get("height", "")) == 75.0
    matrix = ElementTree.fromstring(plots.confusion_matrix({("<", ""): 3}, "<>"))
    (title,) = matrix.iter("title")
    assert title.text == "< read as nothing: 3 times"
    for empty in (
        plots.bars({}),
        plots.reliability([Bin()]),
        plots.confusion_matrix({}, ""),
        plots.sureness({}),
    ):
        ElementTree.fromstring(empty)


def test_each_characters_attention_has_its_colour_where_it_looked() -> None:
    maps = looker(Image.new("RGB", (1, 1))).maps
    shown = np.asarray(overlaid(Image.new("RGB", (100, 30), "white"), maps), int)
    assert shown.shape == (SHOWN[1], SHOWN[0], 3)
    expected = [[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in colours(3)]
    for (row, column), colour in zip([(5, 1), (60, 124), (5, 254)], expected, strict=True):
        nearest = np.abs(shown[row, column] - np.array(expected)).sum(1).argmin()
        assert expected[nearest] == colour
    assert shown[60, 20].tolist() == [255, 255, 255]
    assert len(set(colours(12))) == 12
    assert np.asarray(overlaid(Image.new("RGB", (9, 9), "red"), maps[:0])).std() == 0


def test_without_jinja_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'clipstr\[report\]'"):
        require_templates()
