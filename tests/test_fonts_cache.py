"""What is known of fonts is kept where the user wants it, and is never older than the files."""

from __future__ import annotations

import json
import os
from io import BytesIO
from pathlib import Path

import pytest
from PIL import ImageFont

from clipstr.fonts import FontFace, cache_folder, caption_font, find_fonts
from clipstr.fonts.faces import _faces_below


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with Pillow's own font, and a file that is none."""
    plain = ImageFont.load_default(20)
    assert isinstance(plain, ImageFont.FreeTypeFont)
    assert isinstance(plain.path, BytesIO)
    fonts = tmp_path / "fonts"
    fonts.mkdir()
    (fonts / "plain.ttf").write_bytes(plain.path.getvalue())
    (fonts / "broken.ttf").write_bytes(b"no font")
    return fonts


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose letters are looked at, and each call as if by a new process."""
    from clipstr.fonts import faces

    seen: list[str] = []
    look = faces._faces_of

    def noted(path: str) -> list[FontFace]:
        seen.append(Path(path).name)
        return list(look(path))

    monkeypatch.setattr(faces, "_faces_of", noted)
    return seen


def found(fonts: Path, cache: Path | None) -> tuple[FontFace, ...]:
    _faces_below.cache_clear()
    return find_fonts([fonts], cache=cache)


def test_letters_are_looked_at_once(folder: Path, looks: list[str], tmp_path: Path) -> None:
    first = found(folder, tmp_path / "kept")
    again = found(folder, tmp_path / "kept")
    assert looks == ["broken.ttf", "plain.ttf"]
    assert first == again == found(folder, None)
    assert first[0].legibility > 0.9


def test_what_changed_is_looked_at_again_and_what_is_gone_is_forgotten(
    folder: Path, looks: list[str], tmp_path: Path
) -> None:
    found(folder, tmp_path / "kept")
    looks.clear()
    os.utime(folder / "plain.ttf", ns=(1, 1))
    found(folder, tmp_path / "kept")
    assert looks == ["plain.ttf"]
    (folder / "broken.ttf").unlink()
    found(folder, tmp_path / "kept")
    (kept,) = (tmp_path / "kept").iterdir()
    assert [Path(path).name for path in json.loads(kept.read_text(encoding="utf-8"))["files"]] == [
        "plain.ttf"
    ]


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"judged": {}, "files": {}}', '{"judged": 1, "files": 2}']
)
def test_a_damaged_cache_is_made_anew(folder: Path, looks: list[str], tmp_path: Path, content: str) -> None:
    first = found(folder, tmp_path / "kept")
    (kept,) = (tmp_path / "kept").iterdir()
    whole = kept.read_text(encoding="utf-8")
    kept.write_text(content, encoding="utf-8")
    assert found(folder, tmp_path / "kept") == first
    assert kept.read_text(encoding="utf-8") == whole


@pytest.mark.parametrize("entry", [{"identity": None}, {"faces": [{"colour": "red"}]}, {"faces": 7}])
def test_an_entry_that_says_nothing_is_made_anew(
    folder: Path, looks: list[str], tmp_path: Path, entry: dict[str, object]
) -> None:
    first = found(folder, tmp_path / "kept")
    (kept,) = (tmp_path / "kept").iterdir()
    values = json.loads(kept.read_text(encoding="utf-8"))
    values["files"][str(folder / "plain.ttf")].update(entry)
    kept.write_text(json.dumps(values), encoding="utf-8")
    assert found(folder, tmp_path / "kept") == first


def test_a_cache_that_cannot_be_written_is_done_without(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    assert found(folder, tmp_path / "file" / "kept") == found(folder, None)


def test_nothing_is_kept_unless_a_place_is_named(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "XDG_CACHE_HOME", "CLIPSTR_CACHE", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(home))
    found(folder, None)
    caption_font(["é"], 12)
    assert not list(home.iterdir())


def test_the_place_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.delenv("CLIPSTR_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == Path("/home/someone/.cache/clipstr")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "clipstr"
    monkeypatch.setenv("CLIPSTR_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
    monkeypatch.setenv("CLIPSTR_CACHE", "")
    assert cache_folder() is None
