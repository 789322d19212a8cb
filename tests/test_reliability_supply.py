"""What clipstr is made of: requirements have lowest versions, and all that comes along a free licence."""

from __future__ import annotations

import importlib.metadata
import re
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
