"""`clipstr.serve.batching`: what is gathered, in which order, and what becomes of those who go or fail."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from clipstr.serve.batching import Batcher, Later, QueueFullError, WorkError

Work = Callable[[str, Sequence[Any]], Sequence[Any]]


class _Recorded:
    """Work that notes each batch that it does, and may be held up."""

    def __init__(self, *, held_up: bool = False) -> None:
        self.batches: list[tuple[str, list[Any]]] = []
        self.begun, self.go = threading.Event(), threading.Event()
        if not held_up:
            self.go.set()

    def __call__(self, key: str, items: Sequence[Any]) -> list[Any]:
        self.batches.append((key, list(items)))
        self.begun.set()
        assert self.go.wait(10)
        if any(item == "bad" for item in items):
            raise ZeroDivisionError("bad")
        return [Later(item[1:], 3) if str(item).startswith("~") else f"{key}{item}" for item in items]


def run(
    work: Work, test: Callable[[Batcher[str, Any, Any]], Coroutine[Any, Any, None]], **changes: Any
) -> None:
    async def running() -> None:
        settings = {"size": 4, "wait": 0.02, "workers": 1, "room": 10, **changes}
        batcher: Batcher[str, Any, Any] = Batcher(work, **settings)
        batcher.start()
        try:
            await asyncio.wait_for(test(batcher), 20)
        finally:
            await batcher.stop()

    asyncio.run(running())


async def _begun(work: _Recorded) -> None:
    assert await asyncio.to_thread(work.begun.wait, 10)


def test_what_arrives_within_the_wait_is_one_batch_and_each_gets_its_own() -> None:
    work = _Recorded()

    async def test(batcher: Batcher[str, Any, Any]) -> None:
        first = asyncio.create_task(batcher.submit("k", [1, 2]))
        await asyncio.sleep(0.002)
        assert await batcher.submit("k", [3]) == ["k3"]
        assert await first == ["k1", "k2"]

    run(work, test, wait=0.2)
    assert work.batches == [("k", [1, 2, 3])]


def test_a_full_batch_does_not_wait_and_more_than_a_batch_is_several() -> None:
    work = _Recorded()

    async def test(batcher: Batcher[str, Any, Any]) -> None:
        items = list(range(8))
        assert await batcher.submit("k", items) == [f"k{item}" for item in items]

    run(work, test, wait=60)
    assert [items for _, items in work.batches] == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_only_what_has_the_same_key_is_done_together_and_the_oldest_first() -> None:
    work = _Recorded()

    async def test(batcher: Batcher[str, Any, Any]) -> None:
        asked = [batcher.submit(key, [n]) for n, key in enumerate("abab")]
        assert await asyncio.gather(*asked) == [["a0"], ["b1"], ["a2"], ["b3"]]

    run(work, test)
    assert work.batches == [("a", [0, 2]), ("b", [1, 3])]


def test_the_cancelled_are_never_done_and_make_room() -> None:
    work = _Recorded(held_up=True)

    async def test(batcher: Batcher[str, Any, Any]) -> None:
        begun = asyncio.create_task(batcher.submit("k", ["begun"]))
        await _begun(work)
        goes = asyncio.create_task(batcher.submit("k", list(range(10))))
        await asyncio.sleep(0)
        with pytest.raises(QueueFullError):
            await batcher.submit("k", ["no room"])
        goes.cancel()
        await asyncio.gather(goes, return_exceptions=True)
        stays = asyncio.create_task(batcher.submit("k", ["stays"]))
        await asyncio.sleep(0)
        assert batcher.waiting == 1
        work.go.set()
        assert await begun == ["kbegun"]
        assert await stays == ["kstays"]

    run(work, test)
    assert work.batches == [("k", ["begun"]), ("k", ["stays"])]


def test_who_is_cancelled_while_being_done_takes_nobody_along() -> None:
    work = _Recorded(held_up=True)

    async def test(batcher: Batcher[str, Any, Any]) -> None:
        goes, stays = (asyncio.create_task(batcher.submit("k", [n])) for n in range(2))
        await _begun(work)
        goes.cancel()
        await asyncio.sleep(0)
        work.go.set()
        assert await stays == ["k1"]

    run(work, test)
    assert work.batches == [("k", [0, 1])]


def test_one_that_fails_harms_nobody_in_its_batch() -> None:
    work = _Recorded()

    async def test(batcher: Batcher[str, Any, Any]) -> None:
        good, bad, also = await batcher.submit("k", [1, "bad", 2])
        assert (good, also) == ("k1", "k2")
        assert isinstance(bad, WorkError)
        assert await batcher.submit("k", [3]) == ["k3"]

    run(work, test)


def test_what_takes_longer_goes_on_with_the_next_batch_and_holds_up_nobody() -> None:
    work = _Recorded(held_up=True)

    async def test(batcher: Batcher[str, Any, Any]) -> None:
        slow = asyncio.create_task(batcher.submit("k", ["~~a", "~b", "c", "~d"]))
        await _begun(work)
        quick = asyncio.create_task(batcher.submit("k", ["e"]))
        await asyncio.sleep(0)
        work.go.set()
        assert await slow == ["ka", "kb", "kc", "kd"]
        assert await quick == ["ke"]
        assert batcher.waiting == 0

    run(work, test, size=6)
    # What is left is worth three: no more than two are done at once, and none with more than room for it.
    expected = [["~~a", "~b", "c", "~d"], ["~a", "b"], ["a", "d"], ["e"]]
    assert [items for _, items in work.batches] == expected


def test_who_is_cancelled_between_two_turns_leaves_the_queue() -> None:
    work = _Recorded(held_up=True)

    async def test(batcher: Batcher[str, Any, Any]) -> None:
        slow = asyncio.create_task(batcher.submit("k", ["~slow"]))
        await _begun(work)
        quick = asyncio.create_task(batcher.submit("k", ["quick"]))
        await asyncio.sleep(0)
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)
        work.go.set()
        assert await quick == ["kquick"]

    run(work, test)
    assert [items for _, items in work.batches] == [["~slow"], ["quick"]]


def test_several_batches_are_done_at_once_if_there_are_workers() -> None:
    meeting = threading.Barrier(2)

    def work(key: str, items: Sequence[int]) -> Sequence[int]:
        meeting.wait(10)  # raises unless another batch is being done, too
        return items

    async def test(batcher: Batcher[str, Any, Any]) -> None:
        assert await batcher.submit("k", list(range(8))) == list(range(8))

    run(work, test, workers=2)


def test_who_would_wait_too_long_is_refused_although_there_is_room() -> None:
    async def test(batcher: Batcher[str, Any, Any]) -> None:
        asked = [asyncio.create_task(batcher.submit("k", [n])) for n in range(2)]
        await asyncio.sleep(0)
        assert batcher.waiting == 2  # at 0.05 s a batch, until more is known
        with pytest.raises(QueueFullError):
            batcher.check_room()
        await asyncio.gather(*asked)
        batcher.check_room()

    run(_Recorded(), test, size=1, patience=0.08)


def test_room_is_for_all_or_for_none() -> None:
    work = _Recorded(held_up=True)

    async def test(batcher: Batcher[str, Any, Any]) -> None:
        begun = asyncio.create_task(batcher.submit("k", [0]))
        await _begun(work)
        waiting = asyncio.create_task(batcher.submit("k", list(range(8))))
        await asyncio.sleep(0)
        with pytest.raises(QueueFullError) as full:
            await batcher.submit("k", list(range(3)))
        assert full.value.seconds > 0
        assert batcher.waiting == 8
        work.go.set()
        await asyncio.gather(begun, waiting)

    run(work, test)
