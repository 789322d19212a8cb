"""What clipstr is made of: requirements have lowest versions, and all that comes along a free licence."""

from __future__ import annotations

import importlib.metadata
import json
import re
import sys
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

packaging = pytest.importorskip("packaging.requirements")

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = ("", "fonts", "synth", "train", "scenes", "serve", "bulk", "report")

FREE = re.compile(
    r"apache|mit\b|bsd|isc\b|psf|python software|zlib|cc0|openldap|oldap|historical permission|unlicense|"
    r"mpl|mozilla|cnri|bsl-1\.0|boost",
    re.IGNORECASE,
)
"""The licences of what is used as it is: the permissive ones, and Mozilla's for files that nobody changes."""

UNFREE = re.compile(r"(?<![lm])gpl|proprietary|commercial|sspl|busl|non-?commercial", re.IGNORECASE)

NVIDIA = re.compile(r"nvidia-|cuda-")
"""What PyTorch's build for CUDA brings beside itself; its build for processors brings none of it."""

FONTS = {"OFL-1.1", "Apache-2.0", "UFL-1.0"}


def distributions(
    name: str, extras: Sequence[str], seen: set[tuple[str, str]]
) -> Iterator[importlib.metadata.Distribution]:
    """What is installed of ``name`` and of all that it needs, each once."""
    for extra in extras:
        key = (re.sub(r"[-_.]+", "-", name).lower(), extra)
        if key in seen:
            continue
        seen.add(key)
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # of another platform or an extra that is not here
        yield found
        for line in found.requires or ():
            needed: Any = packaging.Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                yield from distributions(needed.name, ("", *needed.extras), seen)


def licences(distribution: importlib.metadata.Distribution) -> str:
    """All that ``distribution`` says of its licence."""
    said = distribution.metadata
    classifiers = [line for line in said.get_all("Classifier") or () if line.startswith("License")]
    first = (said.get("License") or "").strip().split("\n")[0]
    return "; ".join(filter(None, [said.get("License-Expression"), first, *classifiers]))


def test_everything_that_is_installed_with_clipstr_has_a_free_licence() -> None:
    found = {each.metadata["Name"]: licences(each) for each in distributions("clipstr", EXTRAS, set())}
    assert {"numpy", "onnxruntime", "clipstr"} <= {name.lower() for name in found}
    wrong = {
        name: said
        for name, said in found.items()
        if not NVIDIA.match(name) and (not FREE.search(said) or UNFREE.search(said))
    }
    assert wrong == {}


def test_every_requirement_has_a_lowest_version() -> None:
    requires = importlib.metadata.distribution("clipstr").requires or []
    needed = [packaging.Requirement(line) for line in requires]
    unbounded = [
        str(each)
        for each in needed
        if each.name != "clipstr" and not any(s.operator in (">=", "==", "~=") for s in each.specifier)
    ]
    assert len(needed) > 20
    assert unbounded == []


SEASONAL = {"pyarrow", "fsspec"}
"""What has a new major version every season, which has not broken what is used here."""


def requirements() -> dict[str, list[Any]]:
    """What pyproject.toml asks for: "base" and each extra that users may ask for, extras of ours resolved."""
    toml: Any = pytest.importorskip("tomllib" if sys.version_info >= (3, 11) else "tomli")
    project = toml.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = {"base": project["dependencies"], **project["optional-dependencies"]}
    found: dict[str, list[Any]] = {}
    for name in asked.keys() - {"dev"}:
        needed = list(map(packaging.Requirement, asked[name]))
        for each in needed:
            if each.name == "clipstr":
                needed += [packaging.Requirement(line) for extra in each.extras for line in asked[extra]]
        found[name] = [each for each in needed if each.name != "clipstr"]
    return found


in_a_checkout = pytest.mark.skipif(not (ROOT / "release").exists(), reason="this is no checkout")


@in_a_checkout
def test_every_requirement_of_users_ends_below_a_version_that_nobody_knows() -> None:
    found = {each.name: each.specifier for needed in requirements().values() for each in needed}
    assert len(found) > 30
    unbounded = {name for name, said in found.items() if not any(s.operator == "<" for s in said)}
    assert unbounded == SEASONAL


@in_a_checkout
def test_what_is_installed_here_is_within_the_bounds() -> None:
    for each in {str(one): one for needed in requirements().values() for one in needed}.values():
        try:
            installed = importlib.metadata.version(each.name)
        except importlib.metadata.PackageNotFoundError:
            continue
        assert each.specifier.contains(installed, prereleases=True), f"{each}, and there is {installed}"


def _same(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@in_a_checkout
@pytest.mark.parametrize("extra", [*EXTRAS[1:], "base", "peers", "bench", "wandb", "mlflow"])
def test_the_list_of_parts_has_all_that_pyproject_asks_for_and_what_that_needs(extra: str) -> None:
    """`python release/sbom.py` writes the lists anew."""
    listed = json.loads((ROOT / "release" / "sbom" / f"{extra}.cdx.json").read_text(encoding="utf-8"))
    assert (listed["bomFormat"], listed["metadata"]["component"]["name"]) == ("CycloneDX", "clipstr")
    versions: dict[str, list[str]] = {}
    for part in listed["components"]:
        assert part["purl"].startswith("pkg:pypi/")
        versions.setdefault(_same(part["name"]), []).append(part["version"])
    for each in (*requirements()["base"], *requirements()[extra]):
        assert any(each.specifier.contains(version) for version in versions.get(_same(each.name), ())), each
    there = {part["bom-ref"] for part in listed["components"]} | {listed["metadata"]["component"]["bom-ref"]}
    needs = {each["ref"]: each.get("dependsOn", []) for each in listed["dependencies"]}
    assert set(needs) == there
    assert {ref for refs in needs.values() for ref in refs} <= there


@in_a_checkout
def test_there_is_a_list_of_parts_for_every_extra() -> None:
    files_ = {path.name.removesuffix(".cdx.json") for path in (ROOT / "release" / "sbom").iterdir()}
    assert files_ == requirements().keys()


def test_every_font_that_is_fetched_is_free_and_says_so() -> None:
    lines = (files("clipstr.fonts") / "packages.tsv").read_text(encoding="utf-8").splitlines()[1:]
    assert len(lines) > 100
    assert {line.split("\t")[3] for line in lines} <= FONTS


@pytest.mark.skipif(not (ROOT / "NOTICE").exists(), reason="this is no checkout")
def test_words_and_weights_that_come_with_the_package_are_accounted_for() -> None:
    notice = " ".join((ROOT / "NOTICE").read_text(encoding="utf-8").split())
    assert "lists in src/clipstr/synth/lexicon" in notice
    for name in ("tiny", "full"):
        assert (ROOT / "src" / "clipstr" / "assets" / name / "CARD.md").exists()
        assert name in notice
