"""``clipstr synth fonts``: free fonts that come as packages, and fetching them into a folder."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from clipstr.cli import console
from clipstr.cli.options import filled, new_folder
from clipstr.errors import DataError

__all__ = ["fonts"]

fonts = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)

Kinds = Annotated[
    list[str] | None,
    typer.Option(
        "--kind",
        parser=filled,
        metavar="KIND",
        help="sans, serif, display, script or monospace; may be repeated; else all.",
    ),
]
Registries = Annotated[
    list[str] | None,
    typer.Option(
        "--registry",
        parser=filled,
        metavar="REGISTRY",
        help="pypi (by pip) or npm (by npm); may be repeated; else both.",
    ),
]


@fonts.callback()
def _fonts() -> None:
    """Free fonts that come as packages: list them, and fetch them into a folder."""


@fonts.command("list")
def list_(kinds: Kinds = None, registries: Registries = None) -> None:
    """List the packages: name, registry, kind, licence."""
    from clipstr.fonts.packages import font_packages

    for package in font_packages(kinds or (), registries or ()):
        console.show_row([package.name, package.registry, package.kind, package.licence])


@fonts.command("fetch")
def fetch(
    folder: Annotated[
        Path,
        typer.Argument(
            parser=new_folder, metavar="DIR", help="Where fonts come to stand.", show_default=False
        ),
    ],
    kinds: Kinds = None,
    registries: Registries = None,
) -> None:
    """Fetch free fonts into a folder, for --fonts of other verbs and data.synthetic.fonts of recipes.

    Each package stands in a folder of its own with its licence; LICENCES.tsv lists them. What did not come is
    told, and the exit status is then 1.
    """
    from clipstr.fonts.packages import fetch_fonts, font_packages

    packages = font_packages(kinds or (), registries or ())
    counts: Counter[str] = Counter()
    with console.progress("fetching", len(packages)) as advance:
        for package, came in fetch_fonts(packages, folder):
            if isinstance(came, DataError):
                console.complain(f"{package.name}: {came}")
            else:
                counts["packages"] += 1
                counts["files"] += came
            advance()
    console.tell(f"{counts['packages']} packages with {counts['files']} fonts are in {folder}")
    if counts["packages"] < len(packages):
        raise typer.Exit(1)
