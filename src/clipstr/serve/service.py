"""One service: its readers, its queue, its limits, and whether it still takes requests."""

from __future__ import annotations

import asyncio
import hmac
import math
from collections.abc import Awaitable
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

from clipstr.reader import Outcome
from clipstr.serve.asks import Ask, Held, Options, Picture, read_ask
from clipstr.serve.batching import Batcher, QueueFullError, WorkError
from clipstr.serve.metrics import Metrics
from clipstr.serve.observing import tell
from clipstr.serve.readers import Readers, item_values
from clipstr.serve.refusals import RefusalError
from clipstr.serve.settings import ServiceSettings

__all__ = ["Service"]

T = TypeVar("T")
READ = "/v1/read"


class Service:
    """What answers requests. Its models are loaded when it is made; raises `ModelError` if one cannot be."""

    def __init__(self, settings: ServiceSettings) -> None:
        self.settings = settings
        self.readers = Readers(settings)
        self.metrics = Metrics()
        self.held = Held(settings.limits.held_bytes)
        self.draining = False
        self.ready = False
        self._begun = 0  # requests that were accepted and are not answered
        self._idle = asyncio.Event()
        self._idle.set()
        self.words: Batcher[Options, Picture, Outcome] = Batcher(
            self.readers.read,
            size=settings.batch_size,
            wait=settings.wait_seconds,
            workers=settings.workers,
            room=settings.limits.queue,
            observe=self.metrics.batches(READ),
        )
        self.metrics.watch("clipstr_queue_words", "Word pictures that wait.", lambda: self.words.waiting)
        self.metrics.watch("clipstr_held_bytes", "Bytes of bodies that are held.", lambda: self.held.now)

    async def start(self) -> None:
        """Begins to read, in the running event loop; ready when it returns."""
        await asyncio.to_thread(self.readers.warm_up)
        self.words.start()
        self.ready = True

    async def stop(self) -> None:
        """Ends; what was begun and still waits is cancelled, so drain before."""
        self.ready = False
        await self.words.stop()

    async def drain(self) -> None:
        """Refuses new requests and returns when those that were begun are answered."""
        self.draining = True
        await self._idle.wait()

    def admit(self, request: Request) -> None:
        """Raises a `RefusalError` unless ``request`` may be answered at all: 401, or 503."""
        self.check_token(request)
        if self.draining:
            message = "the service is ending; ask another one, or come again when it is back"
            raise RefusalError(503, "draining", message, retry_after=5)
        if not self.ready:
            raise RefusalError(503, "starting", "the service is not ready yet", retry_after=1)

    def check_token(self, request: Request) -> None:
        """Raises a `RefusalError` (401) unless ``request`` has the token, if there is one."""
        token = self.settings.token
        if token is None:
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        # Compared in a time that does not tell how much of it is right.
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), token.encode()):
            message = "this service asks for a token: send the header Authorization: Bearer (the token)"
            raise RefusalError(401, "no_token", message)

    async def read(self, request: Request) -> dict[str, Any]:
        """What `/v1/read` answers; raises a `RefusalError`, or `ClientDisconnect` if nobody waits."""
        self.admit(request)
        self._begun += 1
        self._idle.clear()
        try:
            return await self._within_time(self._read(request))
        except asyncio.CancelledError as error:  # the server ends, and waits for nobody any more
            raise RefusalError(503, "ending", "the service had to end", retry_after=5) from error
        finally:
            self._begun -= 1
            if not self._begun:
                self._idle.set()

    async def _read(self, request: Request) -> dict[str, Any]:
        try:
            self.words.check_room()  # before a body is read in vain
            with self.held.room() as share:
                ask = await read_ask(request, self.settings.limits, share)
                options = self.readers.settled(ask.options)
                await asyncio.to_thread(self.readers.reader, options)
                outcomes = await _while_waited_for(request, self.words.submit(options, ask.pictures))
        except QueueFullError as error:
            seconds = max(1, math.ceil(error.seconds))
            message = f"too many pictures wait to be read; come again in {seconds} s"
            raise RefusalError(429, "queue_full", message, retry_after=seconds) from error
        return self._answer(request, ask, options, outcomes)

    async def _within_time(self, answer: Awaitable[T]) -> T:
        seconds = self.settings.limits.seconds
        try:
            return await asyncio.wait_for(answer, seconds)
        except asyncio.TimeoutError as error:
            message = (
                f"there was no answer within {seconds:g} s; send less, or come again when there is less to do"
            )
            raise RefusalError(503, "too_slow", message, retry_after=max(1, round(seconds / 2))) from error

    def _answer(
        self, request: Request, ask: Ask, options: Options, outcomes: list[Outcome | WorkError]
    ) -> dict[str, Any]:
        items = [item_values(p, outcome) for p, outcome in zip(ask.pictures, outcomes, strict=True)]
        for item in items:
            outcome = item["error"]["type"] if "error" in item else "read"
            self.metrics.pictures.labels(READ, outcome).inc()
        told: dict[str, Any] = {"pictures": len(items), "failed": sum("error" in item for item in items)}
        if self.settings.log_words:
            told["words"] = [item.get("text") for item in items]
        tell(request.scope, **told)
        return {"model": options.model, "items": items}


async def _while_waited_for(request: Request, answer: Awaitable[T]) -> T:
    """``answer``, cancelled with a `ClientDisconnect` as soon as nobody waits for it any more."""
    answering = asyncio.ensure_future(answer)
    watching = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({answering, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not answering.done():
            raise ClientDisconnect
        return answering.result()
    finally:
        answering.cancel()
        watching.cancel()


async def _gone(request: Request) -> None:
    """Returns when the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
