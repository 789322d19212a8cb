"""Settings as data: every value is checked wherever it comes from, and told in words and in the documents."""

from __future__ import annotations

import datetime
import importlib.util
import json
import pickle
import reprlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clipstr.charset import ALPHABETS
from clipstr.errors import RecipeError
from clipstr.settings import (
    Described,
    as_toml,
    built,
    described,
    setting,
    settings,
    with_changes,
    with_tables,
)
from clipstr.synth import SynthConfig, load_synth
from clipstr.synth.scenes import SceneConfig, load_scenes
from clipstr.training import Recipe, TeacherRecipe, load_recipe, load_teacher_recipe
from clipstr.training.recipe import plain_recipe

ROOT = Path(__file__).resolve().parents[1]
KINDS: dict[str, Any] = {
    "recipe": Recipe,
    "teacher": TeacherRecipe,
    "synth": SynthConfig,
    "scenes": SceneConfig,
}
EVERY = [(name, item) for name, kind in KINDS.items() for item in described(kind)]
ODD = (
    datetime.date(2026, 1, 1),
    float("nan"),
    float("inf"),
    -float("inf"),
    True,
    -1,
    10**400,
    "x",
    [],
    {},
    [{}],
)


@settings(frozen=True, kw_only=True)
class Shelf:
    """A class of settings for these tests."""

    width: float = setting(1.5, "how wide it is", unit="metres", above=0, most=3)
    boards: int = setting(4, "how many boards it has", least=1)
    wood: str = setting("oak", "of what it is made")


def put(path: str, value: Any) -> dict[str, Any]:
    """Nested values that hold ``value`` alone, under ``path``; a source gets the paths that it needs."""
    *sections, name = path.replace("NAME", "mine").split(".")
    nested: dict[str, Any] = {name: value}
    if sections[-1:] == ["mine"] and name != "paths":
        nested["paths"] = ["x"]
    for part in reversed(sections):
        nested = {part: nested}
    return nested


def fits(item: Described, value: object) -> bool:
    """Whether an odd value is one that the setting may well have."""
    if isinstance(value, str):
        return item.allowed == "a text" or item.allowed.startswith(("a text", "a list of texts"))
    if isinstance(value, list):
        return not value and item.allowed.startswith("a list")
    if value == -1:
        return "from -" in item.allowed
    return isinstance(value, bool) and item.allowed == "true or false"


@pytest.mark.parametrize(("kind", "item"), EVERY, ids=[f"{kind} {item.path}" for kind, item in EVERY])
def test_a_value_that_cannot_be_is_refused_by_its_own_name(kind: str, item: Described) -> None:
    name = item.path.replace("NAME", "mine")
    assert item.meaning
    for value in ODD:
        if fits(item, value):
            continue
        with pytest.raises(RecipeError) as told:
            built(KINDS[kind], put(item.path, value), KINDS[kind]())
        alone = f"{name} is {reprlib.repr(value)}; it must be {item.allowed}"
        together = f"{item.section}: {item.name} is "  # beside the section's other settings
        assert str(told.value).startswith((alone, together))


def test_settings_made_in_python_are_checked_alike() -> None:
    assert Shelf(width=2).width == 2
    for value in (-1, 0, 4, float("nan"), "2", True, None):
        with pytest.raises(
            RecipeError, match=r"Shelf\.width is .*; it must be a number of metres above 0 to 3"
        ):
            Shelf(width=value)  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match=r"unknown key Shelf\.bords; did you mean Shelf\.boards\?"):
        Shelf(bords=3)  # type: ignore[call-arg]
    with pytest.raises(RecipeError, match=r"Shelf\.boards is 0; it must be a whole number of at least 1"):
        replace(Shelf(), boards=0)


def test_settings_are_values_that_travel_to_other_processes() -> None:
    made = SynthConfig(characters="94", mildest=0.3)
    assert made.characters == ALPHABETS["94"]
    assert pickle.loads(pickle.dumps(made)) == made
    assert hash(Shelf()) == hash(Shelf(boards=4))


def test_a_change_from_the_command_line_is_what_the_setting_wants() -> None:
    """36 may be a number or a text, and one text a list."""
    values = with_changes({}, ["boards=36", "wood=36", "width=2"])
    assert built(Shelf, values, Shelf()) == Shelf(boards=36, wood="36", width=2.0)


def test_the_file_that_lists_all_settings_holds_their_defaults(tmp_path: Path) -> None:
    loads: dict[str, Any] = {
        "recipe": load_recipe,
        "teacher": load_teacher_recipe,
        "synth": lambda path: load_synth(path, default=SynthConfig(mildest=1.0)),
        "scenes": load_scenes,
    }
    for name, kind in KINDS.items():
        path = tmp_path / f"{name}.toml"
        path.write_text(as_toml(kind), encoding="utf-8")
        loaded = (
            loads[name](path) if name in loads else load_synth(path, default=replace(kind(), mildest=1.0))
        )
        assert loaded == kind()


def test_every_setting_is_listed_with_its_default_its_bounds_and_its_meaning() -> None:
    lines = as_toml(Recipe).splitlines()
    listed = [line.removeprefix("# ").partition(" = ")[0] for line in lines if " = " in line]
    assert listed == [item.name for item in described(Recipe)]
    at = lines.index("width = 384")
    assert lines[at - 1] == "# size of every token [a whole number of channels from 1 to 8,192]"
    paths = {item.path for item in described(Recipe)}
    saved = json.loads(json.dumps(plain_recipe(Recipe())))
    assert {f"{part}.{key}" for part in ("student", "run") for key in saved[part]} <= paths


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_the_tables_in_the_documents_are_those_of_the_code(page: Path) -> None:
    """`python docs/tables.py` makes them anew."""
    text = page.read_text(encoding="utf-8")
    assert with_tables(text, KINDS) == text


def test_every_setting_stands_in_a_table_of_the_documents() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md"))
    for kind, item in EVERY:
        if (kind, item.section) in (("synth", ""), ("scenes", "words")):
            continue  # the recogniser's own, and told in words
        path = item.path
        for inside in ("data.synthetic.", "words."):  # the engine's tables
            path = path.removeprefix(inside) if item.section.startswith(inside) else path
        assert f"| `{path}` |" in text, path


def test_the_script_of_the_documents_makes_the_same_kinds_of_tables() -> None:
    spec = importlib.util.spec_from_file_location("tables", ROOT / "docs" / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.KINDS == KINDS
