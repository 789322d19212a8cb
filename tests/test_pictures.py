"""`clipstr.pictures`: what people mean by files, folders and patterns, each picture once."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from clipstr.pictures import find_pictures

TREE = ("a.png", "b.JPG", "notes.txt", "x.dat", ".hidden.png", "sub/c.png", "sub/deep/d.webp", ".dot/e.png")
links = pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make("p")
    return tmp_path


def make(top: str) -> None:
    for name in TREE:
        path = Path(top, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def found(*paths: str) -> tuple[list[str], list[str]]:
    """What was found, with slashes, and what was told."""
    told: list[str] = []
    files = find_pictures(paths, told=told.append, failed=lambda message: told.append(f"failed: {message}"))
    return [file.replace(os.sep, "/") for file in files], told


ALL = ["p/a.png", "p/b.JPG", "p/sub/c.png", "p/sub/deep/d.webp"]


@pytest.mark.parametrize(
    ("pattern", "files"),
    [
        ("p", ALL),
        ("p/**", ALL),
        ("**", ALL),
        ("p/*", ALL),
        ("./p/**/*", [f"./{name}" for name in ALL]),
        ("p/**/*.png", ["p/a.png", "p/sub/c.png"]),
        ("p/*/deep", ["p/sub/deep/d.webp"]),
        ("p/s?b/*", ["p/sub/c.png", "p/sub/deep/d.webp"]),
        ("p/*.dat", ["p/x.dat"]),
        ("p/x.*", ["p/x.dat"]),
        ("p/x.dat", ["p/x.dat"]),
        ("p/[ab].*", ["p/a.png", "p/b.JPG"]),
        ("p/.*/*.png", ["p/.dot/e.png"]),
        ("p/sub/../*.png", ["p/sub/../a.png"]),
    ],
)
def test_paths_and_patterns_mean_pictures_each_once(here: Path, pattern: str, files: list[str]) -> None:
    assert found(pattern) == (files, [])


def test_an_absolute_pattern_is_one_too(here: Path) -> None:
    files, _ = found(f"{here.as_posix()}/p/**/*.png")
    assert files == [f"{here.as_posix()}/p/a.png", f"{here.as_posix()}/p/sub/c.png"]


@pytest.mark.parametrize("name", ["q[1]", "q*" if sys.platform != "win32" else "q!", "[q", "q [a-z] {b}"])
def test_folders_may_have_the_characters_of_patterns(here: Path, name: str) -> None:
    make(name)
    assert found(name)[0] == [file.replace("p/", f"{name}/", 1) for file in ALL]
    assert found(f"{name}/**/*.png")[0] == [f"{name}/a.png", f"{name}/sub/c.png"]
    assert found(f"{name}/a.png")[0] == [f"{name}/a.png"]


def test_what_is_named_more_than_once_is_taken_once_and_told(here: Path) -> None:
    files, told = found("p/sub/c.png", "p", f"{here}/p/a.png", "p/./a.png", "p/sub/c.png", "-", "-")
    assert files == ["p/sub/c.png", "p/a.png", "p/b.JPG", "p/sub/deep/d.webp", "-", "-"]
    assert told == ["4 named more than once: each picture is taken once"]


def test_what_is_missing_stays_to_be_told_in_its_turn(here: Path) -> None:
    Path("empty").mkdir()
    assert found("none.png", "none*.png", "none/*.png", "p/sub", "p/*.txt/x") == (
        ["none.png", "none*.png", "none/*.png", "p/sub/c.png", "p/sub/deep/d.webp", "p/*.txt/x"],
        [],
    )
    assert found("empty") == ([], ["empty: no pictures in this folder"])


@links
def test_links_to_folders_are_told_and_those_to_files_are_pictures(here: Path) -> None:
    Path("p/linked").symlink_to(Path("p/sub").resolve())
    Path("p/loop").symlink_to(Path("p").resolve())
    Path("p/z.png").symlink_to("a.png")
    told = [
        f"{Path('p/linked')}: a link to a folder, left out; name it to take it, too",
        f"{Path('p/loop')}: a link to a folder, left out; name it to take it, too",
    ]
    for pattern in ("p", "p/**"):
        assert found(pattern) == (sorted([*ALL, "p/z.png"]), told)
    assert found("p/**/*.*")[1] == told
    assert found("p/linked")[0] == ["p/linked/c.png", "p/linked/deep/d.webp"]
    assert found("p/sub", "p/linked") == (
        ["p/sub/c.png", "p/sub/deep/d.webp"],
        ["2 named more than once: each picture is taken once"],
    )
    assert found("p/link*/c.png")[0] == ["p/linked/c.png"]


def test_folders_that_cannot_be_opened_are_told(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listdir = os.listdir

    def guarded(path: str = ".") -> list[str]:
        if Path(path).name == "sub":
            raise PermissionError(13, "Permission denied", path)
        return listdir(path)

    monkeypatch.setattr(os, "listdir", guarded)
    assert found("p/sub/*.png") == (
        ["p/sub/*.png"],
        [f"failed: {Path('p/sub')}: the folder cannot be opened: Permission denied"],
    )
