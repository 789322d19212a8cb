"""Rendering side by side: pictures come in order, whatever the number of processes that make them."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

__all__ = ["rendered"]

T = TypeVar("T")


def rendered(
    make: Callable[[int], T], count: int, *, chunk: int, workers: int, console: Console
) -> Iterator[T]:
    """``make(0)`` to ``make(count - 1)`` in order, made by ``workers`` processes (0: one per core).

    ``make`` can be pickled; each process gets it once, and makes ``chunk`` pictures before it hands them
    over. Progress is told on ``console``.
    """
    columns = (SpinnerColumn(), TextColumn("rendering"), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=count)
        chunks = [range(first, min(first + chunk, count)) for first in range(0, count, chunk)]
        context = multiprocessing.get_context("spawn")
        processes = min(workers or os.cpu_count() or 1, len(chunks))
        with ProcessPoolExecutor(processes, context, initializer=_start_worker, initargs=(make,)) as pool:
            for made in pool.map(_render, chunks):
                yield from made
                progress.advance(task, len(made))


_make: Callable[[int], Any]


def _start_worker(make: Callable[[int], Any]) -> None:
    """Keeps in this process what all its chunks need."""
    import cv2

    global _make
    cv2.setNumThreads(0)
    _make = make


def _render(numbers: range) -> list[Any]:
    return [_make(number) for number in numbers]
