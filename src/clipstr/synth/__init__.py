"""The synthetic word renderer: endless labelled pictures of words, without a disk and without a network."""

from __future__ import annotations

from clipstr.fonts import FontFace, find_fonts
from clipstr.synth.config import Sample, SynthConfig, load_synth
from clipstr.synth.kinds import KindRenderer, settings_of_kind
from clipstr.synth.renderer import WordRenderer
from clipstr.synth.surfaces import find_backgrounds
from clipstr.wordlists import WordList, load_words

__all__ = [
    "FontFace",
    "KindRenderer",
    "Sample",
    "SynthConfig",
    "WordList",
    "WordRenderer",
    "find_backgrounds",
    "find_fonts",
    "load_synth",
    "load_words",
    "settings_of_kind",
]
