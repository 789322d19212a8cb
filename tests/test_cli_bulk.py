"""``clipstr bulk``: what it says, and what it ends with."""

import builtins
import json
from pathlib import Path
from typing import Any

import pytest

from clipstr.cli.main import run

pytest.importorskip("pyarrow")

from tables import result, write_tables

COUNT = 60


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    """The exit status of ``clipstr bulk ARGUMENTS``, in this process."""
    monkeypatch.setattr("sys.argv", ["clipstr", "bulk", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        run()
    assert isinstance(end.value.code, int)
    return end.value.code


@pytest.fixture
def options(toy_model: Path) -> list[str]:
    return ["--model", str(toy_model), "--actors", "0", "--no-second-looks", "--piece-rows", "16"]


def test_the_last_line_counts_every_row(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = write_tables(tmp_path / "in", COUNT), tmp_path / "out"
    assert call(monkeypatch, source, "--out", out, *options) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines()[-1].startswith("read 57 + failed 3 = given 60; 60 rows now, in ")
    assert shown.err == ""
    assert len(result(out)) == COUNT
    assert call(monkeypatch, source, "--out", out, *options) == 0
    assert capsys.readouterr().out == "read 57 + failed 3 = given 60; nothing was missing\n"


def test_progress_is_told_with_rate_and_time_left(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("clipstr.cli.bulk.EVERY", 0.0)
    source = write_tables(tmp_path / "in", COUNT)
    assert call(monkeypatch, source, "--out", tmp_path / "out", *options) == 0
    lines = capsys.readouterr().err.splitlines()
    assert any(", 1 failed, " in line and " rows/s, " in line and line.endswith(" left") for line in lines)
    assert lines[-1].startswith("100.0%, 60 of 60 rows, 3 failed, ")


def test_a_lexicon_is_part_of_the_job(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out, words = write_tables(tmp_path / "in", COUNT), tmp_path / "out", tmp_path / "words.txt"
    words.write_text("abc\ndef\n")
    assert call(monkeypatch, source, "--out", out, "--lexicon", words, *options) == 0
    assert set(filter(None, result(out).values())) <= {"abc", "def", "NotAnImageError", "EmptyImageError"}
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["settings"]["lexicon"]["words"] == 2
    words.write_text("abc\ndeg\n")
    assert call(monkeypatch, source, "--out", out, "--lexicon", words, *options) == 2
    assert "another job: its settings had lexicon" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (["--kind", "lmdb"], "nothing to read"),
        (["--id", "nowhere"], "no column 'nowhere'"),
        (["--column", "nowhere"], "no column 'nowhere'"),
        (["--model", "nowhere"], "no model called"),
        (["--out", ""], "empty"),
    ],
)
def test_a_wrong_call_is_told_and_writes_nothing(
    changed: list[str],
    message: str,
    options: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source, out = write_tables(tmp_path / "in", COUNT), tmp_path / "out"
    status = call(monkeypatch, source, "--out", out, *options, *changed)
    assert status == (1 if "--kind" in changed else 2)
    assert message in capsys.readouterr().err
    assert not list(out.rglob("*.parquet"))


def test_without_ray_it_says_what_to_install(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = builtins.__import__

    def without_ray(name: str, *arguments: Any, **named: Any) -> Any:
        if name == "ray":
            raise ImportError("No module named 'ray'")
        return whole(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without_ray)
    source = write_tables(tmp_path / "in", COUNT)
    assert call(monkeypatch, source, "--out", tmp_path / "out", *options, "--actors", "2") == 1
    assert "pip install 'clipstr[bulk]', or --actors 0" in capsys.readouterr().err
