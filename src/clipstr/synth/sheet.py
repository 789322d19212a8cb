"""A contact sheet: many labelled pictures at one glance."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from clipstr.synth.config import Sample
from clipstr.synth.fonts import caption_font

__all__ = ["contact_sheet"]

CAPTION, GAP, COLUMNS = 14, 4, 8  # pixels, pixels, pictures a row


def contact_sheet(samples: Sequence[Sample]) -> Image.Image:
    """The pictures of ``samples`` in rows of eight, each above its label."""
    height, width = samples[0].image.shape[:2]
    rows = -(-len(samples) // COLUMNS)
    cell = (width + GAP, height + CAPTION + GAP)
    sheet = Image.new("RGB", (COLUMNS * cell[0] + GAP, rows * cell[1] + GAP), "white")
    draw, font = ImageDraw.Draw(sheet), caption_font([sample.label for sample in samples], 11)
    for number, sample in enumerate(samples):
        left, top = GAP + number % COLUMNS * cell[0], GAP + number // COLUMNS * cell[1]
        sheet.paste(Image.fromarray(sample.image), (left, top))
        draw.text((left, top + height), sample.label, fill="black", font=font)
    return sheet
