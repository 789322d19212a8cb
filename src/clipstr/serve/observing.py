"""Around every request: its number, its line in the log, its place in the metrics."""

from __future__ import annotations

import io
import json
import logging
import queue
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clipstr.serve.metrics import Metrics

__all__ = ["JsonLines", "Observed", "log_to", "tell"]

_log = logging.getLogger("clipstr.serve")

MOST_LINES = 10_000  # of the log, that wait to be written
PATIENCE = 2.0  # seconds at the end for those


class JsonLines(logging.Formatter):
    """A log record as one line of JSON: time, level, event, and what the record tells beside."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "told", {}),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line)


class _Lines(logging.Handler):
    """Hands lines to the thread that writes them; leaves out what it cannot keep up with, and counts it."""

    def __init__(self, lines: queue.Queue[str | None]) -> None:
        super().__init__()
        self._lines, self._left_out = lines, 0
        self.setFormatter(JsonLines())

    def emit(self, record: logging.LogRecord) -> None:
        if self._left_out:
            record.told = {**getattr(record, "told", {}), "lines_left_out": self._left_out}
        try:
            self._lines.put_nowait(self.format(record))
            self._left_out = 0
        except queue.Full:
            self._left_out += 1


@contextmanager
def log_to(stream: TextIO | None = None) -> Iterator[None]:
    """Sends what the service and its server have to say to ``stream`` (standard error), a line of JSON each.

    A thread writes: a pipe that nobody empties never holds up an answer, nor the end for more than a moment.
    """
    lines: queue.Queue[str | None] = queue.Queue(MOST_LINES)
    handler = _Lines(lines)
    for name, level in (("clipstr", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
    writing = threading.Thread(target=_write, args=[lines, stream or sys.stderr], daemon=True)
    writing.start()
    try:
        yield
    finally:
        with suppress(queue.Full):
            lines.put_nowait(None)
        writing.join(PATIENCE)


def _write(lines: queue.Queue[str | None], stream: TextIO) -> None:
    """Writes ``lines`` up to None past the stream's buffers: held up there, it holds no lock of Python's."""
    try:
        file = io.FileIO(stream.fileno(), "w", closefd=False)
    except (OSError, ValueError, AttributeError):  # standard error is closed
        file = None
    while (line := lines.get()) is not None:
        with suppress(OSError):  # a full disk, or nobody reads any more: the service goes on
            if file is not None:
                file.write(f"{line}\n".encode())


def tell(scope: Scope, **told: Any) -> None:
    """Has the request of ``scope`` tell ``told`` in its line of the log."""
    scope["clipstr.told"].update(told)


class Observed:
    """The application ``app``, each of its requests numbered, logged and counted."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status, number = time.perf_counter(), 499, uuid.uuid4().hex[:16]  # 499: gone before the answer
        told: dict[str, Any] = {}
        scope["clipstr.told"] = told

        async def send_numbered(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", number.encode())]
            await send(message)

        self._metrics.in_flight.inc()
        try:
            await self._app(scope, receive, send_numbered)
        finally:
            seconds = time.perf_counter() - begun
            self._metrics.in_flight.dec()
            # A path that nobody serves must not make a number of its own: anybody may think of paths.
            path = scope["path"] if "endpoint" in scope else "other"
            self._metrics.requests.labels(path, str(status)).inc()
            self._metrics.seconds.labels(path).observe(seconds)
            client = scope.get("client") or ("", 0)
            line = {
                "request": number,
                "client": client[0],
                "method": scope["method"],
                "path": scope["path"][:200],
                "status": status,
                "ms": round(1000 * seconds, 1),
                **told,
            }
            level = logging.DEBUG if path in ("/healthz", "/readyz", "/metrics") else logging.INFO
            _log.log(level, "request", extra={"told": line})
