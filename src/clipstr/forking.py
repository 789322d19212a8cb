"""What a fork must not cut in two: imports on demand and the opening of models.

A child process has one thread only, the one that forked. Whatever another thread held at that moment is held
for ever in the child: a lock of ours, and Python's own lock of a module that was being imported.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

__all__ = ["ObjectLocks", "unforked"]

# One lock for all of them: with several, a fork and a thread could wait for each other.
_whole = threading.RLock()

if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(before=_whole.acquire, after_in_parent=_whole.release, after_in_child=_whole.release)


@contextmanager
def unforked() -> Iterator[None]:
    """A stretch that only one thread is in, and during which no other thread forks this process.

    For what must be whole or not there at all in a child: keep it short, for a fork waits for it.
    """
    with _whole:
        yield


class ObjectLocks:
    """Locks for objects that threads share and that cannot be shared, found by the object.

    There are a few for all objects, so that none need be kept. A child of a fork finds them all free: whoever
    held them is not there.
    """

    def __init__(self, count: int = 64) -> None:
        self._count = count
        self._renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        self._locks = [threading.RLock() for _ in range(self._count)]

    def of(self, thing: object) -> AbstractContextManager[bool]:
        """The lock of ``thing``; another object may have the same."""
        return self._locks[(id(thing) >> 4) % self._count]
