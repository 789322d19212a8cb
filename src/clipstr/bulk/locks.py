"""Locks on files, which the system lets go of when their process dies, however it does."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

__all__ = ["locked"]


def locked(path: Path) -> BinaryIO | None:
    """The file ``path``, made if need be, locked until it is closed; None if another process has locked it.

    Where the system knows no such locks (Windows, some network file systems), it is not locked. Raises
    OSError.
    """
    file = path.open("ab")
    try:
        import fcntl
    except ImportError:
        return file
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    except OSError:
        pass
    return file
