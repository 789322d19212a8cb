"""What stands in the pictures: words, numbers, names and strings, in the cases people write them in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict

import numpy as np

from clipstr.errors import InputError
from clipstr.synth.config import SynthConfig
from clipstr.synth.lexicon import LANGUAGES, WordList, our_list, system_list
from clipstr.synth.numbers import contact, number

__all__ = ["LENGTHS", "Vocabulary"]

LENGTHS = (12, 43, 179, 224, 152, 130, 107, 65, 45, 32, 22, 16, 12, 9, 7, 5, 4, 3, 3, 2, 2, 1, 1, 1, 1)
"""How many of a thousand words have 1, 2, ... 25 characters: the labels of 6,060 real crops (IIIT5k, SVT,
IC13 and IC15, training parts), but long words, of 10 and more, twice as often, so that they are learned."""

_LENGTH_BOUNDS = np.cumsum(LENGTHS) / sum(LENGTHS)
_MARKED = 0.15  # of random strings: those of punctuation alone, which words hardly have
_NUMBERS_TRIED = 20
_RANK_SLOPE = 0.6  # of frequent words; running text has about 1, signs are flatter
_MARKS = {".": 8, ",": 6, "!": 6, ":": 4, "?": 3, ";": 1, "...": 1, "'s": 4, "®": 1, "™": 1, "*": 1}
_PAIRS = ('""', "()", "''", "[]", "--", "<>", "**", "“”", "##", "//", "{}", "~~")


class Vocabulary:
    """Draws texts whose folded form is in the alphabet and not too long.

    ``words``, if given, takes the place of all our words; numbers, addresses and random strings keep their
    shares. ``drawable`` says of a character whether it can be drawn. ``left_out`` are the given words that
    cannot be, are too long, or have nothing of the alphabet. Raises `InputError` if nothing is left.
    """

    def __init__(
        self,
        config: SynthConfig,
        words: WordList | None = None,
        *,
        drawable: Callable[[str], bool] = lambda character: True,
    ) -> None:
        self.config, self.charset, self._drawable = config, config.charset, drawable
        self._able: dict[str, bool] = {}
        self.left_out = tuple(word for word in words.words if not self.fits(word)) if words else ()
        self.lists = self._fitting(_our_lists() if words is None else {"english": words})
        everyday = self.lists.get("english") or self.lists.get("signs")
        self._context = everyday.words if everyday else ()
        source = self.lists.get("dictionary") or everyday
        self._endings = _endings(source.words[:: 1 + len(source.words) // 25_000]) if source else {}
        self._letters = self._random_letters()
        self._marks = [c for c in self._letters if not c.isalnum()]
        makers: dict[str, tuple[Callable[[np.random.Generator], str], bool]] = {
            **{name: (drawn, True) for name, drawn in self.lists.items()},
            "numbers": (number, True),
            "contacts": (self._contact, True),
            "invented": (self._invented, bool(self._endings) and words is None),
            "random": (self._random, bool(self._letters)),
        }
        shares = _given_shares(config, words is not None)
        chosen = {name: share for name, share in shares.items() if share and makers.get(name, (0, False))[1]}
        if not chosen:
            raise InputError("words and alphabet leave nothing to draw: change the words or the characters")
        self._makers = [(name, makers[name][0]) for name in chosen]
        self._kinds = np.cumsum(list(chosen.values())) / sum(chosen.values())

    def _fitting(self, lists: dict[str, WordList]) -> dict[str, _Drawn]:
        """The lists without words that do not fit or cannot be drawn; empty ones are left out."""
        kept = {}
        for name, words in lists.items():
            pairs = [pair for pair in zip(words.words, words.weights, strict=True) if self.fits(pair[0])]
            if pairs:
                kept[name] = _Drawn([word for word, _ in pairs], [weight for _, weight in pairs])
        return kept

    def fits(self, text: str) -> bool:
        """Whether ``text`` can be drawn, is short enough, and has something of the alphabet."""
        if not 0 < len(text) <= self.config.max_length or not self.charset.fold(text):
            return False
        for character in text:
            if character not in self._able:
                self._able[character] = self._drawable(character)
            if not self._able[character]:
                return False
        return True

    def _random_letters(self) -> list[str]:
        """The characters of random strings: the alphabet's, in both cases if it folds them."""
        both = self.config.characters
        if self.charset.single_case:
            both = "".join(dict.fromkeys(both + both.upper() + both.lower()))
        return [character for character in both if self.fits(character)]

    def text(self, rng: np.random.Generator) -> str:
        """A text as it may stand in a picture."""
        for _ in range(1000):
            kind = int(np.searchsorted(self._kinds, rng.random(), side="right"))
            name, make = self._makers[min(kind, len(self._makers) - 1)]
            text = make(rng)
            if name in self.lists or name == "invented":
                text = _dressed(_cased(text, rng), rng)
            if self.fits(text):
                return text
        raise InputError(f"no text fits {self.config.max_length} characters: raise max_length")

    def word(self, rng: np.random.Generator) -> str:
        """A word of the lists as a sign writes it, without punctuation around it."""
        kinds = [number for number, (name, _) in enumerate(self._makers) if name in self.lists]
        if not kinds:
            raise InputError("there are no words to draw from: give shares of words, or a word list")
        widths = np.diff(self._kinds, prepend=0)[kinds]
        chosen = int(np.searchsorted(np.cumsum(widths) / widths.sum(), rng.random(), side="right"))
        return _cased(self._makers[kinds[min(chosen, len(kinds) - 1)]][1](rng), rng)

    def everyday(self, rng: np.random.Generator) -> str:
        """A frequent word, as the list writes it; without a list a random one."""
        if not self._context:
            return self._random(rng)
        return self._context[int(rng.integers(min(len(self._context), 2000)))]

    def number(self, rng: np.random.Generator) -> str:
        """A number, price or measure that can be written, or else an everyday word."""
        drawn = (number(rng) for _ in range(_NUMBERS_TRIED))
        return next((text for text in drawn if self.fits(text)), "") or self.everyday(rng)

    def context(self, rng: np.random.Generator) -> str:
        """A word that may stand beside another."""
        return _cased(self.everyday(rng), rng)

    def _contact(self, rng: np.random.Generator) -> str:
        return contact(rng, self._context or ("shop",))

    def _invented(self, rng: np.random.Generator) -> str:
        """A word spelled letter by letter as the words of a list go on after three letters."""
        word = "^^^"
        while len(word) < 3 + self.config.max_length:
            following = self._endings.get(word[-3:], "$")
            letter = following[int(rng.integers(len(following)))]
            if letter == "$":
                break
            word += letter
        return word[3:]

    def _random(self, rng: np.random.Generator) -> str:
        length = min(1 + int(np.searchsorted(_LENGTH_BOUNDS, rng.random(), side="right")), len(LENGTHS))
        length = min(length, self.config.max_length)
        letters = self._marks if self._marks and rng.random() < _MARKED else self._letters
        return "".join(letters[i] for i in rng.integers(len(letters), size=length))


class _Drawn:
    """A list to draw from: by weight, and in lengths as real labels have them."""

    def __init__(self, words: Sequence[str], weights: Sequence[float]) -> None:
        self.words = tuple(words)
        lengths = np.minimum([len(word) for word in words], len(LENGTHS)) - 1
        total = np.bincount(lengths, weights=weights, minlength=len(LENGTHS))
        # A length that hardly a word has gets no more than eight times its share.
        wanted = np.minimum(np.array(LENGTHS) / sum(LENGTHS), 8 * total / total.sum())
        fitted = np.asarray(weights) * (wanted / np.maximum(total, 1e-12))[lengths]
        self._bounds = np.cumsum(fitted) / fitted.sum()

    def __call__(self, rng: np.random.Generator) -> str:
        chosen = int(np.searchsorted(self._bounds, rng.random(), side="right"))
        return self.words[min(chosen, len(self.words) - 1)]


def _our_lists() -> dict[str, WordList]:
    names = [WordList.ranked(our_list(name)) for name in ("names", "places", "brands", "abbreviations")]
    others = [WordList.ranked(our_list(name), slope=_RANK_SLOPE) for name in LANGUAGES]
    return {
        "english": WordList.ranked(our_list("english"), slope=_RANK_SLOPE),
        "signs": WordList.ranked(our_list("signs"), slope=0.3),
        "dictionary": system_list(),
        "names": _joined(names),
        "languages": _joined(others),
    }


def _joined(lists: Sequence[WordList]) -> WordList:
    total = lists[0]
    for words in lists[1:]:
        total = total + words
    return total


def _given_shares(config: SynthConfig, given: bool) -> dict[str, float]:
    """The shares by name; a user's list takes those of all our words."""
    shares = asdict(config.shares)
    if given:
        ours = [shares.pop(name) for name in ("signs", "dictionary", "names", "languages", "invented")]
        shares["english"] += sum(ours)
    return shares


def _endings(words: Iterable[str]) -> dict[str, str]:
    """What follows each three letters, as often as it does; ``^`` before a word, ``$`` behind it."""
    following: defaultdict[str, list[str]] = defaultdict(list)
    for word in words:
        spelled = f"^^^{word.lower()}$"
        for place in range(3, len(spelled)):
            following[spelled[place - 3 : place]].append(spelled[place])
    return {before: "".join(letters) for before, letters in following.items()}


def _cased(word: str, rng: np.random.Generator) -> str:
    """``word`` as signs write it: small letters become capitals or get one; capitals seldom change.

    Of 5,300 words on real crops 56 % stand in capitals, 27 % begin with one and 15 % are small.
    """
    chance = rng.random()
    if word != word.lower():  # a name or an abbreviation, with a way of writing of its own
        return word.upper() if chance < 0.35 else word
    if chance < 0.52:
        return word.upper()
    if chance < 0.79:
        return word[:1].upper() + word[1:]
    if chance < 0.98:
        return word
    flips = rng.random(len(word)) < 0.5
    return "".join(c.upper() if flip else c for c, flip in zip(word, flips, strict=True))


_ENDS, _END_BOUNDS = tuple(_MARKS), np.cumsum(list(_MARKS.values())) / sum(_MARKS.values())


def _dressed(word: str, rng: np.random.Generator) -> str:
    """``word``, now and then with the punctuation that stands beside or inside words."""
    chance = rng.random()
    if chance < 0.05:
        mark = _ENDS[min(int(np.searchsorted(_END_BOUNDS, rng.random(), side="right")), len(_ENDS) - 1)]
        return word + (mark.upper() if word.isupper() else mark)
    if chance < 0.06:
        pair = _PAIRS[int(rng.integers(len(_PAIRS)))]
        return pair[0] + word + pair[1]
    if chance < 0.065:
        return "#@&-+=/$"[int(rng.integers(8))] + word
    return word
