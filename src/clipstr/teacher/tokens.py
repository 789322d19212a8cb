"""Labels as CLIP's tokens: one per character, or whole words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Literal

import torch
from open_clip import SimpleTokenizer
from torch import Tensor

from clipstr.errors import TeacherError

__all__ = ["LabelTokens"]

_END_OF_WORD = "</w>"  # how CLIP's vocabulary marks a token that ends a word


class LabelTokens:
    """Turns labels into token ids: start, the label's tokens, end.

    With ``tokens`` "characters" the label ``table`` is put as ``t a b l e`` (paper, section 3.1): one
    token per character, always. CLIP's tokenizer knows one case only: with ``case`` "fold" both cases of
    a letter are the same token; with "keep" a capital is the vocabulary's own token for it, which
    OpenAI's and LAION's training never used, so that only a teacher trained with it understands it.
    """

    def __init__(
        self, *, tokens: Literal["characters", "words"], case: Literal["fold", "keep"], context_length: int
    ) -> None:
        self.tokens, self.case, self.context_length = tokens, case, context_length
        self._tokenizer = SimpleTokenizer()
        self.start, self.end = self._tokenizer.sot_token_id, self._tokenizer.eot_token_id
        self._character: Callable[[str], int] = lru_cache(maxsize=None)(self._character_id)

    def ids(self, label: str) -> list[int]:
        """The token ids of ``label`` with start and end.

        Raises `TeacherError` if they are more than the text encoder's context holds, or if a character
        is more than one token.
        """
        if self.tokens == "characters":
            inner = [self._character(character) for character in label]
        else:
            inner = self._tokenizer.encode(label)
        ids = [self.start, *inner, self.end]
        if len(ids) > self.context_length:
            raise TeacherError(
                f"the label {label!r} is {len(ids)} tokens long with start and end, and the teacher's text "
                f"encoder holds {self.context_length}: lower student.max_length to at most "
                f"{self.context_length - 2}, or take a teacher with a longer context"
            )
        return ids

    def batch(self, labels: Sequence[str]) -> Tensor:
        """The ids (labels, context) in int64, zeros behind each end.

        With words the context is the longest label's characters + 2, as in the authors' code, or what the
        longest tokens need if that is more.
        """
        rows = [self.ids(label) for label in labels]
        context = max(map(len, rows), default=0)
        if self.tokens == "words":
            # The authors' rule; whole words seldom need it, but their golden tensors have these shapes.
            longest = max(map(len, labels), default=0) + 2
            context = min(max(context, longest), self.context_length)
        padded = [row + [0] * (context - len(row)) for row in rows]
        return torch.tensor(padded, dtype=torch.int64).reshape(len(rows), context)

    def _character_id(self, character: str) -> int:
        if self.case == "keep" and character.isascii() and character.isupper():
            return int(self._tokenizer.encoder[character + _END_OF_WORD])
        ids = self._tokenizer.encode(character)
        if len(ids) != 1:
            raise TeacherError(
                f"CLIP's tokenizer makes {len(ids)} tokens of the character {character!r}, so that text "
                "features would not stand opposite characters: take it out of student.characters, or set "
                "teacher.tokens = 'words', or distil from images alone (distillation.decoder_stages = [])"
            )
        return int(ids[0])
