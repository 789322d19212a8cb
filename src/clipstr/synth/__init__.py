"""The synthetic word renderer: endless labelled pictures of words, without a disk and without a network."""

from __future__ import annotations

from clipstr.synth.config import Sample, SynthConfig
from clipstr.synth.fonts import FontFace, find_fonts
from clipstr.synth.renderer import WordRenderer
from clipstr.synth.sheet import contact_sheet
from clipstr.synth.words import load_words

__all__ = ["FontFace", "Sample", "SynthConfig", "WordRenderer", "contact_sheet", "find_fonts", "load_words"]
