"""What a text is worth before anybody looked at the picture: known words are likelier than other texts."""

from __future__ import annotations

from collections.abc import Callable

from clipstr.wordlists import known_spellings, known_words, skeleton, spelling

__all__ = ["KNOWN", "LEAST", "UNKNOWN", "Prior", "no_prior", "word_prior"]

Prior = Callable[[str], float]
"""How much likelier a text is than one of which nothing is known, above 0."""

KNOWN, UNKNOWN = 3.5, 0.35
"""That of a known word or a number, and that of all else.

Chosen on 1,512 real crops that no model was trained on, four in five of which are known words. Which text is
read depends on their ratio: from a twentieth to a fifth they are read alike, and more of them than without.
How many looks are taken depends on themselves: two looks that say the same known word with half a doubt are
sure, and so are two or three that say the same unknown text without any.
"""

LEAST = 0.03
"""Of a look, what a known text must have there to count: with 0.02 to 0.04 the same crops are read alike."""


def word_prior(text: str) -> float:
    """`KNOWN` for a known word or a number, whatever stands around its letters, and `UNKNOWN` for all else.

    A text with marks is known with these marks alone, one without is known whatever marks the word has: most
    models know none. It decides between readings that a model is in doubt about; what a model is sure of
    stays what it is.
    """
    spelled = spelling(text)
    if not spelled.isascii():
        return 1.0 if spelled in known_spellings() else UNKNOWN
    bare = skeleton(text)
    return KNOWN if bare.isdigit() or bare in known_words() else UNKNOWN


def no_prior(text: str) -> float:
    """1 for every text."""
    return 1.0
