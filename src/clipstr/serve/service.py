"""One service: its readers, its queue, its limits, and whether it still takes requests."""

from __future__ import annotations

import asyncio
import hmac
import logging
import math
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

from clipstr.errors import MissingExtraError
from clipstr.serve.asks import JSON, Ask, Held, read_ask
from clipstr.serve.batching import QueueFullError, WorkError
from clipstr.serve.documents import Leaf, document
from clipstr.serve.lanes import Lane, scan_lane, word_lane
from clipstr.serve.metrics import Metrics
from clipstr.serve.observing import tell
from clipstr.serve.readers import Readers
from clipstr.serve.refusals import RefusalError
from clipstr.serve.settings import ServiceSettings

__all__ = ["Service"]

T = TypeVar("T")
_log = logging.getLogger("clipstr.serve")


@dataclass(frozen=True)
class Answer:
    """What a request is answered: an item for each picture, or a document of those that could be read."""

    model: str | None
    items: list[dict[str, Any]]
    format: str = JSON
    document: bytes | None = None

    @property
    def some(self) -> bool:
        """Whether one picture at least was read."""
        return any("error" not in item for item in self.items)


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
        self.words = word_lane(settings, self.readers, self.metrics)
        self.lanes: list[Lane[Any]] = [self.words]
        if settings.scans:
            try:
                self.lanes.append(scan_lane(settings, self.readers, self.metrics))
            except MissingExtraError as error:
                _log.warning("photographs are not read here: %s", error)
        self.metrics.watch("clipstr_held_bytes", "Bytes of bodies that are held.", lambda: self.held.now)

    @property
    def scans(self) -> bool:
        """Whether photographs are read."""
        return len(self.lanes) > 1

    async def start(self) -> None:
        """Begins to read, in the running event loop; ready when it returns."""
        await asyncio.to_thread(self.readers.warm_up)
        for lane in self.lanes:
            lane.batcher.start()
        self.ready = True

    async def stop(self) -> None:
        """Ends; what was begun and still waits is cancelled, so drain before."""
        self.ready = False
        for lane in self.lanes:
            await lane.batcher.stop()

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

    async def answer(self, request: Request, lane: Lane[Any]) -> Answer:
        """What ``lane`` answers; raises a `RefusalError`, or `ClientDisconnect` if nobody waits."""
        self.admit(request)
        self._begun += 1
        self._idle.clear()
        try:
            return await self._answer(request, lane)
        except asyncio.CancelledError as error:  # the server ends, and waits for nobody any more
            raise RefusalError(503, "ending", "the service had to end", retry_after=5) from error
        finally:
            self._begun -= 1
            if not self._begun:
                self._idle.set()

    async def _answer(self, request: Request, lane: Lane[Any]) -> Answer:
        try:
            lane.batcher.check_room()  # before a body is read in vain
            with self.held.room() as share:
                limits = self.settings.limits
                ask = await _within(limits.seconds, read_ask(request, limits, share, lane.known))
                done = await _within(lane.seconds(len(ask.pictures)), self._done(request, lane, ask))
        except QueueFullError as error:
            seconds = max(1, math.ceil(error.seconds))
            message = f"too many pictures wait to be read; come again in {seconds} s"
            raise RefusalError(429, "queue_full", message, retry_after=seconds) from error
        self._tell(request, lane, done.items)
        return done

    async def _done(self, request: Request, lane: Lane[Any], ask: Ask) -> Answer:
        options = self.readers.settled(ask.options)
        await asyncio.to_thread(self.readers.reader, options)
        results = await _while_waited_for(request, lane.batcher.submit(options, ask.pictures))
        items = [lane.values(p, result) for p, result in zip(ask.pictures, results, strict=True)]
        made = None if ask.format == JSON else await self._document(lane, ask, results)
        return Answer(options.model, items, ask.format, made)

    async def _document(self, lane: Lane[Any], ask: Ask, results: Sequence[Any]) -> bytes | None:
        """The document of the pictures that were read; None if none was."""
        leaves = []
        for number, (picture, result) in enumerate(zip(ask.pictures, results, strict=True), 1):
            scenes = None if isinstance(result, WorkError) else lane.scenes(result)
            if scenes is not None:
                leaves.append(Leaf(picture.name or f"picture {number}", picture.content, scenes))
        if not leaves:
            return None
        # Pages of PDFs are drawn once more, which takes memory: one PDF at a time, as photographs.
        return await self.lanes[-1].batcher.alone(partial(document, ask.format, leaves))

    def _tell(self, request: Request, lane: Lane[Any], items: Sequence[dict[str, Any]]) -> None:
        for item in items:
            outcome = item["error"]["type"] if "error" in item else "read"
            self.metrics.pictures.labels(lane.path, outcome).inc()
        told: dict[str, Any] = {"pictures": len(items), "failed": sum("error" in item for item in items)}
        if self.settings.log_words:
            told["words"] = [_words(item) for item in items]
        tell(request.scope, **told)


async def _within(seconds: float, answer: Awaitable[T]) -> T:
    """``answer``; raises a `RefusalError` (503) if it takes longer."""
    try:
        return await asyncio.wait_for(answer, seconds)
    except asyncio.TimeoutError as error:
        message = (
            f"there was no answer within {seconds:g} s; send less, or come again when there is less to do"
        )
        raise RefusalError(503, "too_slow", message, retry_after=max(1, round(seconds / 2))) from error


def _words(item: dict[str, Any]) -> str | None:
    """What was read in a picture, None if it could not be."""
    if "pages" in item:
        return "\n".join(line["text"] for page in item["pages"] for line in page["lines"])
    return item.get("text")


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
