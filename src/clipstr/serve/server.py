"""The service on a port: started, and drained by a signal."""

from __future__ import annotations

import asyncio
import logging
import sys
from types import FrameType

import uvicorn

from clipstr.serve.application import application
from clipstr.serve.service import Service

__all__ = ["serve"]

_log = logging.getLogger("clipstr.serve")

KEEP_ALIVE = 30  # seconds that an idle connection stays
MOST_CONNECTIONS = 2000  # beyond, they are told 503 at once
SWITCH = 0.001  # seconds that a thread may keep others waiting
MOST_HEAD = 64 << 10  # bytes of a request's head


class _Draining(uvicorn.Server):
    """A server that at the first signal drains its service and then ends, and at the second ends at once."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service
        self._loop: asyncio.AbstractEventLoop | None = None
        self._drains: asyncio.Task[None] | None = None

    async def startup(self, sockets: object = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            addresses = [s.getsockname()[:2] for server in self.servers for s in server.sockets]
            told = {"addresses": [f"{host}:{port}" for host, port in addresses]}
            _log.info("ready", extra={"told": told})

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._loop is None or self._service.draining:
            self.should_exit = self.force_exit = True
        else:
            self._loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        async def drain() -> None:
            _log.info("draining")
            await self._service.drain()
            self.should_exit = True

        self._drains = asyncio.get_running_loop().create_task(drain())


def serve(service: Service, *, host: str, port: int) -> bool:
    """Whether ``service`` was served, until a signal ended it; False if ``host`` and ``port`` cannot be had.

    SIGTERM and SIGINT refuse what comes and finish what was begun.
    """
    config = uvicorn.Config(
        application(service),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=round(service.settings.limits.seconds) + 5,
        h11_max_incomplete_event_size=MOST_HEAD,
        lifespan="on",
    )
    server = _Draining(config, service)
    # Reading holds Python's lock between its steps: a refusal shall not wait five milliseconds for it.
    sys.setswitchinterval(SWITCH)
    try:
        server.run()
    except SystemExit:  # how uvicorn says that the port cannot be had, after it told why
        return False
    return server.started
