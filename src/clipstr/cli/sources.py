"""What verbs that take pictures do alike: tell what cannot be read and go on, refuse what is nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence

from clipstr.cli import console
from clipstr.errors import InputError

__all__ = ["Troubles", "require_something"]


class Troubles:
    """What went wrong so far: told at once, and counted for the exit status."""

    def __init__(self) -> None:
        self.count = 0

    def tell(self, message: str) -> None:
        """Write ``message`` to standard error."""
        self.count += 1
        console.complain(message)


def require_something(sources: Sequence[str], paths: Sequence[str]) -> None:
    """Raises `InputError` if there is nothing at any of ``paths``, or standard input is to be read twice."""
    if not any(source == "-" or os.path.lexists(source) for source in sources):
        raise InputError(f"nothing to read at {', '.join(paths)}: no such file, or no pictures in the folder")
    if sources.count("-") > 1:
        raise InputError("- stands for standard input, which can be read once")
