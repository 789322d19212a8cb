"""What stands in the pictures: words, numbers, names and strings, in the cases people write them in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict

import numpy as np

from clipstr.errors import DataError, InputError
from clipstr.synth.config import SynthConfig
from clipstr.synth.fitting import Fitting
from clipstr.synth.hard import HARD, HardTexts
from clipstr.synth.marks import MarkedWords
from clipstr.synth.numbers import contact, number
from clipstr.wordlists import LANGUAGES, WordList, our_list, system_list

__all__ = ["LENGTHS", "Vocabulary"]

LENGTHS = (12, 43, 179, 224, 152, 130, 107, 65, 45, 32, 22, 16, 12, 9, 7, 5, 4, 3, 3, 2, 2, 1, 1, 1, 1)
"""How many of a thousand words have 1, 2, ... 25 characters: the labels of 6,060 real crops (IIIT5k, SVT,
IC13 and IC15, training parts), but long words, of 10 and more, twice as often, so that they are learned."""

LISTS = ("english", "signs", "dictionary", "names", "languages")
"""The lists that have shares; the dictionary is the system's, which may have none."""

_LENGTH_BOUNDS = np.cumsum(LENGTHS) / sum(LENGTHS)
_MARKED = 0.15  # of random strings: those of punctuation alone, which words hardly have
_FEWEST = 200  # words of a list of ours that can be drawn; fewer would be learned by heart
_NAMED = 8  # characters that an error names
_NUMBERS_TRIED = 20
_RANK_SLOPE = 0.6  # of frequent words; running text has about 1, signs are flatter
_MARKS = {".": 8, ",": 6, "!": 6, ":": 4, "?": 3, ";": 1, "...": 1, "'s": 4, "®": 1, "™": 1, "*": 1}
_PAIRS = ('""', "()", "''", "[]", "--", "<>", "**", "“”", "##", "//", "{}", "~~")


class Vocabulary:
    """Draws texts that fit: short enough, with every letter in their label, and in a font.

    ``words``, if given, takes the place of all our words and of what is made of them; numbers, addresses and
    random strings keep their shares. ``texts``, if given, are drawn as they are, at the share of that name.
    ``drawable`` says of a text whether a font has all of it. Lists of which the alphabet leaves too little
    give way to strings of the alphabet itself.

    ``left_out`` are the given words and texts that do not fit, ``undrawable`` the characters of the alphabet
    that no font has. Raises `DataError` if no font has any of them, and `InputError` if nothing is left.
    """

    def __init__(
        self,
        config: SynthConfig,
        words: WordList | None = None,
        *,
        texts: WordList | None = None,
        drawable: Callable[[str], bool] = lambda text: True,
    ) -> None:
        self.config, self.charset = config, config.charset
        self.fits = Fitting(config.charset, config.max_length, drawable)
        self.undrawable = self.fits.undrawable(config.characters)
        if len(self.undrawable) == len(config.characters):
            some = " ".join(self.undrawable[:_NAMED]) + (" ..." if len(self.undrawable) > _NAMED else "")
            raise DataError(f"no font has any character of the alphabet ({some}): add one that can draw them")
        given = [*(words.words if words else ()), *(texts.words if texts else ())]
        self.left_out = tuple(text for text in given if not self._may_stand(text))
        self.lists = self._fitting(_our_lists() if words is None else {"english": words}, words is not None)
        self._texts = self._fitting({"texts": texts} if texts else {}, True)
        everyday = self.lists.get("english") or self.lists.get("signs")
        self._context = everyday.words if everyday else ()
        source = self.lists.get("dictionary") or everyday
        self._endings = _endings(source.words[:: 1 + len(source.words) // 25_000]) if source else {}
        self._letters = self._random_letters()
        self._marks = [c for c in self._letters if not c.isalnum()]
        self.hard = HardTexts(self._written, self._random, self._letters, config.max_length)
        ours = bool(self.lists) and words is None
        self.marked = self._marked_words(ours)
        makers: dict[str, tuple[Callable[[np.random.Generator], str], bool]] = {
            **{name: (drawn, True) for name, drawn in (self.lists | self._texts).items()},
            "numbers": (number, True),
            "contacts": (self._contact, True),
            "invented": (self._invented, bool(self._endings) and ours),
            **{name: (getattr(self.hard, name), ours) for name in HARD},
            "marked": (self.marked, bool(self.marked) and ours),
            "random": (self._random, bool(self._letters)),
        }
        shares = _given_shares(config, words is not None)
        if words is None:
            missing = [name for name in LISTS if name not in self.lists and name != "dictionary"]
            shares["random"] += sum(shares.pop(name) for name in missing)
        chosen = {name: share for name, share in shares.items() if share and makers.get(name, (0, False))[1]}
        if not chosen:
            raise InputError("words and alphabet leave nothing to draw: change the words or the characters")
        self._makers = [(name, makers[name][0]) for name in chosen]
        self._kinds = np.cumsum(list(chosen.values())) / sum(chosen.values())

    def _fitting(self, lists: Mapping[str, WordList], given: bool) -> dict[str, _Drawn]:
        """The lists without words that do not fit; those with too few left are left out, unless ``given``."""
        kept = {}
        for name, words in lists.items():
            usable = {c for c in set().union(*words.words) if self._may_stand(c) or c.isspace()}
            pairs = [
                (word, weight)
                for word, weight in zip(words.words, words.weights, strict=True)
                if usable.issuperset(word) and self._may_stand(word)
            ]
            if len(pairs) >= (1 if given else _FEWEST):
                kept[name] = _Drawn([word for word, _ in pairs], [weight for _, weight in pairs])
        return kept

    def _marked_words(self, ours: bool) -> MarkedWords:
        """What makes words beyond ASCII, of those of our lists that are."""
        known = [word for drawn in self.lists.values() for word in drawn.words if not word.isascii()]
        self._marked_endings = _endings(known) if ours else {}
        beyond = [character for character in self._letters if not character.isascii()]
        return MarkedWords(
            known if ours else (),
            [character for character in beyond if character.isalpha()],
            [character for character in beyond if not character.isalpha()],
            invented=self._invented_marked,
            word=self._written,
            number=self.number,
            cased=_cased,
        )

    def _may_stand(self, text: str) -> bool:
        """Whether ``text`` fits, now and then or always."""
        if self.fits(text):
            return True
        unread = self.config.unread > 0
        return unread and (self.fits(text, unread=True) or self._is_mark(text))

    def _is_mark(self, text: str) -> bool:
        return len(text) == 1 and not text.isalnum() and self.fits.can_draw(text)

    def _random_letters(self) -> list[str]:
        """The characters of random strings: the alphabet's, in both cases if it folds them."""
        both = self.config.characters
        if self.charset.single_case:
            both = "".join(dict.fromkeys(both + both.upper() + both.lower()))
        return [character for character in both if self.fits(character)]

    def text(self, rng: np.random.Generator) -> str:
        """A text as it may stand in a picture. Raises `InputError` if a thousand do not fit."""
        for _ in range(1000):
            kind = int(np.searchsorted(self._kinds, rng.random(), side="right"))
            name, make = self._makers[min(kind, len(self._makers) - 1)]
            text = make(rng)
            if name in self.lists or name == "invented":
                text = _dressed(_cased(text, rng), rng)
            if self.may_be_drawn(text, rng):
                return text
        raise InputError(f"no text fits; the last was {text!r}: {self.fits.why_not(text)}")

    def may_be_drawn(self, text: str, rng: np.random.Generator) -> bool:
        """Whether ``text`` fits as it is; with punctuation that the alphabet lacks only now and then."""
        unread = self.config.unread > 0 and rng.random() < self.config.unread
        return self.fits(text, unread=unread) and self.fits.together(text)

    def word(self, rng: np.random.Generator) -> str:
        """A word of the lists as a sign writes it, without punctuation around it."""
        kinds = [number for number, (name, _) in enumerate(self._makers) if name in self.lists]
        if not kinds:
            raise InputError("there are no words to draw from: give shares of words, or a word list")
        widths = np.diff(self._kinds, prepend=0)[kinds]
        chosen = int(np.searchsorted(np.cumsum(widths) / widths.sum(), rng.random(), side="right"))
        return _cased(self._makers[kinds[min(chosen, len(kinds) - 1)]][1](rng), rng)

    def _written(self, rng: np.random.Generator) -> str:
        """A word of any list, as a sign writes it."""
        drawn = tuple(self.lists.values())
        return _cased(drawn[int(rng.integers(len(drawn)))](rng), rng) if drawn else self._random(rng)

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
        return self._spelled(rng, self._endings)

    def _invented_marked(self, rng: np.random.Generator) -> str:
        return self._spelled(rng, self._marked_endings)

    def _spelled(self, rng: np.random.Generator, endings: Mapping[str, str]) -> str:
        """A word spelled letter by letter as the words of a list go on after three letters."""
        word = "^^^"
        while len(word) < 3 + self.config.max_length:
            following = endings.get(word[-3:], "$")
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
        ours = [shares.pop(name) for name in (*LISTS[1:], "invented", *HARD, "marked")]
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
