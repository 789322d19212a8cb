"""Plain values, from files and the command line, into frozen settings: checked key by key, type by type."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from clipstr.errors import RecipeError

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
    except ValueError as error:  # of either format, or no UTF-8
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
    changed: dict[str, Any] = json.loads(json.dumps(values))
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
    except tomllib.TOMLDecodeError:
        return _Given(text, text)


def built(kind: type[T], values: Mapping[str, Any], place: str, default: T) -> T:
    """``default`` with ``values`` put in; ``place`` is what their names begin with. Raises `RecipeError`.

    An unknown key is an error that names the nearest known one.
    """
    names = [item.name for item in fields(kind)]  # type: ignore[arg-type]
    hints = get_type_hints(kind)
    changes: dict[str, Any] = {}
    for key, value in values.items():
        where = f"{place}{key}"
        _known(key, names, place)
        current = getattr(default, key)
        if is_dataclass(current):
            changes[key] = built(type(current), _section(value, where), f"{where}.", current)
        elif get_origin(hints[key]) is Mapping:
            changes[key] = _named(get_args(hints[key])[1], _section(value, where), where)
        else:
            changes[key] = _checked(value, hints[key], where)
    kept = {name: getattr(default, name) for name in names if name not in changes}
    return kind(**kept, **changes)


def _section(value: Any, where: str) -> Mapping[str, Any]:
    value = value.value if isinstance(value, _Given) else value
    if not isinstance(value, Mapping):
        raise RecipeError(f"{where} is a section: write [{where}] and its keys below")
    return value


def _named(kind: type[T], values: Mapping[str, Any], where: str) -> dict[str, T]:
    """Sections of one kind under names of the user's own."""
    hints = get_type_hints(kind)
    made = {}
    for name, section in values.items():
        inner, checked = f"{where}.{name}", {}
        for key, value in _section(section, inner).items():
            _known(key, list(hints), f"{inner}.")
            checked[key] = _checked(value, hints[key], f"{inner}.{key}")
        try:
            made[name] = kind(**checked)
        except RecipeError as error:
            raise RecipeError(f"{inner}: {error}") from error
    return made


def _known(key: str, names: Sequence[str], place: str) -> None:
    """Raises `RecipeError` for a ``key`` that is none of ``names``."""
    if key not in names:
        near = difflib.get_close_matches(key, names, n=1)
        hint = f"did you mean {place}{near[0]}?" if near else f"there are {', '.join(names)}"
        raise RecipeError(f"unknown key {place}{key}; {hint}")


def _checked(value: Any, hint: Any, where: str) -> Any:
    """``value`` if its type is the field's, integers taken as numbers, lists and single items as tuples."""
    if isinstance(value, _Given):  # 36 may be a text, and 1 a folder
        texts = hint is str or (hint == tuple[str, ...] and not isinstance(value.value, list))
        value = value.text if texts and not isinstance(value.value, str) else value.value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    for kind, plural in ((str, "texts"), (int, "whole numbers")):
        if hint == tuple[kind, ...]:  # type: ignore[valid-type]
            items = value if isinstance(value, (list, tuple)) else [value]
            if all(type(item) is kind for item in items):
                return tuple(items)
            raise RecipeError(f"{where} is {value!r}; it must be a list of {plural}")
    if hint in (int, float, str, bool) and (
        not isinstance(value, hint) or (hint is int and isinstance(value, bool))
    ):
        raise RecipeError(f"{where} is {value!r}; it must be of type {hint.__name__}")
    return value
