"""A trained recogniser made ready for another alphabet or longer words, keeping what it has learned."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from clipstr.charset import Charset, plain_letters
from clipstr.errors import InputError
from clipstr.student.config import StudentConfig
from clipstr.student.recogniser import Recogniser

__all__ = ["Adaptation", "adapt"]

_FREE = ("characters", "max_length", "dropout")
"""The settings that may differ: the others decide the shapes of what was learned."""


@dataclass(frozen=True, kw_only=True)
class Adaptation:
    """A recogniser that starts from another one's weights, and what became of its characters."""

    model: Recogniser
    kept: str  # characters that both know
    derived: dict[str, str]  # new characters and the known one that each starts from
    merged: str  # letters that stand for both cases now, where the model told them apart
    fresh: str  # new characters that start from nothing
    forgotten: str  # characters that the new alphabet lacks
    more_positions: int  # by which words may be longer; negative where they are shorter

    def notes(self) -> list[str]:
        """What a person should know, a line each."""
        lines = []
        if self.derived:
            pairs = ", ".join(f"{new} from {old}" for new, old in self.derived.items())
            lines.append(f"new characters that start from one that the model knows: {pairs}")
        if self.merged:
            lines.append(f"letters that stand for both cases now: {self.merged}")
        if self.fresh:
            lines.append(f"new characters that start from nothing: {self.fresh}")
        if self.forgotten:
            lines.append(f"characters that the alphabet no longer has: {self.forgotten}")
        if self.more_positions:
            change = "longer" if self.more_positions > 0 else "shorter"
            lines.append(f"words may be {abs(self.more_positions)} characters {change}")
        return lines


def adapt(model: Recogniser, config: StudentConfig) -> Adaptation:
    """A recogniser of ``config`` with the weights of ``model``, which stays as it is.

    Characters of both alphabets keep their weights. A new capital starts from its small letter if the old
    alphabet knew letters in one case only (and the other way round), a letter with marks from its plain
    one, and others from what they look like (`clipstr.charset.plain_letters`). Those that start from one
    character are together as likely as it is, so that none is likelier. A letter that now
    stands for both cases starts from the mean of the two; other characters start as at random. New positions
    start from the last known one. Raises `InputError` if another setting than the alphabet, the longest word
    and dropout differs.
    """
    for field in fields(StudentConfig):
        old, new = getattr(model.config, field.name), getattr(config, field.name)
        if field.name not in _FREE and old != new:
            raise InputError(
                f"the model to start from has {field.name} {old!r}: {new!r} cannot start from it"
            )
    old, new = model.config.charset, config.charset
    adapted = Recogniser(config)
    derived = {c: origin for c in new.characters if c not in old and (origin := _origin(c, old))}
    merged = "".join(c for c in new.characters if new.single_case and c in old and _other_case(c) in old)
    sources = {c: c for c in new.characters if c in old} | derived
    cases = {c: s + _other_case(s) for c, s in sources.items()}
    sources = {c: cases[c] if set(cases[c]) & set(merged) else s for c, s in sources.items()}
    state = model.state_dict()
    fresh = adapted.state_dict()
    state["head.weight"] = _rows(state["head.weight"], fresh["head.weight"], sources, old, new)
    # A fresh character is as likely as the known ones are on average, before anything was seen.
    bias = torch.full_like(fresh["head.bias"], float(state["head.bias"][1:].mean()))
    state["head.bias"] = _rows(state["head.bias"], bias, sources, old, new)
    shared = Counter(sources[character] for character in derived)
    for character in derived:
        state["head.bias"][new.encode(character)[0]] -= math.log(shared[sources[character]])
    embedding = "text_embed.embedding.weight"
    tokens = _rows(state[embedding], fresh[embedding], sources, old, new)
    tokens[new.begin], tokens[new.padding] = state[embedding][old.begin], state[embedding][old.padding]
    state[embedding] = tokens
    state["pos_queries"] = _positions(state["pos_queries"], config.max_length + 1)
    adapted.load_state_dict(state)
    return Adaptation(
        model=adapted.train(model.training),
        kept="".join(c for c in new.characters if c in old),
        derived=derived,
        merged=merged,
        fresh="".join(c for c in new.characters if c not in sources),
        forgotten="".join(
            c for c in old.characters if c not in new and not (_other_case(c) and _other_case(c) in merged)
        ),
        more_positions=config.max_length - model.config.max_length,
    )


def _origin(character: str, known: Charset) -> str | None:
    """The character of ``known`` that stood for ``character`` so far, if there is one."""
    candidates = plain_letters(character)
    if known.single_case:
        candidates += [letter.swapcase() for letter in (character, *candidates)]
    return next((c for c in candidates if c in known), None)


def _other_case(character: str) -> str:
    """The letter ``character`` in its other case; nothing for what has none."""
    other = character.swapcase()
    return other if len(other) == 1 and other != character else ""


def _rows(learned: Tensor, fresh: Tensor, sources: dict[str, str], old: Charset, new: Charset) -> Tensor:
    """``fresh`` with the rows of the end and of all characters that have sources from ``learned``.

    Of several sources a character gets the mean.
    """
    rows = fresh.clone()
    rows[new.end] = learned[old.end]
    for character, source in sources.items():
        rows[new.encode(character)[0]] = learned[old.encode(source)].mean(0)
    return rows


def _positions(learned: Tensor, count: int) -> Tensor:
    """``learned`` queries (1, positions, dim) for ``count`` positions, cut or continued with the last one."""
    more = max(count - learned.shape[1], 0)
    return torch.cat([learned[:, :count], learned[:, -1:].expand(-1, more, -1)], dim=1).clone()
