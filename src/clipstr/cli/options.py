"""Options that mean the same in every verb, and what is refused before any work begins.

Verbs take these types for their parameters: ``threads: Threads = 0``, ``json: Json = None``. A path or a
name that is empty (a variable that is not set) is a wrong call everywhere, and so is a place that cannot be
written to. Numbers have bounds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from clipstr.charset import ALPHABETS, Charset
from clipstr.cli.console import STANDARD_OUTPUT, require_output, tell
from clipstr.devices import AUTO, CPU, DEVICES, device_named
from clipstr.errors import ClipstrError, LexiconError
from clipstr.files import read_text, require_writable_file, require_writable_folder, text_lines

__all__ = [
    "MOST_AT_ONCE",
    "MOST_SAMPLES",
    "MOST_TEXTS",
    "Allow",
    "BatchSize",
    "Changes",
    "CharsetName",
    "DeviceName",
    "FontFolders",
    "Json",
    "KnownWords",
    "LexiconFile",
    "MaxLength",
    "Model",
    "OutFile",
    "OutFolder",
    "Precision",
    "PrecisionChoice",
    "SecondLooks",
    "Seed",
    "TextList",
    "Threads",
    "WordList",
    "Workers",
    "alphabet",
    "filled",
    "input_path",
    "lexicon_words",
    "new_file",
    "new_folder",
    "no_nan",
    "present_path",
    "tell_device",
]

MOST_SAMPLES = 999_999_999
"""An LMDB numbers its samples by nine digits."""

MOST_AT_ONCE = 1 << 14
"""More pictures at a time, threads or processes than this are a slip of the hand."""


MOST_TEXTS = 64
"""Of one picture: a beam that is wider takes long, and finds nothing that could be right."""


def filled(given: str) -> str:
    """``given``, which is not empty: to be the ``parser`` of an option that is a name or a text."""
    if not given.strip():
        raise typer.BadParameter("it is empty; is a variable not set?")
    return given


def no_nan(given: float | None) -> float | None:
    """The number ``given``: nan is none, and is within any bounds for older versions of typer."""
    if given is not None and math.isnan(given):
        raise typer.BadParameter("nan is no number")
    return given


def input_path(given: str) -> Path:
    """``given`` as a path to read from: the ``parser`` of such an option."""
    return Path(filled(given))


def present_path(given: str) -> Path:
    """``given`` as a path where something is: the ``parser`` of such an option."""
    path = input_path(given)
    if not path.exists():
        raise typer.BadParameter(f"{given}: there is no such file or folder")
    return path


def new_file(given: str) -> Path:
    """``given`` as a file that can be written: the ``parser`` of such an option."""
    path = Path(filled(given))
    _require(require_writable_file, path)
    return path


def new_folder(given: str) -> Path:
    """``given`` as a folder that can be made and written into: the ``parser`` of such an option."""
    path = Path(filled(given))
    _require(require_writable_folder, path)
    return path


def _device(given: str) -> str:
    if filled(given) != AUTO:
        _require(device_named, given)
    return given


def _json_target(given: str) -> Path:
    if Path(filled(given)) == STANDARD_OUTPUT:
        require_output()
        return STANDARD_OUTPUT
    return new_file(given)


def _require(check: Callable[..., object], given: object) -> None:
    try:
        check(given)
    except ClipstrError as error:  # some are ValueErrors, which Typer would tell in words of its own
        raise typer.BadParameter(str(error)) from error


def alphabet(name: str) -> Charset:
    """The alphabet that ``--charset`` names: 36, 62, 94 or latin, or the characters themselves."""
    if re.fullmatch(r"\d{1,3}", name) and name not in ALPHABETS:
        raise typer.BadParameter(
            f"no alphabet is called {name}: write {', '.join(ALPHABETS)}, or all its characters"
        )
    return Charset.named(filled(name))


def lexicon_words(file: Path | None) -> list[str] | None:
    """The words in the ``file`` of ``--lexicon``, one a line; raises `LexiconError` if it cannot be read."""
    return None if file is None else text_lines(read_text(file, error=LexiconError))


def tell_device(asked: str, taken: str) -> None:
    """Tells what computes, unless it is what nobody would ask about: the processor, taken by itself."""
    if (asked, taken) != (AUTO, CPU.name):
        tell(f"computing on {taken}" if asked == taken else f"computing on {taken} (--device {asked})")


class Precision(str, Enum):
    """How weights are stored."""

    int8 = "int8"
    half = "half"
    float32 = "float32"


Model = Annotated[
    str, typer.Option("--model", parser=filled, metavar="NAME", help="A model's name, or a model folder.")
]
BatchSize = Annotated[
    int, typer.Option("--batch-size", min=1, max=MOST_AT_ONCE, help="Pictures read together.")
]
Threads = Annotated[
    int, typer.Option("--threads", min=0, max=MOST_AT_ONCE, help="0: as many as are useful here.")
]
DeviceName = Annotated[
    str,
    typer.Option(
        "--device",
        parser=_device,
        metavar="DEVICE",
        help=f"What computes: {', '.join(DEVICES)}, or auto for the quickest that is there (clipstr models "
        "--devices).",
    ),
]
Workers = Annotated[
    int, typer.Option("--workers", min=0, max=MOST_AT_ONCE, help="Processes; 0: as many as are useful here.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**63 - 1, help="Another seed, other pictures.")]
KnownWords = Annotated[
    bool | None,
    typer.Option(
        "--known-words/--no-known-words",
        help="Rather take what is read with doubt for a known word than for another text that looks alike, "
        "which is done with second looks; without, codes are read as they seem.",
        show_default=False,
    ),
]
SecondLooks = Annotated[
    bool,
    typer.Option(
        "--second-looks/--no-second-looks",
        help="Look again at words that are read with doubt; without, it is quicker and misreads more.",
    ),
]
Allow = Annotated[
    str | None,
    typer.Option(
        "--allow",
        parser=filled,
        metavar="CHARACTERS",
        help="The only characters to read, such as 0123456789.",
        show_default=False,
    ),
]
LexiconFile = Annotated[
    Path | None,
    typer.Option(
        "--lexicon",
        parser=input_path,
        metavar="FILE",
        help="A file of words, one a line: the likeliest is read.",
        show_default=False,
    ),
]
CharsetName = Annotated[
    str,
    typer.Option(
        "--charset", parser=filled, metavar="CHARSET", help="36, 62, 94, latin, or the characters themselves."
    ),
]
MaxLength = Annotated[
    int, typer.Option("--max-length", min=1, max=1000, help="Of the longest label, in characters.")
]
PrecisionChoice = Annotated[
    Precision,
    typer.Option("--precision", help="Store weights in 8 bits (the smallest files), in half, or in full."),
]
WordList = Annotated[
    Path | None,
    typer.Option(
        "--words",
        parser=input_path,
        metavar="FILE",
        help="A word list, one a line, in the place of ours; weights behind a tab.",
    ),
]
TextList = Annotated[
    Path | None,
    typer.Option(
        "--texts",
        parser=input_path,
        metavar="FILE",
        help="A list of texts drawn as they are, such as labels of real crops.",
    ),
]
FontFolders = Annotated[
    list[Path] | None,
    typer.Option(
        "--fonts",
        parser=input_path,
        metavar="DIR",
        help="A folder of fonts, in the place of the system's; may be repeated.",
    ),
]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set", parser=filled, metavar="SECTION.KEY=VALUE", help="Change a setting; may be repeated."
    ),
]
Json = Annotated[
    Path | None,
    typer.Option(
        "--json",
        parser=_json_target,
        metavar="FILE",
        help="Write all figures as JSON into this file, or - for standard output.",
        show_default=False,
    ),
]
OutFolder = Annotated[
    Path,
    typer.Option("--out", parser=new_folder, metavar="DIR", help="The folder to write.", show_default=False),
]
OutFile = Annotated[
    Path | None,
    typer.Option("--out", parser=new_file, metavar="FILE", help="The file to write.", show_default=False),
]
