"""Fonts from packages: their licences are known and checked, and one that fails never stops the others."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from PIL import ImageFont
from typer.testing import CliRunner

from clipstr.cli.main import app
from clipstr.errors import DataError
from clipstr.fonts import draws, find_fonts, load_font
from clipstr.fonts.packages import LICENCES, FontPackage, fetch_fonts, font_packages, run_program

ABEL = FontPackage("fontpkg-abel", "pypi", "sans", "OFL-1.1")
ACME = FontPackage("fontpkg-acme", "pypi", "sans", "OFL-1.1")
BANGERS = FontPackage("@fontsource/bangers", "npm", "display", "OFL-1.1")
PERMISSIVE = {"OFL-1.1", "Apache-2.0"}


def plain_font() -> bytes:
    font = ImageFont.load_default(20)
    assert isinstance(font, ImageFont.FreeTypeFont)
    assert isinstance(font.path, BytesIO)
    return font.path.getvalue()


class Registry:
    """Lays packages where pip and npm would, and refuses those that are ``gone``."""

    def __init__(self, *gone: str, licence: str = "OFL-1.1") -> None:
        self.gone, self.licence = gone, licence
        self.commands: list[Sequence[str]] = []

    def __call__(self, command: Sequence[str]) -> None:
        self.commands.append(command)
        if "--target" in command:
            names = [name for name in command if name.startswith("fontpkg-")]
            lay, place = self._pypi, Path(command[command.index("--target") + 1])
        else:
            names = [name for name in command if name.startswith("@")]
            lay, place = self._npm, Path(command[command.index("--prefix") + 1])
        if set(names) & set(self.gone):
            raise DataError("pip failed: no such package")
        for name in names:
            lay(place, name)

    def _pypi(self, place: Path, name: str) -> None:
        own = place / name.replace("-", "_")
        (own / "files").mkdir(parents=True)
        (own / "files" / "Plain-Regular.ttf").write_bytes(plain_font())
        (own / "metadata.json").write_text(json.dumps({"license": self.licence}), encoding="utf-8")
        (own / "LICENSE").write_text("the licence", encoding="utf-8")

    def _npm(self, place: Path, name: str) -> None:
        own = place / "node_modules" / name
        (own / "files").mkdir(parents=True)
        font = TTFont(BytesIO(plain_font()))
        font.flavor = "woff2"
        font.save(str(own / "files" / "bangers-latin-400-normal.woff2"))
        others = TTFont(BytesIO(plain_font()))
        others["cmap"].tables = [table for table in others["cmap"].tables if table.format == 4]
        for table in others["cmap"].tables:
            table.cmap = {ord("ř"): table.cmap[ord("z")]}  # and nothing else
        others.flavor = "woff2"
        others.save(str(own / "files" / "bangers-latin-ext-400-normal.woff2"))
        (own / "files" / "bangers-latin-400-italic.woff2").write_bytes(b"not wanted")
        (own / "package.json").write_text(json.dumps({"license": self.licence}), encoding="utf-8")


def test_every_package_has_a_kind_and_a_permissive_licence_and_stands_once() -> None:
    known = font_packages()
    assert len(known) >= 250
    assert len({package.name for package in known}) == len(known)
    assert {package.licence for package in known} <= PERMISSIVE
    assert {package.registry for package in known} == {"pypi", "npm"}
    assert all(
        package.name.startswith({"pypi": "fontpkg-", "npm": "@fontsource/"}[package.registry])
        for package in known
    )
    for kind in ("display", "script"):
        assert len(font_packages([kind])) >= 50
    assert font_packages(["script"], ["pypi"]) == tuple(
        p for p in font_packages(["script"]) if p.registry == "pypi"
    )


def test_a_kind_that_there_is_not_is_refused() -> None:
    with pytest.raises(DataError, match="no kind 'serf' of fonts; there are display"):
        font_packages(["serf"])
    with pytest.raises(DataError, match="no registry 'cpan'"):
        font_packages([], ["cpan"])


def test_fonts_of_both_registries_come_as_files_that_the_renderer_finds(tmp_path: Path) -> None:
    out, registry = tmp_path / "fonts", Registry()
    came = dict(fetch_fonts([ABEL, ACME, BANGERS], out, run=registry))
    assert came == {ABEL: 1, ACME: 1, BANGERS: 1}
    assert len(registry.commands) == 2
    assert all("--ignore-scripts" in c or ":all:" in c for c in registry.commands)  # no code of theirs is run
    faces = find_fonts([out])
    assert len(faces) == 3
    assert min(face.legibility for face in faces) > 0.9
    assert (out / "fontpkg-abel" / "LICENSE").read_text(encoding="utf-8") == "the licence"
    rows = (out / LICENCES).read_text(encoding="utf-8").split("\n")
    assert rows[1:-1] == sorted(f"{p.name}\t{p.kind}\tOFL-1.1" for p in (ABEL, ACME, BANGERS))


def test_letters_of_npm_that_stand_apart_come_into_the_same_file(tmp_path: Path) -> None:
    dict(fetch_fonts([BANGERS], tmp_path, run=Registry()))
    (file,) = tmp_path.rglob("*.ttf")
    assert file.name == "bangers-latin-400-normal.ttf"
    (face,) = find_fonts([tmp_path])
    assert all(draws(face, letter) for letter in "azř")
    assert bytes(load_font(face).getmask("ř")) == bytes(load_font(face).getmask("z"))


def test_one_that_is_gone_never_stops_the_others(tmp_path: Path) -> None:
    came = dict(fetch_fonts([ABEL, ACME, BANGERS], tmp_path, run=Registry("fontpkg-abel")))
    assert isinstance(came[ABEL], DataError)
    assert (came[ACME], came[BANGERS]) == (1, 1)
    assert "fontpkg-abel" not in (tmp_path / LICENCES).read_text(encoding="utf-8")


def test_a_package_with_another_licence_is_not_kept(tmp_path: Path) -> None:
    came = dict(fetch_fonts([ABEL, BANGERS], tmp_path, run=Registry(licence="CC-BY-NC-4.0")))
    assert all(
        "its licence is CC-BY-NC-4.0, and not OFL-1.1 any more" in str(error) for error in came.values()
    )
    assert [path.name for path in tmp_path.iterdir()] == [LICENCES]


def test_a_package_that_holds_nothing_is_told(tmp_path: Path) -> None:
    came = dict(fetch_fonts([ABEL], tmp_path, run=lambda command: None))
    assert "does not declare its licence" in str(came[ABEL])


def test_a_program_that_is_missing_or_fails_is_told() -> None:
    with pytest.raises(DataError, match="no-such-program is not installed"):
        run_program(["no-such-program"])
    with pytest.raises(DataError, match="failed: .*no-such-module"):
        run_program([sys.executable, "-m", "no-such-module"])


def test_the_command_lists_and_fetches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = CliRunner().invoke(app, ["synth", "fonts", "list", "--kind", "script", "--registry", "npm"])
    assert listed.exit_code == 0
    assert "@fontsource/alex-brush\tnpm\tscript\tOFL-1.1" in listed.output
    registry = Registry("fontpkg-bangers")
    monkeypatch.setattr(subprocess, "run", lambda command, **_: registry(command))
    display = [
        "synth",
        "fonts",
        "fetch",
        str(tmp_path / "fonts"),
        "--kind",
        "monospace",
        "--registry",
        "pypi",
    ]
    fetched = CliRunner().invoke(app, display)
    assert fetched.exit_code == 0, fetched.output
    names = {package.name for package in font_packages(["monospace"], ["pypi"])}
    assert {path.name for path in (tmp_path / "fonts").iterdir()} == {LICENCES, *names}
    registry.gone = (min(names),)
    again = CliRunner().invoke(app, display)
    assert again.exit_code == 1
    assert min(names) in again.output
