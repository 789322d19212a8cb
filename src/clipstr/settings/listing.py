"""Every setting with its default, what it may be and its meaning: for people, and for documents."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from typing import Any, get_args, get_origin

from clipstr.settings.fields import allowed, fields_of

__all__ = ["Described", "as_toml", "described", "with_tables"]


@dataclass(frozen=True)
class Described:
    """A setting in words."""

    section: str  # dotted; empty at the top
    name: str
    default: Any  # a plain value; None where the user must give one
    allowed: str
    meaning: str

    @property
    def path(self) -> str:
        """Its whole name, as ``--set`` takes it."""
        return f"{self.section}.{self.name}" if self.section else self.name


def described(kind: type) -> Iterator[Described]:
    """All settings of ``kind``, those of a section before the sections inside it.

    Sections under names of the user's own stand as ``NAME``.
    """
    return _described(kind, "", kind())


def _described(kind: type, section: str, made: Any) -> Iterator[Described]:
    """The same for a section; ``made`` holds its defaults, if it stands without being named."""
    inner: list[tuple[type, str, Any]] = []
    for name, field in fields_of(kind).items():
        path = f"{section}.{name}" if section else name
        default = field.default if made is None else getattr(made, name)
        if isinstance(field.annotation, type) and is_dataclass(field.annotation):
            inner.append((field.annotation, path, default))
        elif get_origin(field.annotation) is Mapping:
            inner.append((get_args(field.annotation)[1], f"{path}.NAME", None))
        else:
            plain = list(default) if isinstance(default, tuple) else default
            yield Described(section, name, plain, allowed(field), field.description or "")
    for part, path, default in inner:
        yield from _described(part, path, default)


def as_toml(kind: type) -> str:
    """All settings of ``kind`` as a commented TOML file: it says what holds without it.

    Sections under names of the user's own are comments, since none is there without one.
    """
    lines, section = [], ""
    for item in described(kind):
        mark = "# " if "NAME" in item.section else ""
        if item.section != section:
            section = item.section
            lines += ["", f"{mark}[{section}]"]
        lines += [f"# {item.meaning} [{item.allowed}]", f"{mark}{item.name} = {_toml(item.default)}"]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    """A plain value as TOML writes it, which is as JSON does for those that settings have."""
    return f"{value:_}" if type(value) is int else json.dumps(value, ensure_ascii=False)


def with_tables(page: str, kinds: Mapping[str, type]) -> str:
    """A page in Markdown with the table below each ``<!-- settings: KIND SECTION -->`` made anew.

    ``kinds`` are the classes of settings by the names that the page uses; the top has no SECTION.
    """
    marked = re.compile(r"(<!-- settings: (\w+) ?(\S*) -->\n\n)(?:\|.*\n)*")
    return marked.sub(lambda match: match[1] + _table(kinds[match[2]], match[3]), page)


def _table(kind: type, section: str) -> str:
    """The settings of one section of ``kind`` as a table in Markdown."""
    rows = ["| setting | default | it may be | what it is |", "|---|---:|---|---|"]
    for item in described(kind):
        if item.section == section:
            default = "" if item.default in ("", []) else f"`{_toml(item.default)}`"
            rows.append(f"| `{item.path}` | {default} | {item.allowed} | {item.meaning} |")
    return "\n".join(rows) + "\n"
