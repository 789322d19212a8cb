"""`clipstr.files`: whole or not at all, told when it cannot be, and read back as it was written."""

from __future__ import annotations

import ast
import errno
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipstr import files
from clipstr.errors import DataError, InputError, OutputError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_there_when_it_is_whole_and_not_before(tmp_path: Path) -> None:
    with files.whole_file(tmp_path / "a") as file:
        file.write(b"half")
        assert not (tmp_path / "a").exists()
    assert (tmp_path / "a").read_bytes() == b"half"
    assert names(tmp_path) == ["a"]


def test_an_error_while_writing_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    files.write_text(tmp_path / "a", "old")
    with pytest.raises(TypeError), files.whole_file(tmp_path / "a") as file:
        file.writelines([b"new", "no bytes"])  # type: ignore[list-item]
    assert (tmp_path / "a").read_text() == "old"
    assert names(tmp_path) == ["a"]


def test_the_content_is_on_the_disk_before_the_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (order.append("flushed"), fsync(handle)))
    monkeypatch.setattr(Path, "replace", lambda self, to: (order.append("named"), replace(self, to))[1])
    files.write_bytes(tmp_path / "a", b"x")
    assert order[:2] == ["flushed", "named"]


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_what_the_system_refuses_is_told_with_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    files.write_text(tmp_path / "a", "old")

    def refuse(handle: int) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OutputError, match="a: cannot be written: ") as told:
        files.write_text(tmp_path / "a", "new")
    assert os.strerror(error) in str(told.value)
    assert (tmp_path / "a").read_text() == "old"
    assert names(tmp_path) == ["a"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_stays_a_link_and_rights_stay(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "real").chmod(0o640)
    (tmp_path / "link").symlink_to("real")
    files.write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"
    assert stat.S_IMODE((tmp_path / "real").stat().st_mode) == 0o640


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="there are no such files there")
def test_what_is_no_regular_file_is_written_and_never_replaced() -> None:
    files.write_text("/dev/null", "x")
    assert not Path("/dev/null").is_file()
    files.require_writable_file("/dev/null")


def test_space_is_asked_for_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=3))
    files.write_bytes(tmp_path / "a", b"123")
    with pytest.raises(OutputError, match=r"b: 0\.0 MB are to be written, and 0\.0 MB are free"):
        files.write_bytes(tmp_path / "b", b"1234")
    with pytest.raises(OutputError):
        files.require_space(tmp_path / "none" / "deep", 4)
    assert names(tmp_path) == ["a"]


def test_json_is_utf_8_with_one_end_of_line_and_takes_names_that_are_no_text(tmp_path: Path) -> None:
    files.write_json(tmp_path / "a.json", {"word": "Grüße"})
    assert (tmp_path / "a.json").read_bytes() == '{\n  "word": "Grüße"\n}\n'.encode()
    assert files.json_text("caf\udce9") == '"caf\\udce9"\n'
    with pytest.raises(ValueError, match="nan"):
        files.json_text(float("nan"))


def test_a_folder_is_replaced_as_a_whole_or_stays(tmp_path: Path) -> None:
    def write(folder: Path) -> None:
        folder.mkdir()
        (folder / "x").write_text("1")

    files.replace_folder(tmp_path / "best", write)
    with pytest.raises(RuntimeError):
        files.replace_folder(tmp_path / "best", _fail)
    assert names(tmp_path) == ["best"]
    assert (tmp_path / "best" / "x").read_text() == "1"


def _fail(folder: Path) -> None:
    folder.mkdir()
    raise RuntimeError


def test_a_folder_whose_replacing_was_killed_comes_back(tmp_path: Path) -> None:
    (tmp_path / "best.old").mkdir()
    files.mend_folder(tmp_path / "best")
    assert names(tmp_path) == ["best"]
    (tmp_path / "best.old").mkdir()
    files.mend_folder(tmp_path / "best")
    assert names(tmp_path) == ["best"]


def test_places_that_can_be_written_pass_and_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("x")
    files.require_writable_file(tmp_path / "new")
    files.require_writable_file(tmp_path / "there")
    files.require_writable_folder(tmp_path / "deep" / "deeper")
    files.require_writable_folder(tmp_path)
    assert names(tmp_path) == ["there"]


def test_places_that_cannot_be_written_are_told_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="a folder is there"):
        files.require_writable_file(tmp_path)
    with pytest.raises(InputError, match="there is no folder .*none to write into"):
        files.require_writable_file(tmp_path / "none" / "a.json")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputError, match="file"):
            files.require_writable_folder(place)
    with pytest.raises(OutputError, match="cannot be written"):
        files.make_folder(tmp_path / "file" / "below")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no such folder there")
def test_a_folder_that_takes_no_files_is_told_even_to_the_administrator() -> None:
    with pytest.raises(InputError, match="cannot be written"):
        files.require_writable_file("/proc/a.json")
    with pytest.raises(InputError, match="/proc/x"):
        files.require_writable_folder("/proc/x")


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), min_size=1)))
def test_lines_end_where_they_were_ended_whatever_stands_in_them(lines: list[str]) -> None:
    for end in ("\n", "\r\n", "\r"):
        assert files.text_lines("".join(line + end for line in lines)) == lines
        assert files.text_lines(end.join(lines)) == lines


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("Grüße".encode("latin-1"), "not in UTF-8"),
        ("word".encode("utf-16"), "it is in UTF-16; save it as UTF-8"),
        ("word".encode("utf-16-le"), "zero bytes, as UTF-16 has"),
        (None, "No such file"),
    ],
)
def test_a_text_that_cannot_be_read_is_told_in_the_callers_kind(
    tmp_path: Path, content: bytes | None, told: str
) -> None:
    if content is not None:
        (tmp_path / "a").write_bytes(content)
    with pytest.raises(DataError, match=f"a: cannot be read: .*{told}"):
        files.read_text(tmp_path / "a", error=DataError)


def test_a_mark_at_the_start_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfword\r\n")
    assert files.read_text(tmp_path / "a") == "word\r\n"


def test_the_checksum_is_sha_256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert (
        files.file_sha256(tmp_path / "a")
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


SOURCE = Path(__file__).resolve().parents[1] / "src" / "clipstr"
WRITING = {"write_text", "write_bytes", "fsync", "rename", "save_file"}  # as attributes that are called
APPENDING = {  # what grows line by line, or has a name of its own until it is whole
    "data/lmdb.py", "data/tables.py", "experiments.py", "training/run/records.py", "bulk/locks.py",
}  # fmt: skip


def calls() -> Iterator[tuple[str, ast.Call, str]]:
    """Every call of a method or of ``open`` in the package: the file, the call, its name."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                yield path.relative_to(SOURCE).as_posix(), node, name


def test_nobody_else_writes_files() -> None:
    """The whole kind: a file that is written otherwise can be half there after a kill or on a full disk."""
    found = []
    for file, call, name in calls():
        modes = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        opened = name == "open" and any(set(mode) & set("wax") and len(mode) < 4 for mode in modes)
        owner = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
        if (
            (opened or (name in WRITING and owner))
            and owner != "files"
            and file not in {*APPENDING, "files.py"}
        ):
            found.append(f"{file}:{call.lineno}: {ast.unparse(call)[:60]}")
    assert found == []


def test_nobody_else_takes_texts_apart_into_lines() -> None:
    """The whole kind: `str.splitlines` ends lines at characters that stand in words."""
    allowed = {"processors.py"}  # the system's own files, in ASCII
    found = [f"{file}:{call.lineno}" for file, call, name in calls() if name == "splitlines"]
    assert [place for place in found if place.split(":")[0] not in allowed] == []
