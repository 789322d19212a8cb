"""The limits of a service, as HTTP tells them: bytes, pictures, pixels, words, the queue, time."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import toy
from clipstr.errors import InputError
from clipstr.serve.settings import Limits, ServiceSettings
from pictures import encoded
from serving import Running, base64_of, picture, running, small_service, until


@pytest.fixture(scope="module")
def served(toy_model: Path) -> Iterator[Running]:
    with running(small_service(toy_model)) as service:
        yield service


def test_too_many_bytes_are_refused_before_they_are_sent(served: Running) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
        lines = (b"POST /v1/read HTTP/1.1", b"Host: x", b"Content-Length: 100001", b"Expect: 100-continue")
        connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n")
        head = connection.recv(10_000)
    assert head.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in head.lower()


def test_who_sends_too_much_hears_of_it_and_the_connection_stays(served: Running) -> None:
    connection = served.connect()
    for _ in range(3):
        connection.request("POST", "/v1/read", bytes(300_000))
        answer = connection.getresponse()
        assert answer.status == 413
        answer.read()
        assert connection.sock is not None
    connection.request("POST", "/v1/read", picture("abc"))
    assert connection.getresponse().status == 200
    connection.close()


def test_too_many_bytes_are_refused_if_their_number_is_not_told(served: Running) -> None:
    answer = served.ask("POST", "/v1/read", (b"x" * 10_000 for _ in range(11)))
    assert answer.status == 413
    assert answer.values["error"]["type"] == "too_large"
    assert served.service.held.now == 0


def test_too_many_pictures_or_words_are_refused(served: Running) -> None:
    many = [("x.png", picture("a"))] * 5
    for answer in (
        served.post_files("/v1/read", many),
        served.post_files("/v1/read", many * 3),
        served.post_json("/v1/read", {"pictures": [base64_of("a")] * 5}),
        served.post_json("/v1/read", {"pictures": [base64_of("a")], "lexicon": ["a"] * 6}),
    ):
        assert answer.status == 413, answer.body


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_unpacked(served: Running) -> None:
    answer = served.post_files(
        "/v1/read", [("big", encoded(toy.spelled("a").resize((300, 200)))), ("a", picture("a"))]
    )
    assert answer.kinds == ["ImageTooLargeError", None]


class _Blocked:
    """Holds up the reading of a service until it is let go."""

    def __init__(self, served: Running, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        read = served.service.words.batcher._work

        def work(options: Any, pictures: Any) -> Any:
            self.begun.set()
            assert self.go.wait(30)
            return read(options, pictures)

        monkeypatch.setattr(served.service.words.batcher, "_work", work)


@pytest.fixture
def blocked(served: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Blocked]:
    block = _Blocked(served, monkeypatch)
    yield block
    block.go.set()
    until(lambda: served.service.words.batcher.waiting == 0 and served.service._begun == 0)


def _asking(served: Running, results: list[Any], words: int = 1) -> threading.Thread:
    files = [("x", picture("abc"))] * words
    thread = threading.Thread(target=lambda: results.append(served.post_files("/v1/read", files)))
    thread.start()
    return thread


def test_a_full_queue_refuses_at_once_and_loses_nobody(served: Running, blocked: _Blocked) -> None:
    results: list[Any] = []
    threads = [_asking(served, results)]
    assert blocked.begun.wait(10)
    threads += [_asking(served, results, words=4) for _ in range(2)]
    until(lambda: served.service.words.batcher.waiting == 8)
    answer = served.post("/v1/read", picture("abc"))
    assert answer.status == 429
    assert answer.values["error"]["type"] == "queue_full"
    assert int(answer.headers["retry-after"]) >= 1
    blocked.go.set()
    for thread in threads:
        thread.join(10)
    assert sorted(len(result.texts) for result in results) == [1, 4, 4]
    assert all(text == "abc" for result in results for text in result.texts)


def test_who_has_gone_leaves_the_queue(served: Running, blocked: _Blocked) -> None:
    thread = _asking(served, [])
    assert blocked.begun.wait(10)
    connection = served.connect()
    connection.request("POST", "/v1/read", picture("abc"))
    until(lambda: served.service.words.batcher.waiting == 1)
    connection.close()
    until(lambda: served.service.words.batcher.waiting == 0)
    blocked.go.set()
    thread.join(10)


def test_bodies_that_are_too_much_together_are_refused(served: Running, blocked: _Blocked) -> None:
    big = picture("abc") + bytes(90_000)  # what stands behind a picture's end does no harm
    thread = threading.Thread(target=lambda: served.post("/v1/read", big))
    thread.start()
    assert blocked.begun.wait(10)
    answer = served.post("/v1/read", big)
    assert answer.status == 429
    assert answer.values["error"]["type"] == "too_busy"
    blocked.go.set()
    thread.join(10)
    assert served.service.held.now == 0


def test_what_takes_too_long_is_refused_in_time(toy_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ServiceSettings(scans=False, models=(str(toy_model),), threads=1, limits=Limits(seconds=0.3))
    with running(settings) as served:
        block = _Blocked(served, monkeypatch)
        answer = served.post("/v1/read", picture("abc"))
        assert answer.status == 503
        assert answer.values["error"]["type"] == "too_slow"
        with socket.create_connection(("127.0.0.1", served.port), timeout=10) as connection:
            connection.sendall(b"POST /v1/read HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nslow")
            assert connection.recv(1000).startswith(b"HTTP/1.1 503 ")
        block.go.set()


def test_limits_that_cannot_be_kept_are_told() -> None:
    for wrong in ({"queue": 8, "items": 9}, {"bytes": 0}, {"seconds": float("nan")}, {"held_bytes": 1}):
        with pytest.raises(InputError):
            Limits(**wrong)
    for settings in (
        {"models": ()},
        {"token": ""},
        {"token": "a\nb"},
        {"origins": ("mine",)},
        {"workers": 0},
    ):
        with pytest.raises(InputError):
            ServiceSettings(**settings)
