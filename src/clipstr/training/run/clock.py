"""How long a run has trained, and how much of its time limit is left for training."""

from __future__ import annotations

import time

__all__ = ["Clock"]

_MOST = 0.5  # of the limit that is set aside for the end, at most


class Clock:
    """The seconds of a run, and its ``limit``, which counts from ``started`` (of `time.monotonic`).

    Seconds count from the first step on, over all starts of the run. What passed before the first step, and
    what the end will take, as long as the longest validation so far, is left for no steps.
    """

    def __init__(self, limit: float | None, started: float | None) -> None:
        self.limit, self.started = limit, time.monotonic() if started is None else started
        self._zero: float | None = None
        self._lead = self._end = 0.0

    @property
    def running(self) -> bool:
        """Whether the first step has begun."""
        return self._zero is not None

    @property
    def since_start(self) -> float:
        """The seconds since the start."""
        return time.monotonic() - self.started

    def begin(self, lead: float, trained: float) -> None:
        """The first step begins ``lead`` seconds after the start, in a run of ``trained`` seconds so far."""
        self._lead, self._zero = lead, time.monotonic() - trained

    @property
    def seconds(self) -> float:
        """The seconds of training until now."""
        return 0.0 if self._zero is None else time.monotonic() - self._zero

    def set_aside(self, seconds: float) -> None:
        """A validation took ``seconds``: so may the last one."""
        self._end = max(self._end, seconds)

    @property
    def training(self) -> float | None:
        """The seconds of training that the limit allows; None without one."""
        if self.limit is None:
            return None
        return max(self.limit - self._lead - min(self._end, _MOST * self.limit), 0.0)
