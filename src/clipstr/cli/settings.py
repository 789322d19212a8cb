"""``--settings``: every setting of a verb, as a file to begin with."""

from __future__ import annotations

import importlib
from typing import Any

import typer

from clipstr.cli import console
from clipstr.files import text_lines

__all__ = ["settings_option"]


def settings_option(module: str, name: str, extra: str) -> Any:
    """An option that prints the settings ``name`` of ``module``, which needs ``extra``, and exits."""

    def show(wanted: bool) -> None:
        if not wanted:
            return
        with console.needs_extra(extra, "listing these settings"):
            kind = getattr(importlib.import_module(module), name)
            from clipstr.settings import as_toml
        for line in text_lines(as_toml(kind)):
            console.show(line)
        raise typer.Exit

    return typer.Option(
        "--settings",
        callback=show,
        is_eager=True,
        help="Print every setting with its default, its bounds and its meaning, as a TOML file, and exit.",
    )
