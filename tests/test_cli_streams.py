"""Standard streams that are closed or full, as a shell makes them, in every verb that is quick to call."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import toy
from clipstr.data import write_lmdb

SOURCE = Path(__file__).resolve().parents[1] / "src"
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="shells there cannot close streams")
full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no such file there")


def shell(command: str, folder: Path) -> tuple[int, str, str]:
    """Status, standard output and standard error of ``command``, in which clipstr is a command."""
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    script = f'clipstr() {{ "{sys.executable}" -m clipstr "$@"; }}; {command}'
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def folder(tmp_path: Path, toy_model: Path) -> Path:
    """A folder with a picture of "bad", a data set of it, and the toy model."""
    toy.spelled("bad").save(tmp_path / "a.png")
    write_lmdb(tmp_path / "set", [((tmp_path / "a.png").read_bytes(), "bad")])
    (tmp_path / "toy").symlink_to(toy_model)
    return tmp_path


SPEAKING = [
    *("--version", "models", "data benchmarks", "read --model toy a.png"),
    *("data check set --charset abcdefgh", "evaluate --data set --model toy --charset model"),
]


@full
@pytest.mark.parametrize("call", [*SPEAKING, "--help"])
def test_results_that_find_no_room_are_told_and_the_status_is_1(folder: Path, call: str) -> None:
    status, _, told = shell(f"clipstr {call} >/dev/full", folder)
    assert (status, told) == (1, "clipstr: standard output cannot be written: No space left on device\n")


@pytest.mark.parametrize("call", SPEAKING)
def test_results_without_an_output_are_told_and_the_status_is_1(folder: Path, call: str) -> None:
    status, _, told = shell(f"clipstr {call} >&-", folder)
    assert (status, told) == (1, "clipstr: standard output is closed: there is nowhere to write to\n")


@pytest.mark.parametrize("how", ["2>&-", pytest.param("2>/dev/full", marks=full)])
def test_remarks_without_an_output_stop_nothing_and_never_land_among_results(folder: Path, how: str) -> None:
    for number in range(20):
        os.link(folder / "a.png", folder / f"{number}.png")
    status, shown, told = shell(f"clipstr read --model toy no.png *.png {how}", folder)
    assert (status, told) == (1, "")
    assert len(shown.splitlines()) == 21
    assert "no.png" not in shown
    status, shown, _ = shell(f"clipstr read --nope {how}", folder)
    assert (status, shown) == (2, "")


@full
def test_bytes_that_find_no_room_are_told_as_lines_are(folder: Path) -> None:
    program = (
        "from clipstr.cli.streams import open_streams, standard_output\n"
        "from clipstr.errors import OutputError\n"
        "with open_streams():\n"
        "    try:\n"
        "        standard_output().write(b'%PDF')\n"
        "    except OutputError as error:\n"
        "        raise SystemExit(str(error))\n"
    )
    (folder / "write.py").write_text(program)
    told = {
        ">/dev/full": "standard output cannot be written: No space left on device\n",
        ">&-": "standard output is closed: there is nowhere to write to\n",
    }
    for how, message in told.items():
        assert shell(f'"{sys.executable}" write.py {how}', folder) == (1, "", message)
    assert shell(f'"{sys.executable}" write.py', folder) == (0, "%PDF", "")


def test_a_closed_input_is_one_picture_that_cannot_be_read(folder: Path) -> None:
    status, shown, told = shell("clipstr read --model toy - a.png <&-", folder)
    assert (status, shown[:10]) == (1, "a.png\tbad\t")
    assert told == "clipstr: standard input: cannot be read as a binary file: it is closed\n"


def test_a_file_that_is_opened_never_becomes_a_closed_standard_stream(folder: Path) -> None:
    status, _, _ = shell("clipstr read --model toy a.png no.png >&- 2>&- <&-", folder)
    assert status == 1
    assert sorted(path.name for path in folder.iterdir()) == ["a.png", "set", "toy"]
