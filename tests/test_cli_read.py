"""``clipstr read`` and ``clipstr models`` as a user calls them, with a toy model whose answers are known."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import clipstr
import toy
from clipstr.cli.main import VERBS, run
from clipstr.models import ModelConfig, embedded_models

SOURCE = Path(__file__).resolve().parents[1] / "src"


@dataclass(frozen=True)
class Result:
    """What a call printed and its exit status."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[list[str]]:
        return [line.split("\t") for line in self.out.splitlines()]


Call = Callable[..., Result]


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    def calling(*arguments: str | Path, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "argv", ["clipstr", *(str(argument) for argument in arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as exit_:
            run()
        captured = capfd.readouterr()
        return Result(exit_.value.code or 0, captured.out, captured.err)  # type: ignore[arg-type]

    return calling


@pytest.fixture
def reads(call: Call, toy_model: Path) -> Call:
    """``clipstr read`` with the toy model."""
    return lambda *arguments, **options: call("read", "--model", toy_model, *arguments, **options)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: words in it and below it, and what is no picture."""
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "b.png": "bad",
        "a.PNG": "cafe",
        "sub/c.jpeg.png": "face",
        "sub/deep/d.bmp": "egg",
    }.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        toy.spelled(text).save(name, Path(name).suffix[1:].upper())
    for name in (".hidden.png", ".cache/e.png"):
        Path(name).parent.mkdir(exist_ok=True)
        toy.spelled("ad").save(name)
    Path("notes.txt").write_text("no picture")
    Path("empty").mkdir()
    return tmp_path


def test_a_line_holds_path_text_and_confidence_by_tabs(folder: Path, reads: Call) -> None:
    result = reads("b.png")
    _, chances, end = toy.greedy(toy.CHARSET.encode("bad"))
    assert result == Result(0, f"b.png\tbad\t{np.prod([*chances, end]):.4f}\n", "")


def test_folders_are_read_with_all_below_sorted_and_hidden_ones_left_out(folder: Path, reads: Call) -> None:
    assert [line[:2] for line in reads(".").lines] == [
        ["a.PNG", "cafe"],
        ["b.png", "bad"],
        [str(Path("sub/c.jpeg.png")), "face"],
        [str(Path("sub/deep/d.bmp")), "egg"],
    ]


def test_patterns_are_expanded_where_the_shell_has_not_done_it(folder: Path, reads: Call) -> None:
    assert [line[1] for line in reads("*.png").lines] == ["bad"]
    assert [line[1] for line in reads("**/*.*p*").lines] == ["bad", "face", "egg"]
    assert [line[1] for line in reads("su?").lines] == ["face", "egg"]
    toy.spelled("bag").save("x[1].png")
    assert [line[1] for line in reads("x[1].png").lines] == ["bag"]
    assert [line[1] for line in reads(".", "**", "b.png", "./b.png").lines] == [
        "cafe",
        "bad",
        "face",
        "egg",
        "bag",
    ]


def test_the_order_of_the_call_is_kept_and_standard_input_is_a_picture(folder: Path, reads: Call) -> None:
    result = reads("sub/deep", "-", "b.png", stdin=Path("a.PNG").read_bytes())
    assert [line[1] for line in result.lines] == ["egg", "cafe", "bad"]
    assert result.lines[1][0] == "-"


def test_a_bad_file_is_told_and_the_others_are_read(folder: Path, reads: Call) -> None:
    result = reads("b.png", "notes.txt", "missing.png", "a.PNG", "none*.png")
    assert [line[1] for line in result.lines] == ["bad", "cafe"]
    assert result.status == 1
    told = [line.split(":")[:2] for line in result.err.splitlines()]
    assert told == [["clipstr", " notes.txt"], ["clipstr", " missing.png"], ["clipstr", " none*.png"]]


def test_json_lines_hold_every_characters_confidence_and_typed_errors(folder: Path, reads: Call) -> None:
    result = reads("--format", "json", "notes.txt", "b.png")
    failed, good = [json.loads(line) for line in result.out.splitlines()]
    assert failed["path"] == "notes.txt"
    assert failed["error"]["type"] == "NotAnImageError"
    assert "notes.txt" in failed["error"]["message"]
    text, chances, end = toy.greedy(toy.CHARSET.encode("bad"))
    assert list(good) == ["path", "device", "text", "confidence", "legible", "characters"]
    assert good["confidence"] == pytest.approx(np.prod([*chances, end]), abs=1e-5)
    assert [c["text"] for c in good["characters"]] == list(text)
    assert [c["confidence"] for c in good["characters"]] == pytest.approx(chances, abs=1e-5)
    assert result.status == 1


def test_csv_has_a_header_and_a_row_for_every_file(folder: Path, reads: Call) -> None:
    toy.spelled("head").save('odd, "name".png')
    toy.spelled("bag").save("two\nlines\rand \x85.png")
    odd = ['odd, "name".png', "notes.txt", "two\nlines\rand \x85.png"]
    rows = list(csv.reader(io.StringIO(reads("--format", "csv", *odd).out, newline="")))
    assert [row[:2] for row in rows[3:]] == [[odd[2], "bag"]]
    assert rows[0] == ["path", "text", "confidence", "legible", "error"]
    assert rows[1][:2] == ['odd, "name".png', "head"]
    assert 0.5 < float(rows[1][3]) <= 1
    assert rows[1][4] == ""
    assert rows[2][:4] == ["notes.txt", "", "", ""]
    assert "notes.txt" in rows[2][4]


def test_allowed_characters_and_lexicon_limit_what_is_read(folder: Path, reads: Call) -> None:
    assert set(reads("b.png", "--allow", "ACE").lines[0][1]) <= set("ace")
    Path("words.txt").write_text("\ufeffBed\n\n Fab \nxyz\n", encoding="utf-8")
    result = reads("b.png", "--lexicon", "words.txt", "--format", "json")
    line = json.loads(result.out)
    assert (line["text"], line["match"]["free_text"], line["match"]["distance"]) == ("Bed", "bad", 1)
    assert 0.1 < line["match"]["free_confidence"] < 0.5
    assert result.status == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Missing argument"),
        (["empty"], "nothing to read at empty"),
        (["none*.png", "nowhere"], "nothing to read at none*.png, nowhere"),
        (["-", "-"], "standard input"),
        (["b.png", "--model", "huge"], "huge"),
        (["b.png", "--allow", "xyz"], "'x' (U+0078), 'y'"),
        (["b.png", "--allow", ""], "it is empty"),
        (["b.png", "--lexicon", "none.txt"], "none.txt"),
        (["b.png", "--lexicon", "b.png"], "b.png"),
        (["b.png", "--lexicon", "notes.txt"], "leaves nothing"),
        (["b.png", "--batch-size", "0"], "--batch-size"),
        (["b.png", "--format", "xml"], "xml"),
        (["b.png", "--nope"], "--nope"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_call_exits_with_2_reads_nothing_and_says_why(
    folder: Path, reads: Call, arguments: Sequence[str], told: str
) -> None:
    Path("notes.txt").write_text("xyz")
    result = reads(*arguments)
    assert (result.status, result.out) == (2, "")
    assert told in result.err


def test_an_empty_folder_beside_others_is_only_mentioned(folder: Path, reads: Call) -> None:
    result = reads("empty", "b.png")
    assert (result.status, result.lines[0][1]) == (0, "bad")
    assert "empty: no pictures" in result.err


def test_a_folder_that_cannot_be_opened_is_told_and_counts_as_failed(
    folder: Path, reads: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def guarded(path: str) -> object:
        if Path(path).name == "deep":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    result = reads("sub")
    assert (result.status, [line[1] for line in result.lines]) == (1, ["face"])
    assert f"{Path('sub/deep')}: the folder cannot be opened: Permission denied" in result.err


def test_names_that_would_break_lines_are_escaped(folder: Path, reads: Call) -> None:
    toy.spelled("ace").save("two\nlines\tand tab.png")
    assert reads("two\nlines\tand tab.png").lines[0][:2] == ["two\\nlines\\tand tab.png", "ace"]
    Path("bad\nname").write_text("text")
    assert "clipstr: bad\\nname: " in reads("bad\nname", "b.png").err


def test_the_models_are_listed_with_their_checksums(call: Call) -> None:
    result = call("models")
    assert result.status == 0
    for name, place in embedded_models().items():
        assert re.search(rf"^{name}\b", result.out, re.MULTILINE)
        for record in ModelConfig.load(place).files.values():
            assert record.sha256 in result.out


def test_the_version_and_the_help_are_short_answers(call: Call) -> None:
    assert call("--version").out == f"clipstr {clipstr.__version__}\n"
    shown = call("--help").out
    assert all(
        re.search(rf"^  {verb.name} +{re.escape(verb.summary)}", shown, re.MULTILINE) for verb in VERBS
    )
    assert "Did you mean 'read'" in call("raed").err


# As a process of its own


def start(*arguments: str | bytes | Path, **options: object) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": environment} | options
    return subprocess.Popen([sys.executable, "-m", "clipstr", *arguments], **options)  # type: ignore[call-overload]


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are text there")
def test_a_name_that_is_no_text_goes_out_as_it_came_in(folder: Path, toy_model: Path) -> None:
    name = b"caf\xe9.png"
    Path(os.fsdecode(name)).write_bytes(Path("b.png").read_bytes())
    out, err = start("read", "--model", toy_model, name).communicate()
    assert out.startswith(name + b"\tbad\t")
    assert err == b""
    out, _ = start("read", "--model", toy_model, "--format", "json", name).communicate()
    assert json.loads(out)["path"] == os.fsdecode(name)
    assert start("read", "--model", toy_model, name + b"?", "b.png").wait() == 1


def test_an_output_that_lacks_a_letter_gets_it_escaped(folder: Path, toy_model: Path) -> None:
    toy.spelled("bead").save("слово.png")
    environment = os.environ | {"PYTHONPATH": str(SOURCE), "PYTHONIOENCODING": "ascii"}
    out, _ = start("read", "--model", toy_model, "слово.png", env=environment).communicate()
    assert out.startswith(b"\\u0441\\u043b\\u043e\\u0432\\u043e.png\tbead\t")


def test_a_reader_that_has_enough_is_no_reason_to_complain(folder: Path, toy_model: Path) -> None:
    for number in range(3000):
        os.link("b.png", f"b.png{number}")
    process = start("read", "--model", toy_model, "b.png", "b.png?*", "--batch-size", "1")
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"b.png\tbad")
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait() == 1


@pytest.mark.skipif(sys.platform == "win32", reason="interrupts are sent differently there")
def test_an_interrupt_ends_it_at_once_with_130(folder: Path, toy_model: Path) -> None:
    def heeds_interrupts() -> None:  # which a shell takes from what it starts in the background
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    command = ("read", "--model", toy_model, "b.png", "-")
    process = start(*command, stdin=subprocess.PIPE, preexec_fn=heeds_interrupts)
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"b.png\tbad")
    process.send_signal(signal.SIGINT)  # while it waits for its standard input
    out, err = process.communicate()
    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in err


def shown_on_a_terminal(*arguments: str | Path) -> tuple[int, bytes]:
    """The status of a call whose output and errors go to a terminal, and what that was sent."""
    import pty

    here, there = pty.openpty()
    environment = os.environ | {"PYTHONPATH": str(SOURCE), "COLUMNS": "80", "TERM": "xterm"}
    process = start(*arguments, stdout=there, stderr=there, env=environment)
    os.close(there)
    shown = b""
    while True:
        try:
            part = os.read(here, 1 << 16)
        except OSError:  # how Linux says that the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(here)
    return process.wait(), shown


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="file names are text there")
@pytest.mark.parametrize("form", ["text", "json", "csv"])
def test_a_name_never_moves_a_terminals_cursor_or_turns_its_direction(
    folder: Path, toy_model: Path, form: str
) -> None:
    odd = [
        "\x1b[31mred",
        "c1\x9b31m\x85",
        "turned\u202egnp",
        "line\u2028end",
        "two\nlines",
        os.fsdecode(b"raw\x9b"),
    ]
    for name in odd:
        toy.spelled("bad").save(f"{name}.png")
    paths = [f"{name}.png" for name in odd]
    status, shown = shown_on_a_terminal(
        "read", "--model", toy_model, "--format", form, *paths, "\x1b[2Jno.png"
    )
    assert status == 1
    text = shown.decode().replace("\r\n", "\n")  # and so all bytes are text
    assert text.count("\n") == text.count("bad") + (form == "json") + 1 + (form == "csv") * 2
    assert not set(text) & set("\x1b\x9b\x85\u202e\u2028")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such terminals there")
def test_on_a_terminal_many_pictures_have_a_bar_and_whole_lines(folder: Path, toy_model: Path) -> None:
    long = "a name that is much longer than a terminal of eighty columns is wide " * 2 + ".png"
    toy.spelled("dead").save(long)
    names = [f"{number} {long}" for number in range(25)]
    for name in names:
        os.link(long, name)
    status, shown = shown_on_a_terminal("read", "--model", toy_model, *names)
    assert status == 0
    assert b"reading" in shown
    assert shown.count(long.encode()) == 25
