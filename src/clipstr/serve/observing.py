"""Around every request: its number, its line in the log, its place in the metrics."""

from __future__ import annotations

import json
import logging
import sys
import time
import uuid
from typing import Any, TextIO

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clipstr.serve.metrics import Metrics

__all__ = ["JsonLines", "Observed", "log_to", "tell"]

_log = logging.getLogger("clipstr.serve")


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


def log_to(stream: TextIO = sys.stderr) -> None:
    """Sends what the service and its server have to say to ``stream``, a line of JSON each."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    for name, level in (("clipstr", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)


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
