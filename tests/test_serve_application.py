"""The service over real HTTP, with a toy model whose every answer is known."""

from __future__ import annotations

import base64
import json
import logging
import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import toy
from clipstr.reader import Reader
from clipstr.serve.settings import ServiceSettings
from pictures import encoded
from serving import BOUNDARY, Running, base64_of, multipart, picture, running, small_service, until


@pytest.fixture(scope="module")
def served(toy_model: Path) -> Iterator[Running]:
    with running(small_service(toy_model)) as service:
        yield service


LOOK_ONCE = ("second_looks", "no")  # the oracle knows what one look sees
WORDS = ["abc", "deaf", "h"]


def test_files_are_read_in_order_exactly_as_the_reader_reads_them(served: Running, toy_model: Path) -> None:
    answer = served.post_files("/v1/read", [(f"{word}.png", picture(word)) for word in WORDS])
    assert answer.status == 200
    wanted = [
        {"name": f"{word}.png", **reading.to_dict()}
        for word, reading in zip(WORDS, Reader(toy_model).read([*map(toy.spelled, WORDS)]), strict=True)
    ]
    assert answer.values == {"model": "toy", "items": wanted}


def test_bytes_as_the_body_and_base64_in_json_say_the_same_as_files(served: Running) -> None:
    for kind in ("image/png", "application/octet-stream", "application/x-www-form-urlencoded", ""):
        assert served.post("/v1/read", picture("bad"), kind).texts == ["bad"]
    pictures = [base64_of("abc"), {"name": "second", "data": base64_of("fade")}]
    answer = served.post_json("/v1/read", {"pictures": pictures})
    assert answer.texts == ["abc", "fade"]
    assert [item.get("name") for item in answer.values["items"]] == [None, "second"]


def test_a_picture_that_fails_tells_its_error_and_the_others_are_read(served: Running) -> None:
    files = [("a", picture("abc")), ("b", b"no picture"), ("c", b""), ("d", picture("bed")[:60])]
    answer = served.post_files("/v1/read", files)
    assert answer.status == 200
    assert answer.texts == ["abc", None, None, None]
    assert answer.kinds == [None, "NotAnImageError", "EmptyImageError", "DamagedImageError"]
    answer = served.post_json("/v1/read", {"pictures": ["?", 7, {"data": None}, base64_of("abc")]})
    assert answer.texts == [None, None, None, "abc"]


def test_a_request_of_which_nothing_can_be_read_has_a_status_that_says_so(served: Running) -> None:
    answer = served.post("/v1/read", b"no picture at all")
    assert answer.status == 422
    assert answer.kinds == ["NotAnImageError"]


def test_options_may_stand_in_the_address_in_fields_or_in_json(served: Running) -> None:
    unclear = encoded(toy.picture([1.45, 2.0]))  # between a and b
    assert served.post("/v1/read?allow=bB", unclear).texts == ["bb"]
    assert served.post_files("/v1/read", [("x", unclear)], [("allow", "b")]).texts == ["bb"]
    data = base64.b64encode(unclear).decode()
    assert served.post_json("/v1/read", {"pictures": [data], "allow": "b"}).texts == ["bb"]
    for answer in (
        served.post("/v1/read?lexicon=hag&lexicon=bead&second_looks=no", picture("head")),
        served.post_files("/v1/read", [("x", picture("head"))], [("lexicon", "hag\nbead\n"), LOOK_ONCE]),
        served.post_json(
            "/v1/read", {"pictures": [base64_of("head")], "lexicon": ["hag", "bead"], "second_looks": False}
        ),
    ):
        assert answer.texts == ["bead"]
        match = answer.values["items"][0]["match"]
        assert (match["free_text"], match["distance"]) == ("head", 1)
        assert 0 < match["free_confidence"] < 1


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("allow=xyz", "bad_option"),
        ("lexicon=xyz", "bad_option"),
        ("second_looks=perhaps", "bad_option"),
        ("model=huge", "unknown_model"),
        ("model=/etc", "unknown_model"),
        ("alow=a", "unknown_option"),
    ],
)
def test_options_that_make_no_sense_are_told(served: Running, query: str, kind: str) -> None:
    answer = served.post(f"/v1/read?{query}", picture("abc"))
    assert answer.status == 422
    assert answer.values["error"]["type"] == kind
    assert answer.values["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"pictures": "YQ=="}', b'{"pictures": []}', b"[" * 50_000, b"\xff\xfe"],
)
def test_json_that_asks_for_nothing_is_told(served: Running, body: bytes) -> None:
    answer = served.post("/v1/read", body, "application/json")
    assert answer.status == 422
    assert answer.values["error"]["type"] in ("bad_json", "no_pictures")


def test_words_come_as_documents_too(served: Running) -> None:
    files = [("a.png", picture("abc")), ("b.png", b"no picture"), ("c.png", picture("deaf"))]
    kinds = {"text": "text/plain", "hocr": "application/xhtml+xml", "alto": "application/xml"}
    for format_, kind in {**kinds, "pdf": "application/pdf"}.items():
        answer = served.post_files(f"/v1/read?format={format_}", files)
        assert answer.status == 200
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["clipstr-failed"] == "1"
        assert "attachment" in answer.headers["content-disposition"]
        if format_ == "pdf":
            assert answer.body.startswith(b"%PDF-")
        else:
            assert answer.body.index(b"abc") < answer.body.index(b"deaf")
    assert served.post_files("/v1/read?format=text", files[1:2]).status == 422
    assert served.post("/v1/read?format=exe", picture("abc")).status == 422


def test_photographs_are_not_read_by_who_was_told_not_to(served: Running) -> None:
    answer = served.post("/v1/scan", picture("abc"))
    assert answer.status == 501
    assert answer.values["error"]["type"] == "no_scans"


def test_nothing_that_is_sent_makes_a_server_error(served: Running) -> None:
    draw = random.Random(20)
    sound = multipart([("a.png", picture("abc"))], [("allow", "abc")])
    kinds = ("image/png", "application/json", f"multipart/form-data; boundary={BOUNDARY}")
    wrong = ("multipart/form-data", "multipart/form-data; boundary=", "application/json; charset=none")
    for number in range(150):
        body = bytearray(sound)
        for _ in range(draw.randrange(1, 30)):
            body[draw.randrange(len(body))] = draw.randrange(256)
        cut = bytes(body[: draw.randrange(len(body))])
        answer = served.post("/v1/read", cut, (*kinds, *wrong)[number % 6])
        assert answer.status in (200, 413, 422), (answer, cut)
        answer.values  # noqa: B018  # it is JSON


def test_no_path_and_no_address_in_a_request_is_ever_opened(
    served: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "abc.png"
    file.write_bytes(picture("abc"))
    opened: list[object] = []
    opens = Path.open
    monkeypatch.setattr(Path, "open", lambda path, *rest: opened.append(path) or opens(path, *rest))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/abc.png"
        for named in (str(file), f"file://{file}", address):
            assert served.post_json("/v1/read", {"pictures": [named]}).kinds == ["NotAnImageError"]
            assert served.post("/v1/read", named.encode(), "text/plain").kinds == ["NotAnImageError"]
            assert served.post_files("/v1/read", [(named, b"")]).kinds == ["EmptyImageError"]
            answer = served.post_files("/v1/read", [("x", picture("abc"))], [("lexicon", f"abc\n{named}")])
            assert answer.texts == ["abc"]  # the other is a word to choose from, and nothing else
        with pytest.raises(TimeoutError):
            listening.accept()
    assert opened == []


def test_what_nobody_serves_is_told_like_every_other_error(served: Running) -> None:
    assert served.get("/v1/nothing").status == 404
    answer = served.get("/v1/read")
    assert answer.status == 405
    assert answer.values["error"]["type"] == "not_allowed"
    assert "POST" in answer.headers["allow"]


def test_health_readiness_models_and_metrics_are_told(served: Running, toy_model: Path) -> None:
    assert served.get("/healthz").status == 200
    assert served.get("/readyz").values == {"status": "ready"}
    (model,) = served.get("/v1/models").values["models"]
    assert (model["name"], model["default"], model["characters"]) == ("toy", True, "abcdefgh")
    before = _metric(served, 'clipstr_pictures_total{outcome="read",path="/v1/read"}')
    served.post("/v1/read", picture("abc"))
    for number in range(20):
        served.get(f"/made-up-{number}")
    assert _metric(served, 'clipstr_pictures_total{outcome="read",path="/v1/read"}') == before + 1
    assert "made-up" not in served.get("/metrics").body.decode()


def _metric(served: Running, name: str) -> float:
    lines = served.get("/metrics").body.decode().splitlines()
    return next((float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name)), 0.0)


def test_every_request_has_its_line_and_no_words_stand_in_it(
    served: Running, toy_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def lines() -> list[dict[str, Any]]:
        return [record.told for record in caplog.records if record.getMessage() == "request"]  # type: ignore[attr-defined]

    with caplog.at_level(logging.INFO, "clipstr.serve"):
        answer = served.post("/v1/read?allow=abc", picture("abc"))
        until(lambda: bool(lines()))
        (line,) = lines()
        assert answer.headers["x-request-id"] == line["request"]
        assert (line["status"], line["pictures"], line["failed"]) == (200, 1, 0)
        assert "abc" not in json.dumps({**line, "request": ""})
        caplog.clear()
        with running(
            ServiceSettings(scans=False, models=(str(toy_model),), threads=1, log_words=True)
        ) as telling:
            telling.post("/v1/read", picture("abc"))
        assert lines()[0]["words"] == ["abc"]


def test_a_token_opens_what_reads_and_nothing_else_does(toy_model: Path) -> None:
    with running(
        ServiceSettings(scans=False, models=(str(toy_model),), threads=1, token="open-sesame")
    ) as served:
        assert served.post("/v1/read", picture("abc")).texts == ["abc"]
        for given in ("", "Bearer", "Bearer ", "Bearer open", "Basic open-sesame", "Bearer öpen-sesame"):
            for method, path in (("POST", "/v1/read"), ("GET", "/v1/models"), ("GET", "/metrics")):
                headers = {"Authorization": given.encode("latin-1")}
                answer = served.ask(method, path, b"x" if method == "POST" else None, headers)
                assert answer.status == 401
                assert answer.headers["www-authenticate"] == "Bearer"
        assert served.get("/healthz", {"Authorization": ""}).status == 200
        assert served.get("/readyz", {"Authorization": ""}).status == 200


def test_other_pages_may_ask_only_if_they_are_named(served: Running, toy_model: Path) -> None:
    origin = {"Origin": "https://mine.example"}
    assert "access-control-allow-origin" not in served.get("/healthz", origin).headers
    with running(
        ServiceSettings(scans=False, models=(str(toy_model),), origins=("https://mine.example",))
    ) as open_:
        assert open_.get("/healthz", origin).headers["access-control-allow-origin"] == "https://mine.example"
        other = open_.get("/healthz", {"Origin": "https://other.example"})
        assert "access-control-allow-origin" not in other.headers
        asked = {**origin, "Access-Control-Request-Method": "POST"}
        assert open_.ask("OPTIONS", "/v1/read", None, asked).status == 200
