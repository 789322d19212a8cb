"""Writes what the base install and each extra bring along: `release/sbom/NAME.cdx.json` (CycloneDX 1.5).

python release/sbom.py

Versions are the newest that pyproject.toml allows, on any system and Python (one that only some need has its
marker), resolved by `uv`; licences are what the installed packages say of themselves. The files change only
where a version does. Each is checked against CycloneDX's schema by `cyclonedx-python-lib[json-validation]`.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from clipstr import __version__

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / "release" / "sbom"
BASE, TOOLS = "base", "dev"


def uv(*arguments: str, folder: Path) -> str:
    done = subprocess.run(["uv", *arguments], cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def extras() -> list[str]:
    """The extras that users may ask for."""
    said = importlib.metadata.metadata("clipstr").get_all("Provides-Extra") or []
    return sorted(set(said) - {TOOLS})


def licence(name: str) -> str | None:
    """What the installed package ``name`` says of its licence in one line; None if it is not installed."""
    try:
        said = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return None
    named = [
        line.rpartition(" :: ")[2]
        for line in said.get_all("Classifier") or ()
        if line.startswith("License ::") and not line.endswith("OSI Approved")
    ]
    text = (said.get("License") or "").strip()
    short = text if text and len(text) < 60 and "\n" not in text else None
    return said.get("License-Expression") or " AND ".join(named) or short


def plain(exported: dict[str, Any]) -> dict[str, Any]:
    """``exported`` with what matters: names, versions, licences, markers, what needs what."""
    components = []
    for part in exported["components"]:
        kept = {key: part[key] for key in ("type", "bom-ref", "name", "version", "purl") if key in part}
        named = licence(part["name"])
        if named:
            kept["licenses"] = [{"license": {"name": named}}]
        properties = [
            {"name": "marker", "value": each["value"]}
            for each in part.get("properties", ())
            if each["name"] == "uv:package:marker"
        ]
        if properties:
            kept["properties"] = properties
        components.append(kept)
    root = {**exported["metadata"]["component"], "version": __version__}
    root.pop("properties", None)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": exported["specVersion"],
        "version": 1,
        "metadata": {"component": root},
        "components": components,
        "dependencies": exported["dependencies"],
    }


def check(text: str) -> None:
    """Raises `SystemExit` unless ``text`` is CycloneDX 1.5."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    wrong = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text)
    if wrong is not None:
        raise SystemExit(f"this is no CycloneDX: {wrong}")


def main() -> None:
    PLACE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "clipstr"
        (folder / "src" / "clipstr").mkdir(parents=True)
        for part in ("pyproject.toml", "README.md", "LICENSE", "NOTICE", "src/clipstr/__init__.py"):
            (folder / part).write_bytes((ROOT / part).read_bytes())
        uv("lock", "--quiet", folder=folder)
        for extra in (BASE, *extras()):
            asked = () if extra == BASE else ("--extra", extra)
            said = uv(
                *(
                    "export",
                    "--quiet",
                    "--frozen",
                    "--no-dev",
                    "--preview",
                    "--format",
                    "cyclonedx1.5",
                    *asked,
                ),
                folder=folder,
            )
            text = json.dumps(plain(json.loads(said)), indent=1, ensure_ascii=False) + "\n"
            text = re.sub(r'(?<=")([\w.\-]+)-\d+(?=@)', r"\1", text)  # uv numbers them by what it saw first
            text = re.sub(r'"clipstr-\d+"', '"clipstr"', text)
            check(text)
            (PLACE / f"{extra}.cdx.json").write_text(text, encoding="utf-8")
            print(f"{extra}: {len(json.loads(text)['components'])} packages", file=sys.stderr)


if __name__ == "__main__":
    main()
