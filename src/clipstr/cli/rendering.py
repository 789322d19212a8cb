"""Rendering side by side: pictures come in order, whatever the number of processes that make them."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

from clipstr.cli import console
from clipstr.processors import threads_within

__all__ = ["rendered"]

T = TypeVar("T")


def rendered(make: Callable[[int], T], count: int, *, chunk: int, workers: int) -> Iterator[T]:
    """``make(0)`` to ``make(count - 1)`` in order, made by ``workers`` processes (0: one per core).

    ``make`` can be pickled; each process gets it once, and makes ``chunk`` pictures before it hands them
    over. A bar shows how far it is.
    """
    with console.progress("rendering", count) as advance:
        chunks = [range(first, min(first + chunk, count)) for first in range(0, count, chunk)]
        context = multiprocessing.get_context("spawn")
        processes = min(threads_within(workers, "--workers"), len(chunks))
        with ProcessPoolExecutor(processes, context, initializer=_start_worker, initargs=(make,)) as pool:
            for made in pool.map(_render, chunks):
                yield from made
                advance(len(made))


_make: Callable[[int], Any]


def _start_worker(make: Callable[[int], Any]) -> None:
    """Keeps in this process what all its chunks need."""
    import cv2

    global _make
    cv2.setNumThreads(0)
    _make = make


def _render(numbers: range) -> list[Any]:
    return [_make(number) for number in numbers]
