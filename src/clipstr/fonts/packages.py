"""Free fonts that come as packages: which there are, under which licences, and how they are fetched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from clipstr.errors import DataError, MissingExtraError
from clipstr.files import make_folder, text_lines, whole_file, write_text

if TYPE_CHECKING:
    from fontTools.ttLib import TTFont

__all__ = ["LICENCES", "FontPackage", "fetch_fonts", "font_packages"]

LICENCES = "LICENCES.tsv"
"""The file in a folder of fetched fonts that says under which licence each package stands."""

BATCH = 25  # packages that a package manager gets at once
WEIGHTS = ("400", "700")  # of the fonts of npm: what streets have most

Run = Callable[[Sequence[str]], None]
"""Runs a program. Raises `DataError` if it cannot, or fails."""


@dataclass(frozen=True)
class FontPackage:
    """A package of one family: ``registry`` is pypi or npm, ``licence`` an SPDX identifier."""

    name: str
    registry: str
    kind: str
    licence: str


def font_packages(kinds: Sequence[str] = (), registries: Sequence[str] = ()) -> tuple[FontPackage, ...]:
    """The packages that we know, of ``kinds`` and ``registries``, or all.

    Raises `DataError` for a kind or registry that there is not.
    """
    text = (files(__package__) / "packages.tsv").read_text(encoding="utf-8")
    known = tuple(FontPackage(*line.split("\t")) for line in text_lines(text)[1:])
    for what, wanted, there in (
        ("kind", kinds, {package.kind for package in known}),
        ("registry", registries, {package.registry for package in known}),
    ):
        for name in wanted:
            if name not in there:
                raise DataError(f"there is no {what} {name!r} of fonts; there are {', '.join(sorted(there))}")
    return tuple(
        package
        for package in known
        if (not kinds or package.kind in kinds) and (not registries or package.registry in registries)
    )


def run_program(command: Sequence[str]) -> None:
    """Run ``command``. Raises `DataError` with the end of what it said if it fails or is not there."""
    try:
        subprocess.run(
            command, check=True, capture_output=True, text=True, encoding="utf-8", errors="replace"
        )
    except FileNotFoundError as error:
        raise DataError(f"{command[0]} is not installed: it fetches these fonts") from error
    except subprocess.CalledProcessError as error:
        said = text_lines((error.stderr or error.stdout or "").strip())
        raise DataError(f"{Path(command[0]).name} failed: {' '.join(said[-2:])}") from error


def fetch_fonts(
    packages: Sequence[FontPackage], folder: Path, *, run: Run = run_program
) -> Iterator[tuple[FontPackage, int | DataError]]:
    """Each of ``packages`` with the number of its font files in ``folder``, or why it did not come.

    Those of PyPI come by pip, those of npm by npm, no script of theirs being run; ``LICENCES.tsv`` says what
    each declares of itself. A package whose licence is another one than we know is not kept. Raises
    `OutputError` if ``folder`` cannot be written and `MissingExtraError` without what npm's fonts need.
    """
    make_folder(folder)
    licences: list[str] = []
    for registry, fetch in (("pypi", _from_pypi), ("npm", _from_npm)):
        chosen = [package for package in packages if package.registry == registry]
        for first in range(0, len(chosen), BATCH):
            for package, came in fetch(chosen[first : first + BATCH], folder, run):
                if not isinstance(came, DataError):
                    licences.append("\t".join((package.name, package.kind, package.licence)) + "\n")
                yield package, came
    write_text(folder / LICENCES, "package\tkind\tlicence\n" + "".join(sorted(licences)))


Outcomes = Iterator[tuple[FontPackage, "int | DataError"]]


def _from_pypi(packages: Sequence[FontPackage], folder: Path, run: Run) -> Outcomes:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        pip += ["--no-compile", "--only-binary", ":all:", "--target", name]
        yield from _together(
            packages,
            lambda some: run([*pip, *(package.name for package in some)]),
            lambda package: _kept_from_pypi(package, place / package.name.replace("-", "_"), folder),
        )


def _from_npm(packages: Sequence[FontPackage], folder: Path, run: Run) -> Outcomes:
    with tempfile.TemporaryDirectory() as name:
        npm = ["npm.cmd" if os.name == "nt" else "npm", "install", "--ignore-scripts", "--no-audit"]
        npm += ["--no-fund", "--silent", "--prefix", name]
        yield from _together(
            packages,
            lambda some: run([*npm, *(package.name for package in some)]),
            lambda package: _kept_from_npm(package, Path(name, "node_modules", package.name), folder),
        )


def _together(
    packages: Sequence[FontPackage],
    install: Callable[[Sequence[FontPackage]], None],
    keep: Callable[[FontPackage], int],
) -> Outcomes:
    """What becomes of each: all at once, or one by one if that fails, so that one never stops the others."""
    alone = False
    try:
        install(packages)
    except DataError:
        alone = True
    for package in packages:
        try:
            if alone:
                install([package])
            yield package, keep(package)
        except DataError as error:
            yield package, error


def _kept_from_pypi(package: FontPackage, place: Path, folder: Path) -> int:
    """How many files of the installed ``package`` are put into ``folder``."""
    _require_licence(package, place / "metadata.json")
    fonts = sorted(file for file in place.rglob("*") if file.suffix.lower() in (".ttf", ".otf"))
    return _put(package, folder, [(file.name, file.read_bytes()) for file in fonts], place / "LICENSE")


def _kept_from_npm(package: FontPackage, place: Path, folder: Path) -> int:
    """As `_kept_from_pypi`, the fonts brought from the web's packing to plain TrueType."""
    _require_licence(package, place / "package.json")
    wanted = [f"*-latin-{weight}-normal.woff2" for weight in WEIGHTS]
    packed = sorted(file for form in wanted for file in (place / "files").glob(form))
    fonts = [(f"{file.stem}.ttf", _unpacked(file)) for file in packed]
    return _put(package, folder, fonts, place / "LICENSE")


def _unpacked(file: Path) -> bytes:
    """The font in the WOFF2 ``file`` as plain TrueType, with the letters that stand apart in "latin-ext".

    Raises `MissingExtraError`.
    """
    from io import BytesIO

    try:
        from fontTools.ttLib import TTFont, TTLibError
    except ImportError as error:
        raise MissingExtraError(
            f"fonts of npm are unpacked by fonttools: pip install 'clipstr[fonts]' ({error})"
        ) from error
    plain = BytesIO()
    try:
        font = TTFont(str(file))
        others = file.with_name(file.name.replace("-latin-", "-latin-ext-"))
        if others.is_file():
            font = _joined(font, TTFont(str(others)))
        font.flavor = None
        font.save(plain)
    except ImportError as error:  # brotli
        raise MissingExtraError(f"unpacking fonts: pip install 'clipstr[fonts]' ({error})") from error
    except (TTLibError, OSError, ValueError, KeyError) as error:
        raise DataError(f"{file.name}: no font that can be unpacked: {error}") from error
    return plain.getvalue()


def _joined(font: TTFont, others: TTFont) -> TTFont:
    """``font`` with the characters of ``others`` that it lacks, or as it is where they do not go together."""
    from io import BytesIO

    from fontTools.merge import Merger, Options

    parts = []
    for part in (font, others):
        part.flavor = None
        parts.append(BytesIO())
        part.save(parts[-1])
        parts[-1].seek(0)
    # What is dropped places letters in ways that we do not draw in, and cannot always be joined.
    options = Options(drop_tables=["GSUB", "GPOS", "GDEF", "kern", "vhea", "vmtx", "DSIG"])
    try:
        return Merger(options).merge(parts)
    except (AssertionError, AttributeError, LookupError, NotImplementedError, TypeError, ValueError):
        return font


def _require_licence(package: FontPackage, file: Path) -> None:
    """Raises `DataError` unless ``file`` declares the licence that we know of ``package``."""
    try:
        declared = json.loads(file.read_text(encoding="utf-8"))["license"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{package.name}: it does not declare its licence: {error}") from error
    if declared != package.licence:
        raise DataError(f"{package.name}: its licence is {declared}, and not {package.licence} any more")


def _put(package: FontPackage, folder: Path, fonts: Sequence[tuple[str, bytes]], licence: Path) -> int:
    """The ``fonts`` and the ``licence`` in a folder of the package's own below ``folder``."""
    if not fonts:
        raise DataError(f"{package.name}: there is no font in it")
    own = folder / package.name.replace("/", "-").lstrip("@")
    shutil.rmtree(own, ignore_errors=True)
    make_folder(own)
    for name, content in fonts:
        with whole_file(own / name) as file:
            file.write(content)
    if licence.is_file():
        with whole_file(own / "LICENSE") as file:
            file.write(licence.read_bytes())
    return len(fonts)
