"""The pictures of docs/synth.md: what each setting does, a row a setting, everything else off.

    python benchmarks/synth_sheets.py [docs/synth.md]

writes a picture for each section of settings and one of everything into the folder of the page's name.
"""

from __future__ import annotations

import argparse
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from clipstr.charset import ALPHABETS
from clipstr.sheets import contact_sheet
from clipstr.synth import SynthConfig, WordList, WordRenderer
from clipstr.synth.config import Camera, Layout, Looks, Scene, WordShares

SECTIONS = {"layout": Layout, "looks": Looks, "scene": Scene, "camera": Camera}
TEXTS = ("Coffee", "EXIT", "12:45", "Market", "SALE", "parking", "Brasserie")
KEPT = {"height": 40.0, "margin": 0.11}  # sizes that stay when all else is off
STRONG = {"rotation": 12.0, "slant": 0.4, "perspective": 0.15, "stretch": 0.5, "looseness": 0.25}
USERS = ("St. Mary's", "No Entry", "Est. 1923")  # texts as a user gives them
CELL, NAME, GAP = (132, 44), 110, 6  # pixels


def off(section: str) -> dict[str, float]:
    return {item.name: KEPT.get(item.name, 0.0) for item in fields(SECTIONS[section])}


def calm(section: str, name: str) -> SynthConfig:
    """Settings with nothing but one thing, at its full rate."""
    made = {each: kind(**off(each)) for each, kind in SECTIONS.items()}
    full = {"margin": 0.5, "height": 14.0, "height_spread": 1.0} | STRONG
    made[section] = replace(made[section], **{name: full.get(name, 1.0)})
    if name == "neighbours":  # a wider crop shows them
        made["layout"] = replace(made["layout"], margin=0.4)
    return SynthConfig(characters=ALPHABETS["94"], mildest=1.0, **made)


def row(sheet: Image.Image, top: int, name: str, pictures: list[np.ndarray]) -> None:
    font = ImageFont.load_default(13)
    ImageDraw.Draw(sheet).text((GAP, top + CELL[1] // 2 - 8), name, fill="black", font=font)
    for number, pixels in enumerate(pictures):
        picture = Image.fromarray(pixels)
        scale = min(CELL[0] / picture.width, CELL[1] / picture.height)
        size = (max(int(picture.width * scale), 1), max(int(picture.height * scale), 1))
        sheet.paste(picture.resize(size, Image.Resampling.BICUBIC), (NAME + number * (CELL[0] + GAP), top))


def blank(rows: int) -> Image.Image:
    size = (NAME + len(TEXTS) * (CELL[0] + GAP), rows * (CELL[1] + GAP) + GAP)
    return Image.new("RGB", size, "white")


def settings_sheet(section: str, fonts: WordRenderer) -> Image.Image:
    names = [item.name for item in fields(SECTIONS[section])]
    sheet = blank(len(names))
    for number, name in enumerate(names):
        renderer = WordRenderer(calm(section, name), fonts=fonts.fonts.faces)
        texts = ("0:45", "12:30", "98.6", "7-3", "2.50", "108", "24:00") if name == "segments" else TEXTS
        pictures = [
            renderer.draw(text, np.random.default_rng((number, index)), 1.0)
            for index, text in enumerate(texts)
        ]
        row(sheet, GAP + number * (CELL[1] + GAP), name, pictures)
    return sheet


def words_sheet(fonts: WordRenderer) -> Image.Image:
    names = [item.name for item in fields(WordShares)]
    sheet = blank(len(names))
    for number, name in enumerate(names):
        shares = WordShares(**(dict.fromkeys(names, 0.0) | {name: 1.0}))
        config = replace(calm("layout", "stretch"), shares=shares)
        texts = WordList.ranked(USERS) if name == "texts" else None
        renderer = WordRenderer(config, fonts=fonts.fonts.faces, texts=texts)
        pictures = [renderer.sample(number, index).image for index in range(len(TEXTS))]
        row(sheet, GAP + number * (CELL[1] + GAP), name, pictures)
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("page", type=Path, nargs="?", default=Path("docs/synth.md"))
    options = parser.parse_args()
    out = options.page.with_suffix("")
    out.mkdir(parents=True, exist_ok=True)
    fonts = WordRenderer(SynthConfig(characters=ALPHABETS["94"]))
    for section in SECTIONS:
        settings_sheet(section, fonts).save(out / f"{section}.jpg", quality=85)
    samples = [fonts.sample(0, index) for index in range(48)]
    contact_sheet([(one.image, one.label) for one in samples]).save(out / "sheet.jpg", quality=85)
    words_sheet(fonts).save(out / "words.jpg", quality=85)


if __name__ == "__main__":
    main()
