"""Settings as data: frozen classes whose fields carry default, bounds, unit and meaning, and are checked."""

from __future__ import annotations

from clipstr.settings.fields import (
    Alphabet,
    Journals,
    Numbers,
    Texts,
    section,
    sections,
    setting,
    settings,
)
from clipstr.settings.listing import Described, as_toml, described, with_tables
from clipstr.settings.loading import built, read_values, with_changes

__all__ = [
    "Alphabet",
    "Described",
    "Journals",
    "Numbers",
    "Texts",
    "as_toml",
    "built",
    "described",
    "read_values",
    "section",
    "sections",
    "setting",
    "settings",
    "with_changes",
    "with_tables",
]
