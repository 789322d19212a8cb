"""The house's own order: a reader who looks for the tests of a room finds them by its name, and so back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "clipstr"
OTHER_ROOTS = {"release": ROOT / "release", "web": ROOT / "web", "house": ROOT / "tests"}
WHOLE = {"embedded_model", "public_face", "reliability", "sharing"}  # promises that many rooms keep together
COVERED = {  # by the tests of those who use them: test_public_face, test_cli_*, test_reader, test_distil_*
    "__main__",
    "errors",
    "exported",
    "reading",
    "stages",
}


def subjects() -> dict[str, Path]:
    """The test files, by what their names say that they test."""
    return {path.stem.removeprefix("test_"): path for path in sorted(Path(__file__).parent.glob("test_*.py"))}


def rooms(folder: Path, words: list[str]) -> Iterator[Path]:
    """The rooms and modules that the first of ``words``, joined, lead to."""
    for count in range(1, len(words) + 1):
        name = "_".join(words[:count])
        if (folder / name / "__init__.py").exists():
            yield folder / name
            yield from rooms(folder / name, words[count:])
        yield from (path for end in ("", "_") if (path := folder / f"{name}{end}.py").exists())


def test_every_test_file_is_named_after_a_room_a_module_or_a_promise() -> None:
    lost = [
        name
        for name in subjects()
        if name not in WHOLE
        and name.partition("_")[0] not in WHOLE
        and name.partition("_")[0] not in OTHER_ROOTS
        and not list(rooms(SOURCE, name.split("_")))
    ]
    assert lost == []


def test_every_room_and_module_of_the_first_floor_has_its_tests() -> None:
    first_floor = {path.stem for path in SOURCE.glob("*.py")} | {
        path.parent.name for path in SOURCE.glob("*/__init__.py")
    }
    tested = {
        name for name in first_floor if any(f"{subject}_".startswith(f"{name}_") for subject in subjects())
    }
    assert sorted(first_floor - tested - COVERED - {"__init__"}) == []


def test_what_is_said_to_be_covered_elsewhere_is_there() -> None:
    assert all((SOURCE / f"{name}.py").exists() for name in COVERED)
    assert all(f"{name}" in subjects() for name in WHOLE)
