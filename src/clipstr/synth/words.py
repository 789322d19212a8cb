"""What stands in the pictures: words, numbers, names and strings, in the cases people write them in."""

from __future__ import annotations

import string
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from clipstr.errors import DataError
from clipstr.synth.config import SynthConfig

__all__ = ["COMMON_WORDS", "Vocabulary", "load_words"]

_COMMON = """
    open closed sale hotel motel cafe coffee tea bar pub grill restaurant pizza burger chicken sushi
    noodle kitchen bakery bread cake ice cream juice beer wine spirits fresh fruit market food drink
    menu lunch dinner breakfast special shop store mall outlet boutique fashion shoes dress jewelry
    watches gifts toys books music video games photo print copy computer mobile phone electronics
    hardware furniture home garden flowers pharmacy drugs health dental clinic doctor hospital
    optical beauty hair salon nails spa fitness gym yoga club bank exchange money cash credit card
    loans insurance estate realty office company limited group international national american
    british indian china london paris york city town county state north south east west central
    street road avenue boulevard lane drive park place square court plaza bridge river lake beach
    hill island bay station terminal airport bus taxi train metro subway ferry parking garage gas
    auto car truck tire repair service wash rental travel tours tickets information reception
    entrance exit entry gate door lift stairs floor level room toilet ladies gentlemen men women
    private public staff only no yes stop go slow caution danger warning keep left right push pull
    out in up down smoking please thank you welcome hello the of and to for with from at by on is
    are it we our your all new best free big little old first second one two three four five six
    seven eight nine ten day night week month year today now hours always never love life world
    people family kids school college university library museum gallery art theatre cinema church
    house center centre tower building hall royal grand king queen prince star sun moon sky golden
    silver red blue green black white orange pink police fire emergency ambulance security camera
    water power energy solar gold diamond crystal super extra plus max pro ultra mega quality
    premium original classic natural organic real true great good happy joy peace hope sport team
    football tennis golf racing champion league cup winter summer spring autumn january february
    march april may june july august september october november december monday tuesday wednesday
    thursday friday saturday sunday made enjoy join follow visit call email online web www com org
    net http wifi zone area block unit
"""

COMMON_WORDS: tuple[str, ...] = tuple(_COMMON.split())
"""Words that shops, streets, signs and labels are full of."""

SYSTEM_LISTS = (
    "/usr/share/dict/american-english-large",
    "/usr/share/dict/british-english-large",
    "/usr/share/dict/words",
    "/usr/share/dict/american-english",
)


@lru_cache(maxsize=4)
def load_words(path: Path | None = None) -> tuple[str, ...]:
    """The words of the list ``path``, one a line, or else of the system's list, or else our own few.

    Raises `DataError` if ``path`` cannot be read or is empty.
    """
    found = [path] if path else [Path(name) for name in SYSTEM_LISTS if Path(name).is_file()][:1]
    if not found:
        return COMMON_WORDS
    try:
        lines = found[0].read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{found[0]}: the word list cannot be read: {error}") from error
    words = tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if not words:
        raise DataError(f"{found[0]}: the word list is empty")
    return words


class Vocabulary:
    """Draws texts whose folded form is in the alphabet and not too long."""

    def __init__(self, config: SynthConfig, words: Sequence[str]) -> None:
        self.config, self.charset = config, config.charset
        fitting = [word for word in words if 0 < len(self.charset.fold(word)) <= config.max_length]
        self.words = fitting or [word for word in COMMON_WORDS if self.charset.fold(word)]
        self.common = [word for word in COMMON_WORDS if self.charset.fold(word)]
        self._endings = _endings(self.words[::7] or self.words)
        shares = np.array(config.shares) * [bool(self.words), bool(self.common), True, bool(self.words), True]
        self._kinds = np.cumsum(shares / shares.sum())
        self._letters = self._drawable()

    def _drawable(self) -> list[str]:
        """The characters that random strings are made of: the alphabet's, in both cases if it folds them."""
        both = self.config.characters
        if self.charset.single_case:
            both = "".join(dict.fromkeys(both + both.upper() + both.lower()))
        return [character for character in both if self.charset.fold(character)]

    def text(self, rng: np.random.Generator) -> str:
        """A text as it may stand in a picture."""
        while True:
            kind = int(np.searchsorted(self._kinds, rng.random(), side="right"))
            drawn = (self._word, self._common, _number, self._invented, self._random)[min(kind, 4)](rng)
            text = drawn if kind in (2, 4) else _dressed(_cased(drawn, rng), rng)
            if self.charset.fold(text) and len(text) <= self.config.max_length:
                return text

    def _word(self, rng: np.random.Generator) -> str:
        return self.words[int(rng.integers(len(self.words)))]

    def _common(self, rng: np.random.Generator) -> str:
        return self.common[int(rng.integers(len(self.common)))]

    def _invented(self, rng: np.random.Generator) -> str:
        """A word spelled letter by letter as the word list's words go on after two letters."""
        word = "^^"
        while len(word) < 2 + self.config.max_length:
            following = self._endings.get(word[-2:], "$")
            letter = following[int(rng.integers(len(following)))]
            if letter == "$":
                break
            word += letter
        return word[2:]

    def _random(self, rng: np.random.Generator) -> str:
        length = int(rng.integers(1, min(10, self.config.max_length) + 1))
        return "".join(self._letters[i] for i in rng.integers(len(self._letters), size=length))


def _endings(words: Sequence[str]) -> dict[str, str]:
    """What follows each pair of letters, as often as it does; ``^`` before a word, ``$`` behind it."""
    following: defaultdict[str, list[str]] = defaultdict(list)
    for word in words:
        spelled = f"^^{word.lower()}$"
        for place in range(2, len(spelled)):
            following[spelled[place - 2 : place]].append(spelled[place])
    return {pair: "".join(letters) for pair, letters in following.items()}


def _number(rng: np.random.Generator) -> str:
    """A number as signs and labels have it: plain, a price, a time, a date, with a unit."""
    length = int(rng.choice([1, 2, 2, 3, 3, 4, 4, 4, 5, 6, 7]))
    digits = "".join(str(digit) for digit in rng.integers(10, size=length))
    forms = [
        digits,
        digits,
        digits,
        digits,
        f"${digits}",
        f"{digits}%",
        f"#{digits}",
        f"{digits[:-2]}.{digits[-2:]}" if length > 2 else digits,
        f"{digits[:3]}-{digits[3:]}" if length > 3 else digits,
        f"{digits[:2]}:{digits[2:4]}" if length > 3 else digits,
        digits + str(rng.choice(["th", "st", "am", "pm", "km", "mm", "ft", "kg", "ml", "s"])),
        string.ascii_uppercase[int(rng.integers(26))] + digits,
    ]
    return forms[int(rng.integers(len(forms)))]


def _cased(word: str, rng: np.random.Generator) -> str:
    """``word`` in capitals, with a first capital, in small letters, or now and then in any."""
    chance = rng.random()
    if chance < 0.45:
        return word.upper()
    if chance < 0.73:
        return word[:1].upper() + word[1:]
    if chance < 0.97:
        return word.lower()
    return "".join(
        c.upper() if upper else c.lower() for c, upper in zip(word, rng.random(len(word)) < 0.5, strict=True)
    )


def _dressed(word: str, rng: np.random.Generator) -> str:
    """``word``, now and then with the punctuation that stands beside words."""
    chance = rng.random()
    if chance < 0.03:
        return word + ".,!?:;"[int(rng.integers(6))]
    if chance < 0.04:
        return f'"{word}"'
    if chance < 0.05:
        return f"({word})"
    if chance < 0.055:
        return f"@{word}"
    return word
