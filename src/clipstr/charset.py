"""An alphabet: which characters a reader knows, their ids, and how labels are folded into it.

Ids follow the authors' code, so that their checkpoints fit: ``end`` is 0, the characters are
1..n in order, ``begin`` is n + 1 and ``padding`` n + 2. A recogniser predicts ``end`` and the
characters (n + 1 classes) and takes all n + 3 tokens as input.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from clipstr.errors import CharsetError

__all__ = ["ALPHABETS", "Charset"]

_DIGITS, _LOWER, _UPPER = string.digits, string.ascii_lowercase, string.ascii_uppercase

ALPHABETS: dict[str, str] = {
    "36": _DIGITS + _LOWER,
    "62": _DIGITS + _LOWER + _UPPER,
    "94": _DIGITS + _LOWER + _UPPER + string.punctuation,
}
"""The field's three alphabets by their size: the paper's 36, both cases, and all printable ASCII."""


@dataclass(frozen=True)
class Charset:
    """An ordered alphabet of distinct single characters.

    Raises `CharsetError` if it is empty, repeats a character or holds white space.
    """

    characters: str

    end: int = 0  # the id of the end-of-text class: the authors', and so not a choice

    def __post_init__(self) -> None:
        if not self.characters:
            raise CharsetError("an alphabet needs at least one character, and this one is empty")
        repeated = sorted({c for c in self.characters if self.characters.count(c) > 1})
        if repeated:
            raise CharsetError(f"each character of an alphabet stands once; repeated: {''.join(repeated)!r}")
        if any(c.isspace() for c in self.characters):
            raise CharsetError("an alphabet holds no white space: a reader reads one word at a time")
        if self.end != 0:
            raise CharsetError("the end-of-text id is 0 by construction")

    @classmethod
    def named(cls, name: str) -> Charset:
        """The alphabet of `ALPHABETS` called ``name``, or else ``name`` itself taken as the characters."""
        return cls(ALPHABETS.get(name, name))

    @property
    def begin(self) -> int:
        """The id of the begin-of-text token."""
        return len(self.characters) + 1

    @property
    def padding(self) -> int:
        """The id of the padding token."""
        return len(self.characters) + 2

    @property
    def num_classes(self) -> int:
        """How many classes a recogniser predicts: the end of the text and every character."""
        return len(self.characters) + 1

    @property
    def num_tokens(self) -> int:
        """How many ids there are: the classes, begin and padding."""
        return len(self.characters) + 3

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {character: number for number, character in enumerate(self.characters, start=1)}

    def __contains__(self, character: object) -> bool:
        return character in self._ids

    @cached_property
    def single_case(self) -> bool:
        """Whether the alphabet has letters of one case only, so that labels are folded to it."""
        has_lower = any(c.islower() for c in self.characters)
        has_upper = any(c.isupper() for c in self.characters)
        return has_lower != has_upper

    def encode(self, text: str) -> list[int]:
        """The ids of ``text``'s characters, without begin or end.

        Raises `CharsetError` naming the characters that the alphabet lacks.
        """
        unknown = sorted(set(text) - set(self._ids))
        if unknown:
            raise CharsetError(f"{text!r} has characters outside the alphabet: {''.join(unknown)!r}")
        return [self._ids[character] for character in text]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ``ids`` up to the first end-of-text.

        Raises `CharsetError` for an id that is no character.
        """
        characters = []
        for number in ids:
            if number == self.end:
                break
            if not 1 <= number <= len(self.characters):
                raise CharsetError(
                    f"{number} is no character id: the alphabet has 1 to {len(self.characters)}"
                )
            characters.append(self.characters[number - 1])
        return "".join(characters)

    def normalise(self, text: str) -> str:
        """``text`` without white space and in this alphabet's script, its cases and unknown characters kept.

        Accents go (NFKD to ASCII) unless the alphabet itself is beyond ASCII, where the text is only
        composed (NFC).
        """
        text = "".join(text.split())
        if self.characters.isascii():
            return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
        return unicodedata.normalize("NFC", text)

    def fold(self, text: str) -> str:
        """``text`` as this alphabet writes it.

        It is normalised and put into the alphabet's case if there is only one; unknown characters go.
        """
        text = self.normalise(text)
        if self.single_case:
            text = text.lower() if any(c.islower() for c in self.characters) else text.upper()
        return "".join(character for character in text if character in self._ids)

    def lost(self, text: str) -> str:
        """The different characters of ``text`` that `fold` deletes altogether, in order; no white space."""
        characters = dict.fromkeys(unicodedata.normalize("NFC", "".join(text.split())))
        return "".join(character for character in characters if not self.fold(character))
