"""Arguments as callers give them, checked: what is wrong is told by the argument's name."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

from clipstr.errors import InputError

__all__ = ["flag", "several", "text", "whole_number"]


def whole_number(value: object, name: str, *, least: int, most: int, meaning: str = "") -> int:
    """``value`` as an int from ``least`` to ``most``. Raises `InputError` for anything else, booleans too.

    ``meaning`` says what the number is or does, for the message.
    """
    wanted = f"it must be a whole number from {least} to {most}" + (f" ({meaning})" if meaning else "")
    try:
        number = operator.index(value)  # type: ignore[arg-type]  # integers of numpy, too; no 1.5
    except TypeError:
        raise InputError(f"{name} is {_short(value)}; {wanted}") from None
    if isinstance(value, bool) or not least <= number <= most:
        raise InputError(f"{name} is {_short(value)}; {wanted}")
    return number


def flag(value: object, name: str) -> bool:
    """``value``, which is True or False; else `InputError`."""
    if not isinstance(value, bool):
        raise InputError(f"{name} is {_short(value)}; it must be True or False")
    return value


def text(value: object, name: str, *, meaning: str) -> str:
    """``value``, which is a text; else `InputError`. ``meaning`` says what it is, for the message."""
    if not isinstance(value, str):
        raise InputError(f"{name} is {_short(value)}; it must be a text: {meaning}")
    return value


def several(values: Iterable[str], name: str, *, meaning: str) -> Iterable[str]:
    """``values`` one by one, each of them a text. Raises `InputError` for a bare text and for other things.

    A text is itself made of texts, its letters: ``name="coffee"`` would pass for six words. ``meaning`` says
    what the texts are.
    """
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        hint = f", such as [{values!r}]" if isinstance(values, str) and len(values) < 40 else ""
        raise InputError(f"{name} is {_short(values)}; it must be a list of {meaning}{hint}")
    return _texts(values, name, meaning)


def _texts(values: Iterable[Any], name: str, meaning: str) -> Iterable[str]:
    for number, value in enumerate(values):
        if not isinstance(value, str):
            raise InputError(
                f"{name}[{number}] is {_short(value)}; it must be a text, for these are {meaning}"
            )
        yield value


def _short(value: object) -> str:
    """What ``value`` is, on a line."""
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}... ({type(value).__name__})"
