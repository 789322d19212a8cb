"""Dynamic batches: what arrives within a few milliseconds, from whichever request, is done together."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

__all__ = ["Batcher", "Later", "QueueFullError", "WorkError"]

_log = logging.getLogger("clipstr.serve")

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")
Result = TypeVar("Result")
Other = TypeVar("Other")


class QueueFullError(Exception):
    """There is no room for so many more; ``seconds`` is when there probably is."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the queue is full; there is room in about {seconds:.1f} s")
        self.seconds = seconds


class WorkError(Exception):
    """The work failed on this item although it was done on it alone: a fault of ours, told in the log."""


@dataclass(frozen=True)
class Later(Generic[Item]):
    """What is left to do of an item that is not done yet: it takes as long as ``weight`` new ones."""

    item: Item
    weight: int


@dataclass
class _Waiting(Generic[Key, Item, Result]):
    """One item in the queue, or what is left of one, and who waits for it."""

    key: Key
    item: Item
    answer: asyncio.Future[Result]
    since: float = field(default_factory=time.monotonic)
    weight: int = 1


class Batcher(Generic[Key, Item, Result]):
    """Gathers items of the same key and has them done in batches, on threads of its own.

    ``work`` takes a key and its items and gives as many results in their order; up to ``size`` items are done
    together, an item waits for company ``wait`` seconds at most, ``workers`` batches are done at once, and
    ``room`` items may wait, and only if their turn comes within ``patience``. Whose waiting is cancelled
    leaves the queue. A batch that fails is done again item by item, so that nobody suffers from company.
    In place of a result there may be `Later`: then what is left of the item is part of the next batch, and
    the others of its batch are answered: an item that takes long holds up none that does not.
    """

    def __init__(
        self,
        work: Callable[[Key, Sequence[Item]], Sequence[Result | Later[Item]]],
        *,
        size: int,
        room: int,
        wait: float = 0.0,
        workers: int = 1,
        patience: float = math.inf,
        observe: Callable[[int, float], None] = lambda size, seconds: None,
    ) -> None:
        self._work, self._size, self._wait, self._room = work, size, wait, room
        self._patience = patience  # seconds
        self._observe = observe  # told the size of each batch and the seconds that it took
        self._queue: deque[_Waiting[Key, Item, Result]] = deque()
        self._workers, self._tasks = workers, list[asyncio.Task[None]]()
        self._pool = ThreadPoolExecutor(workers, "clipstr-batch")
        self._filled = asyncio.Event()
        self._pace = 0.05  # seconds a batch, as lately seen

    @property
    def waiting(self) -> int:
        """How many items wait."""
        return len(self._queue)

    def start(self) -> None:
        """Begins to work, in the running event loop."""
        self._tasks = [asyncio.create_task(self._run()) for _ in range(self._workers)]

    async def stop(self) -> None:
        """Ends the work; who still waits is cancelled, and a batch that was begun is finished."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for entry in self._queue:
            entry.answer.cancel()
        self._queue.clear()
        await asyncio.to_thread(self._pool.shutdown, wait=True)

    async def alone(self, work: Callable[[], Other]) -> Other:
        """What ``work`` gives, done on a thread of this batcher: not beside a batch if it has one worker."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def check_room(self, count: int = 1) -> None:
        """Raises `QueueFullError` if ``count`` more items cannot wait, or would wait in vain."""
        # In full batches, as what waits for long is done.
        ahead = sum(entry.weight for entry in self._queue) / self._size * self._pace / self._workers
        if len(self._queue) + count > self._room or ahead > self._patience:
            raise QueueFullError(ahead)

    async def submit(self, key: Key, items: Sequence[Item]) -> list[Result | WorkError]:
        """The results of ``items``, in order; raises `QueueFullError` at once if they cannot all wait."""
        self.check_room(len(items))
        loop = asyncio.get_running_loop()
        entries = [_Waiting[Key, Item, Result](key, item, loop.create_future()) for item in items]
        self._queue.extend(entries)
        if entries:
            self._filled.set()
        try:
            return await asyncio.gather(*(entry.answer for entry in entries), return_exceptions=True)  # type: ignore[return-value]
        except asyncio.CancelledError:
            self._leave(entries)
            raise

    def _leave(self, entries: Sequence[_Waiting[Key, Item, Result]]) -> None:
        left = {id(entry.answer) for entry in entries}  # what is left of one is another entry
        self._queue = deque(entry for entry in self._queue if id(entry.answer) not in left)
        if not self._queue:
            self._filled.clear()

    async def _run(self) -> None:
        while True:
            await self._filled.wait()
            await self._company()
            if batch := self._take():
                await self._do(batch)

    async def _company(self) -> None:
        """Waits until the first one has waited long enough, or a batch is full."""
        while self._queue and len(self._queue) < self._size:
            remaining = self._queue[0].since + self._wait - time.monotonic()
            if remaining <= 0:
                return
            await asyncio.sleep(min(remaining, 0.001))

    def _take(self) -> list[_Waiting[Key, Item, Result]]:
        """The next batch: the first item of the queue and those after it that have its key."""
        batch: list[_Waiting[Key, Item, Result]] = []
        others: deque[_Waiting[Key, Item, Result]] = deque()
        left = self._size
        while self._queue and left > 0:
            entry = self._queue.popleft()
            if not batch or (entry.key == batch[0].key and entry.weight <= left):
                batch.append(entry)
                left -= entry.weight
            else:
                others.append(entry)
        others.extend(self._queue)
        self._queue = others
        if not self._queue:
            self._filled.clear()
        return batch

    async def _do(self, batch: list[_Waiting[Key, Item, Result]]) -> None:
        loop, begun = asyncio.get_running_loop(), time.monotonic()
        results = await loop.run_in_executor(
            self._pool, self._results, batch[0].key, [entry.item for entry in batch]
        )
        seconds = time.monotonic() - begun
        self._pace += 0.2 * (min(seconds, 4 * self._pace) - self._pace)  # one slow batch says little
        self._observe(len(batch), seconds)
        left = []
        for entry, result in zip(batch, results, strict=True):
            if entry.answer.done():  # cancelled meanwhile
                continue
            if isinstance(result, WorkError):
                entry.answer.set_exception(result)
            elif isinstance(result, Later):
                left.append(replace(entry, item=result.item, weight=result.weight))
            else:
                entry.answer.set_result(result)
        if left:
            self._queue.extendleft(reversed(left))
            self._filled.set()

    def _results(self, key: Key, items: Sequence[Item]) -> Sequence[Result | Later[Item] | WorkError]:
        """On a thread: the results of ``items``, each alone if they cannot be had together."""
        try:
            return self._work(key, items)
        except Exception as error:
            if len(items) == 1:
                _log.exception("a picture could not be read, by a fault of ours")
                return [WorkError(f"{type(error).__name__}: {error}")]
        return [result for item in items for result in self._results(key, [item])]
