"""Allow-lists as people write them: the characters one after another, and ranges such as 0-9."""

from __future__ import annotations

import unicodedata

import numpy as np

from clipstr.arguments import text
from clipstr.charset import Charset, named_character, normal_form
from clipstr.errors import CharsetError

__all__ = ["allowed_classes"]


def allowed_classes(charset: Charset, allow: str | None) -> np.ndarray:
    """Which classes may be read, (num_classes,) in bool: the end of a text and what ``allow`` names, or all.

    ``allow`` has the characters one after another, in any order; ``0-9`` and ``a-z`` stand for all digits and
    letters from one to the other, and a ``-`` that is not between two of a kind for itself. In an alphabet of
    one case letters may be given in either. White space says nothing. Raises `CharsetError` if nothing is
    named, for a character that the alphabet lacks, and for a range that is none.
    """
    if allow is None:
        return np.ones(charset.num_classes, bool)
    asked = _characters(text(allow, "allow", meaning="the characters that may be read, such as '0-9'"))
    if not asked:
        raise CharsetError("no character is allowed: name at least one")
    known = {character: charset.in_its_case(character) for character in asked}
    lacking = [character for character, own in known.items() if own not in charset]
    if lacking:
        named = ", ".join([*map(named_character, lacking[:8]), *(["..."] if len(lacking) > 8 else [])])
        raise CharsetError(
            f"allow names {named}, which the model cannot read; its alphabet is {charset.characters!r}"
        )
    allowed = np.zeros(charset.num_classes, bool)
    allowed[[charset.end, *charset.encode("".join(known.values()))]] = True
    return allowed


def _characters(allow: str) -> list[str]:
    """The different characters that ``allow`` names, its ranges written out."""
    written = normal_form("".join(allow.split()))
    found: list[str] = []
    place = 0
    while place < len(written):
        between = written[place : place + 3]
        if len(between) == 3 and between[1] == "-" and between[0].isalnum() and between[2].isalnum():
            found += _range(between)
            place += 3
        else:
            found.append(written[place])
            place += 1
    return list(dict.fromkeys(found))


def _range(between: str) -> list[str]:
    first, last = between[0], between[2]
    kind = unicodedata.category(first)
    if kind != unicodedata.category(last) or first > last:
        raise CharsetError(
            f"allow has {between!r}, which is no range: write 0-9, a-z or A-Z, and a - of its own at the end"
        )
    every = map(chr, range(ord(first), ord(last) + 1))
    return [character for character in every if unicodedata.category(character) == kind]
