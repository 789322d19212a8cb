"""Kills a process while it saves a checkpoint, at a chosen byte or at any moment, and looks what is there."""

from __future__ import annotations

import os
import random
import resource
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import torch

from clipstr.training.run.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

SIZE = 50_000  # numbers in a checkpoint


def checkpoint(number: int) -> Checkpoint:
    """A checkpoint in which everything is ``number``."""
    weights = {"first": torch.full((SIZE,), float(number)), "last": torch.full((7,), float(number))}
    return Checkpoint(
        learner=weights,
        optimiser={"step": number},
        precision={},
        average={},
        samples=number,
        seconds=float(number),
        best=-1.0,
        recipe={},
    )


def number_in(path: Path) -> int:
    """The number that the checkpoint in ``path`` is of; all of it must be of the same."""
    found = load_checkpoint(path)
    numbers = {found.samples, found.optimiser["step"], int(found.seconds)}
    numbers |= {int(value) for tensor in found.learner.values() for value in tensor.unique()}
    assert len(numbers) == 1, numbers
    return numbers.pop()


def killed_while_saving(folder: Path, times: int, seed: int = 0) -> Counter[str]:
    """How ``times`` savings ended, half of them killed at a random byte and half at a random moment.

    After each the checkpoint must be whole, and the new one or the last before it.
    """
    path, chance, found = folder / "last.ckpt", random.Random(seed), Counter[str]()
    began = time.monotonic()
    save_checkpoint(checkpoint(0), path)
    takes, size, last = time.monotonic() - began, path.stat().st_size, 0
    for number in range(1, times + 1):
        if number % 2:
            ended = _dies_at_byte(chance.randint(0, round(size * 1.05)), number, path)
        else:
            ended = _dies_after(chance.uniform(0, 2 * takes), number, path)
        now = number_in(path)
        assert now == number if ended == "saved" else now in (last, number), (ended, last, now)
        found[ended if ended == "saved" else f"{ended}, {'new' if now == number else 'old'} one whole"] += 1
        last = now
    return found


def _dies_at_byte(byte: int, number: int, path: Path) -> str:
    def prepare() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it; it ends whoever writes more
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (byte, byte))

    _, status = os.waitpid(_saves(number, path, prepare), 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, status
    return "killed at a byte" if os.WIFSIGNALED(status) else "saved"


def _dies_after(seconds: float, number: int, path: Path) -> str:
    process = _saves(number, path, lambda: None)
    time.sleep(seconds)
    os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    return "killed at a moment" if os.WIFSIGNALED(status) else "saved"


def _saves(number: int, path: Path, prepare: Callable[[], None]) -> int:
    """The number of a process that saves the checkpoint ``number``."""
    process = os.fork()
    if process == 0:
        status = 1
        try:
            prepare()
            save_checkpoint(checkpoint(number), path)
            status = 0
        finally:
            os._exit(status)
    return process
