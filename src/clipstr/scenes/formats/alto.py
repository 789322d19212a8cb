"""Scenes as ALTO 4.4 (https://www.loc.gov/standards/alto/), the XML of digitised libraries."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from xml.etree import ElementTree as Xml

from clipstr.scenes.scene import Line, Outline, Scene, Word, bounds

__all__ = ["as_alto"]

NAMESPACE = "http://www.loc.gov/standards/alto/ns-v4#"
_SCHEMA = "http://www.loc.gov/standards/alto/v4/alto-4-4.xsd"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"


def as_alto(pages: Sequence[tuple[str, Scene]], *, version: str) -> str:
    """``pages``, each the name of a picture and what is read in it, as one ALTO document by this ``version``.

    Places are in pixels.
    """
    alto = Xml.Element(
        "alto", {"xmlns": NAMESPACE, "xmlns:xsi": _XSI, "xsi:schemaLocation": f"{NAMESPACE} {_SCHEMA}"}
    )
    description = Xml.SubElement(alto, "Description")
    Xml.SubElement(description, "MeasurementUnit").text = "pixel"
    if len(pages) == 1:
        source = Xml.SubElement(description, "sourceImageInformation")
        Xml.SubElement(source, "fileName").text = pages[0][0]
    processing = Xml.SubElement(description, "Processing", {"ID": "processing"})
    software = Xml.SubElement(processing, "processingSoftware")
    Xml.SubElement(software, "softwareName").text = "clipstr"
    Xml.SubElement(software, "softwareVersion").text = version
    layout = Xml.SubElement(alto, "Layout")
    for number, (name, scene) in enumerate(pages, 1):
        _page(layout, number, name, scene)
    Xml.indent(alto, space=" ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(alto, encoding="unicode")}\n'


def _page(layout: Xml.Element, number: int, name: str, scene: Scene) -> None:
    size = {"WIDTH": str(scene.width), "HEIGHT": str(scene.height)}
    page = Xml.SubElement(
        layout,
        "Page",
        {"ID": f"page_{number}", "PHYSICAL_IMG_NR": str(number), "PRINTED_IMG_NR": name, **size},
    )
    space = Xml.SubElement(page, "PrintSpace", {"HPOS": "0", "VPOS": "0", **size})
    line_number = word_number = 0
    for block, lines in enumerate(scene.paragraphs, 1):
        corners = [corner for line in lines for word in line.words for corner in word.polygon]
        text_block = Xml.SubElement(space, "TextBlock", {"ID": f"block_{number}_{block}", **_place(corners)})
        for line in lines:
            line_number += 1
            first = word_number
            word_number += len(line.words)
            _text_line(text_block, f"{number}_{line_number}", line, f"{number}_", first)


def _text_line(block: Xml.Element, identity: str, line: Line, page: str, first: int) -> None:
    corners = [corner for word in line.words for corner in word.polygon]
    text_line = Xml.SubElement(block, "TextLine", {"ID": f"line_{identity}", **_place(corners)})
    for number, word in enumerate(line.words):
        if number:
            Xml.SubElement(text_line, "SP", _space(line.words[number - 1], word))
        string = Xml.SubElement(
            text_line,
            "String",
            {
                "ID": f"word_{page}{first + number + 1}",
                "CONTENT": word.text,
                "WC": f"{min(max(word.confidence, 0), 1):.4f}",
                **_place(word.polygon),
            },
        )
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in word.polygon)
        Xml.SubElement(Xml.SubElement(string, "Shape"), "Polygon", {"POINTS": points})


def _space(before: Word, after: Word) -> dict[str, str]:
    """Where the space between two words is."""
    end, start = before.polygon[len(before.polygon) // 2 - 1], after.polygon[0]
    return {
        "WIDTH": f"{math.dist(end, start):.1f}",
        "HPOS": f"{max(end[0], 0):.1f}",
        "VPOS": f"{max(end[1], 0):.1f}",
    }


def _place(polygon: Outline | Iterable[tuple[float, float]]) -> dict[str, str]:
    left, top, right, bottom = bounds(polygon)
    return {
        "HPOS": f"{max(left, 0):.1f}",
        "VPOS": f"{max(top, 0):.1f}",
        "WIDTH": f"{right - max(left, 0):.1f}",
        "HEIGHT": f"{bottom - max(top, 0):.1f}",
    }
