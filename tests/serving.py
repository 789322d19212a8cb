"""A service on a real port of this machine, and the few words of HTTP that tests need to speak with it."""

from __future__ import annotations

import base64
import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

import toy
from clipstr.serve.application import application
from clipstr.serve.service import Service
from clipstr.serve.settings import Limits, ServiceSettings
from pictures import encoded

BOUNDARY = "a-boundary-that-no-picture-has"
LONGEST = 30.0  # seconds that anything may take here


LIMITS = Limits(bytes=100_000, held_bytes=150_000, items=4, pixels=50_000, words=5, queue=8)


def small_service(model: Path) -> ServiceSettings:
    """A service of ``model`` that reads words within `LIMITS`."""
    return ServiceSettings(scans=False, models=(str(model),), threads=1, limits=LIMITS)


def picture(text: str) -> bytes:
    """The picture of ``text`` that the toy model reads, as a file's bytes."""
    return encoded(toy.spelled(text))


def base64_of(text: str) -> str:
    return base64.b64encode(picture(text)).decode()


@dataclass(frozen=True)
class Answer:
    """A status, the headers in small letters, and the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def values(self) -> Any:
        return json.loads(self.body)

    @property
    def texts(self) -> list[str | None]:
        """What was read in each picture, None where it could not be."""
        return [item.get("text") for item in self.values["items"]]

    @property
    def kinds(self) -> list[str | None]:
        """The type of each picture's error, None where it was read."""
        return [item.get("error", {}).get("type") for item in self.values["items"]]


@dataclass
class Running:
    """A service that runs, and its port."""

    service: Service
    port: int
    token: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONGEST)

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        connection = self.connect()
        try:
            connection.request(method, path, body, {**self.headers, **(headers or {})})
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.ask("GET", path, None, headers)

    def post(self, path: str, body: bytes, kind: str = "image/png") -> Answer:
        return self.ask("POST", path, body, {"Content-Type": kind})

    def post_json(self, path: str, values: object) -> Answer:
        return self.post(path, json.dumps(values).encode(), "application/json")

    def post_files(
        self, path: str, files: Sequence[tuple[str, bytes]], fields: Sequence[tuple[str, str]] = ()
    ) -> Answer:
        return self.post(path, multipart(files, fields), f"multipart/form-data; boundary={BOUNDARY}")


def multipart(files: Sequence[tuple[str, bytes]], fields: Sequence[tuple[str, str]] = ()) -> bytes:
    """A form of ``files`` (name and content) and ``fields`` (name and value)."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields
    ]
    for name, content in files:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        parts.append(head.encode() + content + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


@contextmanager
def running(settings: ServiceSettings) -> Iterator[Running]:
    """A service of ``settings`` on a free port, in a thread of this process; ended by leaving the context."""
    service = Service(settings)
    config = uvicorn.Config(application(service), port=0, log_config=None, access_log=False, lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        headers = {"Authorization": f"Bearer {settings.token}"} if settings.token else {}
        yield Running(service, port, settings.token, headers)
    finally:
        server.should_exit = True
        thread.join(LONGEST)
        assert not thread.is_alive(), "the server did not end"


def until(true: Any, seconds: float = LONGEST) -> None:
    """Waits until ``true()``; fails if that takes longer than ``seconds``."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)
