"""How a class of settings is declared: a decorator, its fields, and the types that settings share.

pydantic checks each value where the object is made, in Python as from a file: the type strictly, the
bounds, and that numbers are finite. Its complaints become `RecipeError` with the name of the setting.
"""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, cast, get_args, get_origin

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass as _checked_dataclass
from pydantic.fields import FieldInfo
from pydantic_core import ArgsKwargs

from clipstr.charset import Charset
from clipstr.errors import RecipeError

__all__ = [
    "Alphabet",
    "Journals",
    "Numbers",
    "Texts",
    "allowed",
    "fields_of",
    "make",
    "section",
    "sections",
    "setting",
    "settings",
    "unknown_key",
]

T = TypeVar("T")


def _as_tuple(value: Any) -> Any:
    """A list as a tuple, and a text or a number alone as a tuple of one."""
    if isinstance(value, list):
        return tuple(value)
    return (value,) if isinstance(value, (str, int)) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
"""Texts; a list, or one alone."""

Numbers = Annotated[tuple[int, ...], BeforeValidator(_as_tuple)]
"""Whole numbers; a list, or one alone."""

Journals = Annotated[tuple[Literal["tensorboard", "wandb", "mlflow"], ...], BeforeValidator(_as_tuple)]
"""Where a run is written down for people to look at."""

Alphabet = Annotated[str, AfterValidator(lambda text: Charset.named(text).characters)]
"""The characters of an alphabet; the field's own by name."""

if TYPE_CHECKING:
    from dataclasses import dataclass as settings  # which type checkers know, `dataclasses.replace` and all
else:

    def settings(*, frozen: Literal[True], kw_only: Literal[True]) -> Callable[[type[T]], type[T]]:
        """A decorator: a frozen dataclass that cannot be made of values that are none of its settings.

        Raises `RecipeError` where pydantic would raise an error of its own.
        """
        rules = ConfigDict(strict=True, allow_inf_nan=False, extra="forbid")

        def decorate(kind: type[T]) -> type[T]:
            made = _checked_dataclass(frozen=frozen, kw_only=kw_only, config=rules)(kind)

            def __init__(self: Any, **values: Any) -> None:  # noqa: N807
                _fill(self, values, f"{made.__name__}.")

            made.__init__ = __init__
            return made

        return decorate


def make(kind: type[T], values: Mapping[str, Any], place: str) -> T:
    """The settings of ``kind`` with ``values``; ``place`` is what their names begin with in `RecipeError`."""
    made = object.__new__(kind)
    _fill(made, values, place)
    return made


def _fill(made: Any, values: Mapping[str, Any], place: str) -> None:
    try:
        type(made).__pydantic_validator__.validate_python(ArgsKwargs((), dict(values)), self_instance=made)
    except ValidationError as error:
        raise _told(type(made), error, values, place) from error


def setting(
    default: T,
    meaning: str,
    *,
    unit: str = "",
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
) -> T:
    """A field of a class of settings: its ``default``, its ``meaning``, its ``unit`` and its bounds."""
    return Field(
        default, description=meaning, json_schema_extra={"unit": unit}, ge=least, gt=above, le=most, lt=below
    )


def section(make: Callable[[], T]) -> T:
    """A field that is a section of settings of its own: those that ``make`` gives, or the class itself."""
    return Field(default_factory=make)


def sections(meaning: str) -> Any:
    """A field of sections under names of the user's own."""
    return Field(default_factory=dict, description=meaning)


def fields_of(kind: type) -> dict[str, FieldInfo]:
    """The fields of a class of settings by name."""
    found: dict[str, FieldInfo] = kind.__pydantic_fields__  # type: ignore[attr-defined]
    return found


def _told(kind: type, error: ValidationError, values: Mapping[str, Any], place: str) -> RecipeError:
    """The first of pydantic's complaints about ``values`` in our words; ``place`` begins their names."""
    first = error.errors(include_url=False)[0]
    cause = first.get("ctx", {}).get("error")
    if not first["loc"]:  # settings that do not fit each other
        return RecipeError(f"{place.rstrip('.')}: {cause}" if place else str(cause))
    name = str(first["loc"][0])
    if first["type"] == "unexpected_keyword_argument":
        return unknown_key(name, list(fields_of(kind)), place)
    if cause is not None:
        return RecipeError(f"{place}{name}: {cause}")
    given, wanted = reprlib.repr(values.get(name)), allowed(fields_of(kind)[name])
    return RecipeError(f"{place}{name} is {given}; it must be {wanted}")


def unknown_key(key: str, names: Sequence[str], place: str) -> RecipeError:
    """The error for a ``key`` that is none of ``names``: it names the nearest one."""
    near = difflib.get_close_matches(key, names, n=1)
    hint = f"did you mean {place}{near[0]}?" if near else f"there are {', '.join(names)}"
    return RecipeError(f"unknown key {place}{key}; {hint}")


def allowed(field: FieldInfo) -> str:
    """What a setting may be, in words: "a whole number of pixels from 1 to 512", "cut or interpolate"."""
    kind = field.annotation
    if _is_alphabet(field):
        return "a text: 36, 62, 94, latin or the characters themselves"
    if get_origin(kind) is Literal:
        return _either(get_args(kind))
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        if get_origin(inner) is Literal:
            return f"a list of {_either(get_args(inner), 'and')}"
        return {str: "a list of texts", int: "a list of whole numbers"}[inner]
    if kind in (int, float):
        unit = str((field.json_schema_extra or {}).get("unit", ""))  # type: ignore[union-attr]
        of = f" of {unit}" if unit else ""
        return f"a {'whole ' if kind is int else ''}number{of}{_bounds(field)}"
    return {bool: "true or false", str: "a text"}.get(cast("type", kind), "a section")


def _is_alphabet(field: FieldInfo) -> bool:
    validator = get_args(Alphabet)[1]
    return any(item is validator for item in field.metadata)


def _bounds(field: FieldInfo) -> str:
    found = {
        name: getattr(item, name)
        for item in field.metadata
        for name in ("ge", "gt", "le", "lt")
        if getattr(item, name, None) is not None
    }
    if list(found) == ["ge"]:
        return f" of at least {found['ge']:,}"
    words = {"ge": "from", "gt": "above", "le": "to", "lt": "to below"}
    parts = [f"{words[name]} {bound:,}" for name, bound in found.items()]
    return f" {' '.join(parts)}" if parts else ""


def _either(choices: Sequence[str], word: str = "or") -> str:
    if len(choices) == 1:
        return str(choices[0])
    return f"{', '.join(choices[:-1])} {word} {choices[-1]}"
