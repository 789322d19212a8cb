"""Draws the example pictures with what the embedded model reads in them: docs/readings.png.

python examples/draw_readings.py
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

import clipstr

HERE = Path(__file__).resolve().parent
COLUMNS, CELL_WIDTH, CELL_HEIGHT, MARGIN, PICTURE_HEIGHT = 4, 276, 116, 14, 56


def main() -> None:
    paths = sorted(HERE.glob("*.png"))
    rows = -(-len(paths) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * CELL_WIDTH, rows * CELL_HEIGHT), "white")
    draw = ImageDraw.Draw(sheet)
    for number, (path, reading) in enumerate(zip(paths, clipstr.read(paths), strict=True)):
        left = number % COLUMNS * CELL_WIDTH + MARGIN
        top = number // COLUMNS * CELL_HEIGHT + MARGIN
        with Image.open(path) as picture:
            width = round(picture.width * PICTURE_HEIGHT / picture.height)
            sheet.paste(picture.resize((width, PICTURE_HEIGHT), Image.Resampling.LANCZOS), (left, top))
        below = top + PICTURE_HEIGHT + 6
        draw.text((left, below), reading.text, fill="black", font=ImageFont.load_default(22))
        place = left + draw.textlength(reading.text, font=ImageFont.load_default(22)) + 10
        draw.text(
            (place, below + 7), f"{reading.confidence:.1%}", fill="#5a7d9a", font=ImageFont.load_default(14)
        )
    target = HERE.parent / "docs" / "readings.png"
    target.parent.mkdir(exist_ok=True)
    sheet.save(target, optimize=True)


if __name__ == "__main__":
    main()
