"""Which texts may be drawn: those whose label says every letter of them, and that a font has."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable

from clipstr.charset import Charset

__all__ = ["Fitting"]


class Fitting:
    """What can be drawn and labelled in an alphabet, up to a length.

    What is drawn is what the label says, to the letter: each character is one of the alphabet's, in another
    case if it has one alone, without its accent if it has ASCII alone, as labels are folded. ``drawable``
    says of a text whether a font has all of it.
    """

    def __init__(self, charset: Charset, longest: int, drawable: Callable[[str], bool]) -> None:
        self.charset, self.longest, self.drawable = charset, longest, drawable
        self._said: dict[str, bool] = {}
        self._able: dict[str, bool] = {" ": True}

    def __call__(self, text: str, *, unread: bool = False) -> bool:
        """Whether ``text`` fits; with ``unread`` it may have punctuation that the alphabet lacks."""
        letters = "".join(text.split())
        if not 0 < len(letters) <= len(text) <= self.longest:
            return False
        if not unread:
            return all(map(self.says, letters)) and all(map(self.can_draw, letters))
        return (
            any(map(self.says, letters))
            and all(map(self._says_or_drops, letters))
            and all(map(self.can_draw, letters))
        )

    def together(self, text: str) -> bool:
        """Whether one font has all of ``text``."""
        return self.drawable("".join(text.split()))

    def says(self, character: str) -> bool:
        """Whether a label has ``character``, as one of the alphabet's and not as something like it."""
        known = self._said.get(character)
        if known is None:
            known = self._said[character] = self._says(character)
        return known

    def _says_or_drops(self, character: str) -> bool:
        return self.says(character) or not (character.isalnum() or self.charset.fold(character))

    def _says(self, character: str) -> bool:
        bare = unicodedata.normalize("NFD", character)[0] if self.charset.characters.isascii() else character
        forms = {bare, bare.lower(), bare.upper()} if self.charset.single_case else {bare}
        return len(self.charset.fold(character)) == 1 and any(form in self.charset for form in forms)

    def can_draw(self, character: str) -> bool:
        """Whether a font has ``character``."""
        known = self._able.get(character)
        if known is None:
            known = self._able[character] = self.drawable(character)
        return known

    def undrawable(self, characters: Iterable[str]) -> list[str]:
        """Those of ``characters`` that no font has, in no case that a label folds into them."""
        single = self.charset.single_case
        return [
            character
            for character in characters
            if not any(map(self.can_draw, {character, *_cases(character)} if single else {character}))
        ]

    def why_not(self, text: str) -> str:
        """Why ``text`` does not fit, in words that say what to do."""
        letters = "".join(text.split())
        lacking = [character for character in dict.fromkeys(letters) if not self.can_draw(character)]
        if lacking:
            return f"no font has {' '.join(lacking)}: add one that can"
        lost = [character for character in dict.fromkeys(letters) if not self.says(character)]
        if lost or not letters:
            return f"the alphabet has no {' '.join(lost) or 'letter of it'}"
        if len(text) > self.longest:
            return f"it is longer than {self.longest} characters: raise max_length"
        return "no font has all of its characters together: add one that has"


def _cases(character: str) -> list[str]:
    return [form for form in (character.lower(), character.upper()) if len(form) == 1]
