"""``clipstr serve`` as a process: from its first line to its last."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

import serving
import toy
from clipstr.serve.service import Service  # noqa: F401  # the extra is there, or these tests say that it is not
from pictures import encoded

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are those of POSIX")

SOURCE = Path(__file__).resolve().parents[1] / "src"
LONGEST = 60


def command(arguments: Sequence[str | Path]) -> list[str]:
    return [sys.executable, "-m", "clipstr", "serve", *map(str, arguments)]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(SOURCE), **more}


@contextmanager
def served(*arguments: str | Path, **more: str) -> Iterator[tuple[subprocess.Popen[str], serving.Running]]:
    """A service in a process of its own, ready; killed at the end if it still runs."""
    process = subprocess.Popen(
        command(["--port", "0", "--no-scan", *arguments]),
        env=environment(**more),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        ready = json.loads(process.stderr.readline())
        assert ready["event"] == "ready", ready
        host, _, port = ready["addresses"][0].rpartition(":")
        assert host == "127.0.0.1"
        yield process, serving.Running(None, int(port))  # type: ignore[arg-type]
    finally:
        process.kill()
        process.communicate(timeout=LONGEST)


def test_sigterm_finishes_what_was_begun_refuses_the_rest_and_ends_well(toy_model: Path) -> None:
    word = encoded(toy.spelled("abc"))
    # A wait for company that is long enough for the signal to come in between.
    with served("--model", toy_model, "--wait", "2000") as (process, service):
        assert service.get("/readyz").status == 200
        answers: list[serving.Answer] = []
        asking = threading.Thread(target=lambda: answers.append(service.post("/v1/read", word)))
        asking.start()
        serving.until(lambda: "clipstr_queue_words 1.0" in service.get("/metrics").body.decode())
        process.send_signal(signal.SIGTERM)
        serving.until(lambda: service.get("/readyz").status == 503)
        assert service.get("/healthz").status == 200
        refused = service.post("/v1/read", word)
        assert refused.status == 503
        assert refused.values["error"]["type"] == "draining"
        assert int(refused.headers["retry-after"]) >= 1
        asking.join(LONGEST)
        assert [answer.texts for answer in answers] == [["abc"]]
        assert process.wait(LONGEST) == 0
        assert process.stderr is not None
        events = [json.loads(line)["event"] for line in process.stderr.read().splitlines()]
        assert "draining" in events


def test_a_second_signal_ends_at_once(toy_model: Path) -> None:
    with served("--model", toy_model, "--wait", "60000") as (process, service):
        connection = service.connect()
        connection.request("POST", "/v1/read", encoded(toy.spelled("abc")))
        serving.until(lambda: "clipstr_queue_words 1.0" in service.get("/metrics").body.decode())
        process.send_signal(signal.SIGINT)
        serving.until(lambda: service.get("/readyz").status == 503)
        process.send_signal(signal.SIGINT)
        process.wait(10)
        assert connection.getresponse().status == 503


def test_a_log_that_nobody_reads_holds_up_no_answer(toy_model: Path) -> None:
    word = encoded(toy.spelled("abc"))
    with served("--model", toy_model) as (process, service):
        connection = service.connect()
        for _ in range(400):  # lines of more than 64 KiB, which is what a pipe takes
            connection.request("POST", "/v1/read?second_looks=no", word)
            response = connection.getresponse()
            response.read()
            assert response.status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(LONGEST) == 0


def test_the_token_comes_from_the_environment_or_a_file_and_not_from_the_command_line(
    toy_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("from-a-file\n", encoding="utf-8")
    for arguments, more, token in (
        (("--token-file", tmp_path / "token"), {}, "from-a-file"),
        ((), {"CLIPSTR_TOKEN": "from-the-environment"}, "from-the-environment"),
    ):
        with served("--model", toy_model, *arguments, **more) as (_, service):
            assert service.get("/v1/models").status == 401
            assert service.get("/v1/models", {"Authorization": f"Bearer {token}"}).status == 200


def ended(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(arguments),
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )


def test_what_cannot_be_served_ends_with_a_message_and_a_status(toy_model: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = ended("--model", toy_model, "--port", str(port))
        assert result.returncode == 1
        assert str(port) in result.stderr
        assert "Traceback" not in result.stderr
    for arguments, more in (
        (("--model", "no-such-model"), {}),
        (("--queue", "2"), {}),
        (("--token-file", tmp_path / "none"), {}),
        ((), {"CLIPSTR_TOKEN": ""}),
    ):
        result = ended(*arguments, **more)
        assert result.returncode == 2, result.stderr
        assert result.stderr.startswith("clipstr: ")
        assert "Traceback" not in result.stderr
