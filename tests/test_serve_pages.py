"""`clipstr.serve.openapi` and `clipstr.serve.pages`: what is described is what is answered."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import toy
from clipstr.serve.settings import ServiceSettings
from pictures import encoded
from serving import Running, running

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def served() -> Iterator[Running]:
    with running(ServiceSettings(threads=2)) as service:
        yield service


@pytest.fixture(scope="module")
def api(served: Running) -> Any:
    return served.get("/openapi.json").values


def samples(api: Any) -> list[str]:
    return [
        sample["source"]
        for methods in api["paths"].values()
        for does in methods.values()
        for sample in does["x-codeSamples"]
    ]


def require(api: Any, path: str, status: int, values: object) -> None:
    """Fails unless ``values`` are what ``api`` says of the answer with ``status``."""
    content = api["paths"][path]["post"]["responses"][str(status)]["content"]
    schema = {**content["application/json"]["schema"], "components": api["components"]}
    jsonschema.validate(values, schema)


def test_every_command_of_the_description_works(served: Running, api: Any, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    if shutil.which("curl") is None:
        pytest.skip("there is no curl")
    commands = samples(api)
    assert len(commands) >= 8
    for command in commands:
        result = subprocess.run(
            [*shlex.split(command), "--fail-with-body", "--silent", "--show-error"],
            cwd=tmp_path,
            capture_output=True,
            timeout=30,
            check=False,
        )
        assert result.returncode == 0, (command, result.stdout, result.stderr)
        if "/v1/read" in command:
            require(api, "/v1/read", 200, json.loads(result.stdout))
        elif "/v1/scan" in command and "format" not in command:
            require(api, "/v1/scan", 200, json.loads(result.stdout))
    assert (tmp_path / "hotel.pdf").read_bytes().startswith(b"%PDF-")


def test_the_json_example_works(served: Running, api: Any) -> None:
    body = api["paths"]["/v1/read"]["post"]["requestBody"]["content"]["application/json"]
    jsonschema.validate(body["example"], body["schema"])
    answer = served.post_json("/v1/read", body["example"])
    assert answer.status == 200
    require(api, "/v1/read", 200, answer.values)


def test_every_answer_is_as_described(served: Running, api: Any) -> None:
    word = encoded(toy.spelled("abc"))
    for answer in (
        served.post_files("/v1/read", [("a.png", word), ("b.png", b"no picture")]),
        served.post("/v1/read?lexicon=abc&lexicon=def", word),
        served.post("/v1/read", b"no picture"),
        served.post("/v1/read?allow=%C3%A4", word),
        served.post("/v1/read?model=none", word),
        served.post_files("/v1/read", [("a", word)] * 65),
    ):
        require(api, "/v1/read", answer.status, answer.values)
    with pytest.raises(jsonschema.ValidationError):
        require(api, "/v1/read", 200, {"model": "tiny", "items": [{"txt": ""}]})


def test_the_description_is_openapi_and_names_every_path_that_answers(served: Running, api: Any) -> None:
    assert api["openapi"].startswith("3.1")
    for path in api["paths"]:
        assert served.get(path).status in (200, 405)
    told = served.get("/docs").body.decode()
    assert all(path in told for path in api["paths"])
    identities = [does["operationId"] for methods in api["paths"].values() for does in methods.values()]
    assert len(identities) == len(set(identities))


def test_pages_load_nothing_from_elsewhere_and_run_nothing_but_their_files(served: Running) -> None:
    for path in ("/", "/docs", "/page.js", "/page.css", "/card.js", "/service.js", "/icon.svg"):
        answer = served.get(path)
        assert answer.status == 200
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        text = answer.body.decode().replace("http://www.w3.org/2000/svg", "")
        assert set(re.findall(r"https?://[^/\s]+", text)) <= {f"http://127.0.0.1:{served.port}"}
