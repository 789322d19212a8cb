"""How many processors this process may use, by all who can limit it; the most memory that it has held."""

from __future__ import annotations

import logging
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from clipstr.arguments import whole_number

__all__ = ["MOST_THREADS", "peak_memory", "threads_within", "usable_processors"]

MOST_THREADS = 1 << 16
"""More than this is a slip of the hand, and not a wish to be cut down to what there is."""

_log = logging.getLogger("clipstr")

_STATUS = Path("/proc/self/status")
_GROUPS_OF_SELF = Path("/proc/self/cgroup")
_GROUPS = Path("/sys/fs/cgroup")


def peak_memory() -> int:
    """The most resident memory that this process has held so far, in bytes; 0 where nobody counts it.

    What `getrusage` tells is not asked on Linux: there a process begins with the peak of whoever started it.
    """
    try:
        lines = _STATUS.read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return 0
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else 1024 * highest


def usable_processors() -> int:
    """How many processors this process may use, at least 1.

    The fewest of: what the machine has, the process's affinity, the quota of its container (Linux control
    groups of both versions, rounded up), and ``OMP_NUM_THREADS``, by which people limit numerical programs.
    """
    limits = [os.cpu_count() or 1]
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        limits.append(len(os.sched_getaffinity(0)))
    limits += [max(1, math.ceil(quota)) for quota in _quotas(_GROUPS_OF_SELF, _GROUPS)]
    # The first of "4,2", which is for the outermost level of nested threads.
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if asked.isdecimal() and int(asked) > 0:
        limits.append(int(asked))
    return min(limits)


def threads_within(threads: int | None, name: str = "threads") -> int:
    """``threads``, or fewer if this process may not use as many processors, which is told in the log.

    None and 0 stand for as many as are useful. More threads than processors make everything slower. Raises
    `InputError` for what is no whole number from 0 to `MOST_THREADS`; ``name`` is the setting's.
    """
    meaning = "0 for as many as are useful"
    asked = 0 if threads is None else whole_number(threads, name, least=0, most=MOST_THREADS, meaning=meaning)
    usable = usable_processors()
    if not asked:
        return usable
    if asked > usable:
        _log.warning(
            "%s is %d, but this process may use %d processors: it gets that many", name, asked, usable
        )
    return min(asked, usable)


def _quotas(groups_of_self: Path, groups: Path) -> Iterator[float]:
    """The processors that each control group above this process allows, in no order; none elsewhere.

    ``groups_of_self`` has a line "number:controllers:path" for each hierarchy (cgroups(7)); a container often
    sees its own group as the root, so that a path which is not there is no error.
    """
    try:
        lines = groups_of_self.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            mounts, read = [groups, groups / "unified"], _quota_of_version_2
        elif "cpu" in controllers.split(","):
            mounts, read = [groups / controllers, groups / "cpu"], _quota_of_version_1
        else:
            continue
        inside = PurePosixPath(path.lstrip("/"))
        for mount in mounts:
            for group in (inside, *inside.parents):
                quota = read(mount / group)
                if quota is not None:
                    yield quota


def _quota_of_version_2(group: Path) -> float | None:
    return _share((group / "cpu.max",))


def _quota_of_version_1(group: Path) -> float | None:
    return _share((group / "cpu.cfs_quota_us", group / "cpu.cfs_period_us"))


def _share(files: tuple[Path, ...]) -> float | None:
    """Microseconds of a period over those of the period itself; None if there is no limit or no such file."""
    try:
        quota, period = " ".join(file.read_text() for file in files).split()
        share = int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # "max" is no number: no limit
        return None
    return share if share > 0 else None  # -1: no limit
