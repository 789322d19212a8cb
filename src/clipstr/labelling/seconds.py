"""The second reader: a peer that we know, a Python object, or any command."""

from __future__ import annotations

import importlib
import shlex
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from clipstr.errors import InputError
from clipstr.evaluation.peers import PEERS, peer_named
from clipstr.imaging import load_image
from clipstr.reading import Reading, WordReader

__all__ = ["CommandReader", "open_second"]

PATIENCE = 600.0  # seconds that a command may take for one batch


def open_second(told: str, threads: int) -> WordReader:
    """The reader that ``told`` names, computing with ``threads`` where we decide that.

    ``told`` is the key of a peer (`clipstr.evaluation.peers`); ``module:name`` of a `WordReader`, or of
    something that gives one when it is called without arguments; or else a command for `CommandReader`.
    Raises `InputError` for what is none of these and `MissingExtraError` for a peer that is not installed.
    """
    if told in PEERS:
        return peer_named(told).words(threads)
    words = shlex.split(told)
    if not words:
        raise InputError("the second reader has no name: give a peer, module:name or a command")
    module, colon, name = words[0].partition(":")
    if len(words) == 1 and colon and module.replace(".", "").isidentifier() and name.isidentifier():
        return _from_python(module, name)
    return CommandReader(words)


def _from_python(module: str, name: str) -> WordReader:
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise InputError(f"the second reader {module}:{name} cannot be imported: {error}") from error
    reader: WordReader = found() if isinstance(found, type) or not hasattr(found, "read_images") else found
    if not hasattr(reader, "read_images"):
        raise InputError(f"the second reader {module}:{name} has no method read_images")
    return reader


class CommandReader:
    """A reader that is a command: it gets paths of PNG files, and prints a line for each that it read.

    A line is the path, the text and, if it likes, a confidence from 0 to 1, with tabs between: what
    `clipstr read` prints. A picture without a line was not read; a text without a confidence counts as sure.
    Raises `InputError` if the command cannot be started, takes too long, or prints something else. Its exit
    status says nothing: many end with 1 when one picture of many failed.
    """

    def __init__(self, command: list[str]) -> None:
        self.command = command

    @property
    def name(self) -> str:
        """The command's own name."""
        return Path(self.command[0]).name

    def read_images(self, images: Iterable[Image.Image | np.ndarray]) -> list[Reading]:
        """One reading per picture, in order; an empty text with no confidence where there was no line."""
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for number, image in enumerate(images):
                path = Path(folder) / f"{number:06}.png"
                load_image(image).save(path)
                paths.append(str(path))
            said = self._said(paths) if paths else {}
        return [said.get(path, Reading("", 0.0)) for path in paths]

    def _said(self, paths: list[str]) -> dict[str, Reading]:
        try:
            done = subprocess.run(
                [*self.command, *paths],
                stdout=subprocess.PIPE,
                stdin=subprocess.DEVNULL,
                timeout=PATIENCE,
                encoding="utf-8",
                errors="replace",
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise InputError(f"the second reader {self.name!r} cannot be run: {error}") from error
        readings = {}
        for line in done.stdout.split("\n"):
            cells = line.rstrip("\r").split("\t")
            if len(cells) >= 2 and cells[0] in paths:
                readings[cells[0]] = Reading(cells[1].strip(), self._confidence(cells))
        if not readings:
            raise InputError(
                f"the second reader {self.name!r} read none of {len(paths)} pictures (exit status "
                f"{done.returncode}): it must print path, text and confidence by tabs, a line for each"
            )
        return readings

    def _confidence(self, cells: list[str]) -> float:
        if len(cells) < 3:
            return 1.0
        try:
            value = float(cells[2])
        except ValueError as error:
            raise InputError(
                f"the second reader {self.name!r} gives {cells[2]!r} as a confidence, which is no number"
            ) from error
        if not 0 <= value <= 1:
            raise InputError(f"the second reader {self.name!r} gives {value} as a confidence, not 0 to 1")
        return value
