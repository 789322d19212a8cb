"""Values from files and the command line into settings, section by section."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from pydantic.fields import FieldInfo

from clipstr.errors import RecipeError
from clipstr.settings.fields import fields_of, make, unknown_key

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["built", "read_values", "with_changes"]

T = TypeVar("T")


def read_values(path: Path) -> dict[str, Any]:
    """The nested values in a TOML file, or in a JSON file such as a run's recipe. Raises `RecipeError`."""
    try:
        text = path.read_text(encoding="utf-8")
        values = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # of either format, or no UTF-8
        kind = "JSON" if path.suffix == ".json" else "TOML"
        raise RecipeError(f"{path}: is no {kind}: {error}") from error
    if not isinstance(values, dict):
        raise RecipeError(f"{path}: is no recipe: it holds a {type(values).__name__}, not named values")
    return values


@dataclass(frozen=True)
class _Given:
    """A value from the command line: as TOML understands it, and the text as it stands."""

    value: Any
    text: str


def with_changes(values: dict[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """``values`` with each of ``changes``, such as ``optimisation.samples=1000``, put in.

    What follows the equals sign is a value as TOML writes it, or else a text as it stands. Raises
    `RecipeError` for a change that is none.
    """
    changed = copy.deepcopy(values)
    for change in changes:
        name, equals, text = change.partition("=")
        keys = [key.strip() for key in name.split(".")]
        if not equals or not all(keys):
            raise RecipeError(f"{change!r} changes nothing: write section.key=value")
        place = changed
        for key in keys[:-1]:
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                raise RecipeError(f"{change!r}: {key} is a value and has no {keys[-1]}")
        place[keys[-1]] = _given(text.strip())
    return changed


def _given(text: str) -> _Given:
    try:
        return _Given(tomllib.loads(f"value = {text}")["value"], text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return _Given(text, text)


def built(kind: type[T], values: Mapping[str, Any], default: T, *, place: str = "") -> T:
    """``default`` with ``values`` put in; ``place`` is what their names begin with.

    Raises `RecipeError` for a value that cannot be, with its whole name, and for an unknown key, which
    names the nearest known one.
    """
    fields = fields_of(kind)
    made = {name: getattr(default, name) for name in fields}
    for key, value in values.items():
        if key not in fields:
            raise unknown_key(key, list(fields), place)
        made[key] = _value(fields[key], value, made[key], f"{place}{key}")
    return make(kind, made, place)


def _value(field: FieldInfo, value: Any, current: Any, where: str) -> Any:
    """What a field gets for ``value``: an object for a section, else the value, which is checked later."""
    if isinstance(field.annotation, type) and is_dataclass(field.annotation):
        return built(field.annotation, _section(value, where), current, place=f"{where}.")
    if get_origin(field.annotation) is Mapping:
        return _named(get_args(field.annotation)[1], _section(value, where), where)
    if isinstance(value, _Given):  # 36 may be a text, and 1 a folder
        texts = field.annotation is str or (
            get_args(field.annotation)[:1] == (str,) and not isinstance(value.value, list)
        )
        return value.text if texts and not isinstance(value.value, str) else value.value
    return value


def _named(kind: type, values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Sections of one kind under names of the user's own."""
    fields, made = fields_of(kind), dict[str, Any]()
    for name, section in values.items():
        place, given = f"{where}.{name}.", {}
        for key, value in _section(section, f"{where}.{name}").items():
            if key not in fields:
                raise unknown_key(key, list(fields), place)
            given[key] = _value(fields[key], value, None, f"{place}{key}")
        made[name] = make(kind, given, place)
    return made


def _section(value: Any, where: str) -> Mapping[str, Any]:
    value = value.value if isinstance(value, _Given) else value
    if not isinstance(value, Mapping):
        raise RecipeError(f"{where} is a section: write [{where}] and its keys below")
    return value
