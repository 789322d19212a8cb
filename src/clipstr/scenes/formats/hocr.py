"""Scenes as hOCR 1.2 (http://kba.github.io/hocr-spec/1.2/): HTML that says where each word stands."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.etree import ElementTree as Xml

from clipstr.scenes.scene import Line, Outline, Scene, bounds

__all__ = ["as_hocr"]

_DOCTYPE = (
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" '
    '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">'
)


def as_hocr(pages: Sequence[tuple[str, Scene]], *, version: str) -> str:
    """``pages``, each a picture's name and what is read in it, as one hOCR document by this ``version``."""
    html = Xml.Element("html", {"xmlns": "http://www.w3.org/1999/xhtml", "lang": "en"})
    head = Xml.SubElement(html, "head")
    Xml.SubElement(head, "title").text = ", ".join(name for name, _ in pages)
    Xml.SubElement(head, "meta", {"http-equiv": "Content-Type", "content": "text/html; charset=utf-8"})
    for name, content in (
        ("ocr-system", f"clipstr {version}"),
        ("ocr-capabilities", "ocr_page ocr_par ocr_line ocrx_word ocrp_wconf"),
        ("ocr-langs", "unknown"),
        ("ocr-number-of-pages", str(len(pages))),
    ):
        Xml.SubElement(head, "meta", {"name": name, "content": content})
    body = Xml.SubElement(html, "body")
    for number, (name, scene) in enumerate(pages, 1):
        _page(body, number, name, scene)
    Xml.indent(html, space=" ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{_DOCTYPE}\n{Xml.tostring(html, encoding="unicode")}\n'


def _page(body: Xml.Element, number: int, name: str, scene: Scene) -> None:
    quoted = name.replace("\\", "\\\\").replace('"', "'")
    title = f'image "{quoted}"; bbox 0 0 {scene.width} {scene.height}; ppageno {number - 1}'
    page = Xml.SubElement(body, "div", {"class": "ocr_page", "id": f"page_{number}", "title": title})
    line_number = word_number = 0
    for block, lines in enumerate(scene.paragraphs, 1):
        corners = [corner for line in lines for word in line.words for corner in word.polygon]
        paragraph = Xml.SubElement(
            page, "p", {"class": "ocr_par", "id": f"par_{number}_{block}", "title": _box(corners, scene)}
        )
        for line in lines:
            line_number += 1
            span = Xml.SubElement(
                paragraph,
                "span",
                {
                    "class": "ocr_line",
                    "id": f"line_{number}_{line_number}",
                    "title": _line_title(line, scene),
                },
            )
            for word in line.words:
                word_number += 1
                place = f"{_box(word.polygon, scene)}; x_wconf {round(100 * word.confidence)}"
                identity = {"class": "ocrx_word", "id": f"word_{number}_{word_number}", "title": place}
                Xml.SubElement(span, "span", identity).text = word.text


def _line_title(line: Line, scene: Scene) -> str:
    """The line's box, and its angle against the clock in degrees if it is not level."""
    corners = [corner for word in line.words for corner in word.polygon]
    first, last = line.words[0].polygon, line.words[-1].polygon
    end = last[len(last) // 2 - 1]
    angle = -math.degrees(math.atan2(end[1] - first[0][1], end[0] - first[0][0]))
    turned = f"; textangle {angle:.1f}" if abs(angle) >= 0.5 else ""
    return f"{_box(corners, scene)}{turned}"


def _box(polygon: Outline | list[tuple[float, float]], scene: Scene) -> str:
    left, top, right, bottom = bounds(polygon)
    return (
        f"bbox {max(math.floor(left), 0)} {max(math.floor(top), 0)} "
        f"{min(math.ceil(right), scene.width)} {min(math.ceil(bottom), scene.height)}"
    )
