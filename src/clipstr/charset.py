"""An alphabet: which characters a reader knows, their ids, and how labels are folded into it.

Ids follow the authors' code, so that their checkpoints fit: ``end`` is 0, the characters are
1..n in order, ``begin`` is n + 1 and ``padding`` n + 2. A recogniser predicts ``end`` and the
characters (n + 1 classes) and takes all n + 3 tokens as input.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from clipstr.errors import CharsetError

__all__ = ["ALPHABETS", "Charset", "Written", "named_character", "normal_form", "plain_letters"]

SIGMA, FINAL_SIGMA = "σ", "ς"

_DIGITS, _LOWER, _UPPER = string.digits, string.ascii_lowercase, string.ascii_uppercase
_ASCII = _DIGITS + _LOWER + _UPPER + string.punctuation


def _marked_letters() -> str:
    """The letters of Latin-1 and Latin Extended-A, and Romanian's four, by code point.

    Not those that Unicode takes for another way of writing others: ĳ is i and j, ŀ is l and a dot.
    """
    blocks = [chr(code) for code in (*range(0xA1, 0x180), *map(ord, "ȘșȚț"))]
    return "".join(c for c in blocks if c.isalpha() and unicodedata.normalize("NFKC", c) == c)


ALPHABETS: dict[str, str] = {
    "36": _DIGITS + _LOWER,
    "62": _DIGITS + _LOWER + _UPPER,
    "94": _ASCII,
    "latin": _ASCII + _marked_letters() + "€£¥¢§©®™°¡¿«»·",
}
"""The field's three alphabets by their size: the paper's 36, both cases, and all printable ASCII.

"latin" adds what European languages write beside them: letters with marks, currencies, and signs.
"""

_PLAIN = dict(
    zip("ÆæŒœØøÐðĐđĦħıĸŁłŊŋŦŧÞþß€£¥¢§©®™°¡¿«»·", "AaOoOoDdDdHhikLlNnTtPpBCEYcSCRToi?<>.", strict=True)
)
"""What readers take characters for that Unicode makes of no others: what they look like in ASCII."""

_WRITTEN_PLAIN = dict.fromkeys("‘’‚‛′", "'") | dict.fromkeys("“”„‟″", '"') | dict.fromkeys("‐‑‒–—―−", "-")
"""Punctuation that a reader cannot tell from ASCII's, as `Charset.normalise` writes it beyond ASCII."""


@dataclass(frozen=True)
class Charset:
    """An ordered alphabet of distinct single characters.

    Raises `CharsetError` if it is empty, repeats a character, holds white space, or characters that no text
    in Unicode's normal form has.
    """

    characters: str

    end: int = 0  # the id of the end-of-text class: the authors', and so not a choice

    def __post_init__(self) -> None:
        if not isinstance(self.characters, str):
            raise CharsetError(f"an alphabet is a text of its characters, and not {self.characters!r}")
        if not self.characters:
            raise CharsetError("an alphabet needs at least one character, and this one is empty")
        repeated = sorted({c for c in self.characters if self.characters.count(c) > 1})
        if repeated:
            raise CharsetError(f"each character of an alphabet stands once; repeated: {''.join(repeated)!r}")
        if any(c.isspace() for c in self.characters):
            raise CharsetError("an alphabet holds no white space: a reader reads one word at a time")
        _require_normal(self.characters)
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
    def _small(self) -> bool:
        return any(character.islower() for character in self.characters)

    @cached_property
    def single_case(self) -> bool:
        """Whether the alphabet has letters of one case only, so that labels are folded to it."""
        return self._small != any(character.isupper() for character in self.characters)

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
        composed (NFC). One that holds all of ASCII and more writes what it lacks in what it has: ế as ê, ĳ as
        ij, “ as ".
        """
        text = "".join(text.split())
        if self.characters.isascii():
            return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
        text = normal_form(text)
        return "".join(map(self._nearest, text)) if self._wider_than_ascii else text

    @cached_property
    def _wider_than_ascii(self) -> bool:
        return len(self.characters) > len(_ASCII) and set(_ASCII) <= set(self.characters)

    def _nearest(self, character: str) -> str:
        """``character``, or those of the alphabet that it is made of, or itself if there are none."""
        if character in self._ids:
            return character
        return self._parts(character) or ("" if unicodedata.combining(character) else character)

    def _parts(self, character: str) -> str:
        """What Unicode makes ``character`` of, as far as the alphabet has it: â of ấ, 12 of ½."""
        character = _WRITTEN_PLAIN.get(character, character)
        if character in self._ids:
            return character
        codes = [code for code in unicodedata.decomposition(character).split() if not code.startswith("<")]
        return "".join(self._parts(chr(int(code, 16))) for code in codes)

    def in_its_case(self, text: str) -> str:
        """``text`` in small letters or capitals if this alphabet has letters of one case only."""
        if not self.single_case:
            return text
        if not self._small:
            return text.upper()
        # In a language that ends its words with one the final sigma is a small letter of its own.
        return text.lower() if FINAL_SIGMA in self._ids else text.lower().replace(FINAL_SIGMA, SIGMA)

    def fold(self, text: str) -> str:
        """``text`` as this alphabet writes it.

        It is normalised and put into the alphabet's case if there is only one; unknown characters go.
        """
        return "".join(c for c in self.in_its_case(self.normalise(text)) if c in self._ids)

    def _is_all_of(self, character: str, kept: str) -> bool:
        return kept in (self.in_its_case(character), self.in_its_case(_bare(character)))

    def written(self, text: str) -> Written:
        """``text`` as this alphabet writes it, and what became of it on the way."""
        whole = self.in_its_case(self.normalise(text))
        folded = "".join(character for character in whole if character in self._ids)
        # In ASCII nothing grows and nothing breaks, so that an equal length says that nothing went.
        if len(folded) == len(text) and text.isascii():
            return Written(folded, len(whole))
        characters = dict.fromkeys(normal_form("".join(text.split())))
        became = {character: self.fold(character) for character in characters}
        lost = "".join(character for character, kept in became.items() if not kept)
        parted = {c: kept for c, kept in became.items() if kept and not self._is_all_of(c, kept)}
        return Written(folded, len(whole), lost, parted)


@dataclass(frozen=True)
class Written:
    """A text as an alphabet writes it.

    ``length`` is counted after everything but the deletion of unknown characters, as the field does;
    ``lost`` are the different characters of which nothing is left, in order: no white space, and no accents
    that come off their letters; ``parted`` those of which only a part is left, with it: 12 of a half.
    """

    text: str
    length: int
    lost: str = ""
    parted: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Whether all of it is there, in either case, accents aside."""
        return not self.lost and not self.parted


def normal_form(text: str) -> str:
    """``text`` in the one normal form of Unicode (NFC) of all alphabets, labels and lexicons."""
    return unicodedata.normalize("NFC", text)


def _bare(character: str) -> str:
    """What ``character`` is made of, without accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c))


def plain_letters(character: str) -> list[str]:
    """What a reader that does not know ``character`` takes it for, the likeliest first; none may be known.

    A letter with marks is taken for the letter, others for what they look like: ø for o, © for C.
    """
    if character in _PLAIN:
        return [_PLAIN[character]]
    whole = unicodedata.normalize("NFKD", character)
    return [] if whole == character else [whole[0]]


def _require_normal(characters: str) -> None:
    """Raises `CharsetError` for characters that labels, in their normal form, would never have."""
    for character in characters:
        normal = normal_form(character)
        if normal != character or "\ud800" <= character <= "\udfff":
            instead = f": write {', '.join(map(named_character, normal))}" if normal != character else ""
            raise CharsetError(
                f"the alphabet has {named_character(character)}, which no text in Unicode's normal form "
                f"(NFC) has{instead}"
            )
    if normal_form(characters) != characters:
        raise CharsetError(
            "the alphabet has letters and accents beside each other that are one character in Unicode's "
            f"normal form (NFC): write it so, {normal_form(characters)!r}"
        )


def named_character(character: str) -> str:
    """``character`` for messages, with its code point: some look like others or like nothing."""
    return f"{character!r} (U+{ord(character):04X})"
