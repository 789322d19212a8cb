"""`clipstr.cli.options`, whose rules every verb keeps: bounds, nothing empty, one meaning for one name."""

from __future__ import annotations

import importlib
import inspect
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.models import OptionInfo
from typer.testing import CliRunner

from clipstr.cli import options
from clipstr.cli.main import VERBS, app
from clipstr.errors import LexiconError


@dataclass(frozen=True)
class Parameter:
    """One parameter of one verb, as its function declares it."""

    verb: str
    name: str  # of the option, or of the argument
    kind: Any  # without "or None" and "list of"
    info: Any  # what Typer is told

    def __str__(self) -> str:
        return f"{self.verb} {self.name}"


def verbs_of(name: str, does: Any) -> Iterator[tuple[str, Callable[..., object]]]:
    if not isinstance(does, typer.Typer):
        yield name, does
        return
    for command in does.registered_commands:
        assert command.callback is not None
        yield f"{name} {command.name}", command.callback


def parameters() -> Iterator[Parameter]:
    for verb in VERBS:
        does = getattr(importlib.import_module(verb.module), verb.function)
        for name, function in verbs_of(verb.name, does):
            for parameter, hint in typing.get_type_hints(function, include_extras=True).items():
                if parameter == "return" or parameter not in inspect.signature(function).parameters:
                    continue
                kind, infos = hint, tuple[Any, ...]()
                while typing.get_args(kind):  # Annotated, unions with None, lists
                    infos = getattr(kind, "__metadata__", ()) or infos
                    kind = next(a for a in typing.get_args(kind) if a is not type(None))
                (info,) = infos or (None,)
                # In Annotated the first name stands where else the default does.
                names = [getattr(info, "default", None), *(getattr(info, "param_decls", None) or ())]
                declared = [d for d in names if isinstance(d, str) and d.startswith("--")]
                option = f"--{parameter.replace('_', '-')}" if isinstance(info, OptionInfo) else parameter
                yield Parameter(name, declared[0] if declared else option, kind, info)


PARAMETERS = list(parameters())
NUMBERS = [p for p in PARAMETERS if p.kind in (int, float)]
TEXTS = [p for p in PARAMETERS if p.kind in (str, Path)]


def test_every_parameter_of_every_verb_is_looked_at() -> None:
    known = {p.verb for p in PARAMETERS}
    silent = [v.name for v in VERBS if not any(name.startswith(v.name) for name in known)]
    assert silent == []
    others = [p for p in PARAMETERS if p not in NUMBERS and p not in TEXTS]
    assert all(p.kind is bool or issubclass(p.kind, Enum) for p in others), [str(p) for p in others]
    assert len(NUMBERS) > 10
    assert len(TEXTS) > 30


@pytest.mark.parametrize("parameter", NUMBERS, ids=str)
def test_every_number_has_bounds(parameter: Parameter) -> None:
    assert parameter.info.min is not None
    assert parameter.info.max is not None


@pytest.mark.parametrize("parameter", TEXTS, ids=str)
def test_no_path_and_no_name_may_be_empty(parameter: Parameter) -> None:
    assert parameter.info.parser is not None, "it needs a parser, such as options.filled"
    for nothing in ("", "  "):
        with pytest.raises(typer.BadParameter, match="empty"):
            parameter.info.parser(nothing)


@pytest.mark.parametrize(
    "name", ["--json", "--threads", "--batch-size", "--seed", "--precision", "--max-length", "--set"]
)
def test_the_same_option_means_the_same_everywhere(name: str) -> None:
    def meaning(parameter: Parameter) -> tuple[object, ...]:
        info = parameter.info
        return parameter.kind, info.parser, info.min, info.max, info.metavar

    found = [parameter for parameter in PARAMETERS if parameter.name == name]
    assert len({meaning(parameter) for parameter in found}) == 1, [str(p) for p in found]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("read a.png --threads 99999999999", "--threads"),
        ("read a.png --batch-size 99999999999", "--batch-size"),
        ("read a.png --batch-size -1", "--batch-size"),
        ("data check . --max-length 99999999999999999999999", "--max-length"),
        ("synth x --count 99999999999", "--count"),
        ("synth x --seed 99999999999999999999999", "--seed"),
        ("synth x --difficulty nan", "--difficulty"),
        ("synth x --difficulty inf", "--difficulty"),
        ("evaluate --data . --charset 37", "no alphabet is called 37"),
        ("data check . --charset 37", "no alphabet is called 37"),
    ],
)
def test_numbers_beyond_reason_are_wrong_calls(
    call: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, call.split())
    assert (result.exit_code, result.exception.__class__) == (2, SystemExit)
    assert told in " ".join(result.output.split())
    assert list(tmp_path.iterdir()) == []


OUTPUTS = [p for p in TEXTS if getattr(p.info, "parser", None) in (options.new_file, options.new_folder)]
OUTPUTS += [p for p in TEXTS if p.name == "--json"]


@pytest.mark.parametrize("parameter", OUTPUTS, ids=str)
def test_a_place_that_cannot_be_written_is_found_out_before_the_work(
    parameter: Parameter, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(typer.BadParameter, match="file"):
        parameter.info.parser(str(tmp_path / "file" / "below"))
    assert (tmp_path / "file").read_text() == "x"


def test_every_option_that_writes_is_among_them() -> None:
    writing = {"--out", "--json", "--errors", "--sheet"}
    asked = {str(p) for p in TEXTS if p.name in writing}
    assert asked - {str(p) for p in OUTPUTS} == {"bulk --out"}  # which may be on another machine


def test_alphabets_are_named_or_written_out() -> None:
    assert options.alphabet("36").characters == "0123456789abcdefghijklmnopqrstuvwxyz"
    assert options.alphabet("0123456789").characters == "0123456789"
    assert options.alphabet("ACGT").characters == "ACGT"
    with pytest.raises(typer.BadParameter, match="no alphabet is called 37: write 36, 62, 94"):
        options.alphabet("37")


def test_words_stand_one_a_line_and_may_have_odd_characters(tmp_path: Path) -> None:
    (tmp_path / "words").write_text("\ufeffone\r\ntwo\u2028too\n\nthree", encoding="utf-8")
    assert options.lexicon_words(tmp_path / "words") == ["one", "two\u2028too", "", "three"]
    assert options.lexicon_words(None) is None
    with pytest.raises(LexiconError, match=r"none: cannot be read"):
        options.lexicon_words(tmp_path / "none")
