"""`clipstr.cli.console`: what is shown, told and written, with hostile texts in it."""

from __future__ import annotations

import ast
import csv
import io
import json
from pathlib import Path

import pytest

from clipstr.cli import console
from clipstr.errors import (
    ClipstrError,
    DataError,
    InputError,
    MissingExtraError,
    ModelNotFoundError,
    OutputError,
    UnfinishedError,
)

SOURCE = Path(__file__).resolve().parents[1] / "src" / "clipstr"
HOSTILE = [
    "[/b]",
    "[red]x[/red]",
    ":smile:",
    "[link=x]",
    "\x1b[31m",
    "two\nlines",
    "\u202eleft",
    "a\\",
    "[bold",
]
Shown = pytest.CaptureFixture[str]


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_are_never_markup_and_never_break_a_line(text: str, capsys: Shown) -> None:
    console.show(text)
    console.tell(text)
    console.complain(text)
    console.show_row(["a", text])
    table = console.table("name", text, numbers=["name"])
    table.add_row(text, text)
    shown, told = capsys.readouterr()
    seen = console.visible(text)
    assert shown == f"{seen}\na\t{seen}\n"
    assert told == f"{seen}\nclipstr: {seen}\n"
    console.terminal(aside=False).print(text)
    assert capsys.readouterr().out == text + "\n"


@pytest.mark.parametrize("text", [text for text in HOSTILE if "\n" not in text and text.isprintable()])
def test_cells_of_tables_are_never_markup(text: str, capsys: Shown) -> None:
    table = console.table("name", "words", numbers=["words"])
    table.add_row(text, "12")
    console.show_table(table)
    assert capsys.readouterr().out.splitlines()[1].split() == [*text.split(), "12"]


def test_a_table_is_never_cut(capsys: Shown) -> None:
    table = console.table("name")
    table.add_row("x" * 500)
    console.show_table(table)
    assert "x" * 500 in capsys.readouterr().out


def test_a_row_of_csv_is_one_row_whatever_its_cells(capsys: Shown) -> None:
    cells = ['say "hi"', "two\nlines", "carriage\rreturn", "a,b", "\x85\u2028", ""]
    row = console.csv_row(cells)
    assert list(csv.reader(io.StringIO(row, newline=""))) == [cells]
    console.show(row, exact=True)  # no terminal: as it is
    assert capsys.readouterr().out == row + "\n"


def test_json_goes_to_a_file_or_to_standard_output_alone(tmp_path: Path, capsys: Shown) -> None:
    console.write_json({"a": 1}, tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": 1}
    assert not console.is_standard_output(tmp_path / "a.json")
    assert not console.is_standard_output(None)
    target = Path("-")
    console.show("for people", aside=console.is_standard_output(target))
    console.write_json({"a": 1}, target)
    shown, told = capsys.readouterr()
    assert json.loads(shown) == {"a": 1}
    assert told == "for people\n"


def test_a_bar_is_no_part_of_what_is_written_to_a_file(capsys: Shown) -> None:
    with console.progress("reading", 1000) as advance:
        advance()
        advance(10)
        console.show("word")
    assert capsys.readouterr() == ("word\n", "")


def test_a_missing_package_is_told_with_what_to_install() -> None:
    told = r"flying needs more packages: pip install 'clipstr\[wings\]'"
    with pytest.raises(MissingExtraError, match=told), console.needs_extra("wings", "flying"):
        import no_such_package_anywhere  # noqa: F401
    with pytest.raises(MissingExtraError, match="^as it is$"), console.needs_extra("wings", "flying"):
        raise MissingExtraError("as it is")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InputError("x"), 2),
        (ModelNotFoundError("x"), 2),
        (DataError("x"), 1),
        (OutputError("x"), 1),
        (UnfinishedError("x"), 3),
        (OSError(), 1),
    ],
)
def test_the_exit_status_tells_a_wrong_call_from_a_failure(
    error: ClipstrError | OSError, status: int
) -> None:
    assert console.exit_status(error) == status


def test_only_the_console_prints_draws_bars_and_opens_streams() -> None:
    """The whole kind: whoever printed by himself would bring back markup, tracebacks and torn lines."""
    allowed = {SOURCE / "cli" / name for name in ("console.py", "streams.py", "progress.py")}
    found = []
    for file in sorted(SOURCE.rglob("*.py")):
        if file in allowed:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            text = ast.unparse(node) if isinstance(node, (ast.Call, ast.ImportFrom, ast.Attribute)) else ""
            printing = isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "typer.echo")
            drawing = isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                ("rich.console", "rich.progress", "rich.live")
            )
            # A service's log is its own; nothing else of it speaks.
            streaming = text in ("sys.stdin", "sys.stdout", "sys.stderr") and "serve" not in file.parts
            if printing or drawing or streaming:
                found.append(f"{file.relative_to(SOURCE)}:{node.lineno}: {text}")  # type: ignore[attr-defined]
    assert found == []
