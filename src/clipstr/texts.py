"""Texts from elsewhere, made safe to print."""

from __future__ import annotations

import unicodedata

__all__ = ["visible"]

_JOINERS = "\u200c\u200d"  # which Persian and Indic words and emoji are written with
_UNSEEN = ("Cc", "Cf", "Zl", "Zp")  # controls, formats (directions, too), ends of lines and paragraphs


def visible(text: str, *, keep: str = "", bytes_too: bool = False) -> str:
    """``text`` on one line as it is seen: what breaks lines, moves cursors or turns directions is escaped.

    Characters of ``keep`` stay, and so do bytes of file names that are no text, unless ``bytes_too``: they
    go out as they came in.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if _harmless(c, keep, bytes_too) else repr(c)[1:-1] for c in text)


def _harmless(character: str, keep: str, bytes_too: bool) -> bool:
    if character in keep or character in _JOINERS:
        return True
    if "\ud800" <= character <= "\udfff":
        return not bytes_too and "\udc80" <= character <= "\udcff"
    return unicodedata.category(character) not in _UNSEEN
