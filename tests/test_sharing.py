"""Readers in threads, children and other processes, and what reading leaves behind: nothing."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import clipstr
import toy
from clipstr.errors import InputError
from clipstr.reader import LARGEST_BATCH, Reader


def environment(**more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    return {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"} | kept | more


@pytest.mark.parametrize("command", ["read", "evaluate"])
def test_reading_leaves_the_home_folder_empty_and_opens_no_socket(
    toy_model: Path, tmp_path: Path, command: str
) -> None:
    home, data = tmp_path / "home", tmp_path / "data"
    for folder in (home, data):
        folder.mkdir()
    toy.spelled("face").save(data / "face.png")
    (data / "labels.tsv").write_text("face.png\tface\n", encoding="utf-8")
    words = ["read", str(data / "face.png")] if command == "read" else ["evaluate", "--data", str(data)]
    program = (
        "import socket, sys\n"
        "def refused(*_, **__): raise AssertionError('a socket')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refused\n"
        "from clipstr.cli.main import run\n"
        f"sys.argv = ['clipstr', *{[*words, '--model', str(toy_model)]!r}]\n"
        "run()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(HOME=str(home)),
        cwd=home,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert "face" in ended.stdout or "100" in ended.stdout
    assert "onnxruntime" not in ended.stderr
    assert list(home.rglob("*")) == []


FORKS = """
import io, os, sys, threading, time
import toy
from PIL import Image
import clipstr

model, content = sys.argv[1], io.BytesIO()
toy.spelled("face").save(content, "PNG")
content = content.getvalue()
stop = threading.Event()

def work(number):
    while not stop.is_set():
        reader = clipstr.Reader(model, threads=2)
        clipstr._kept.clear()
        assert clipstr.read(content, model=model).text == "face"
        assert reader.read([content] * 3)[2].text == "face"

for number in range(3):
    threading.Thread(target=work, args=(number,), daemon=True).start()
shared = clipstr.Reader(model, threads=2)
for _ in range(50):
    child = os.fork()
    if not child:
        right = clipstr.read(content, model=model).text == shared.read(content).text == "face"
        os._exit(0 if right else 1)
    until = time.monotonic() + 60
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            assert status == 0, status
            break
        if time.monotonic() > until:
            os.kill(child, 9)
            os.waitpid(child, 0)
            sys.exit("a child hangs")
        time.sleep(0.002)
stop.set()
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_children_read_whatever_the_threads_of_their_parent_were_doing(toy_model: Path) -> None:
    """From the first import on: the threads import, open models and decode pictures while 50 forks happen."""
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKS, str(toy_model)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_reader_comes_out_of_a_pickle_as_it_went_in(toy_model: Path, tmp_path: Path) -> None:
    reader = Reader(toy_model, threads=1, batch_size=7, lexicon=["head", "hag"], second_looks=False)
    again = pickle.loads(pickle.dumps(reader))
    picture = toy.spelled("heag")
    assert again.read(picture) == reader.read(picture)
    assert (again.name, again.batch_size, again.second_looks) == ("toy", 7, False)


def copied(toy_model: Path, folder: Path) -> Path:
    shutil.copytree(toy_model, folder)
    return folder


def test_a_bare_name_means_the_model_of_the_folder_where_one_is(
    toy_model: Path, sharp_toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clipstr, "_kept", OrderedDict())
    copied(toy_model, tmp_path / "one" / "model")
    copied(sharp_toy, tmp_path / "two" / "model")
    doubtful, found = toy.picture([2.4, 3.3]), []
    for place in ("one", "two", "one"):
        monkeypatch.chdir(tmp_path / place)
        found.append(clipstr.read(doubtful, model="model").confidence)
    assert found[0] == found[2] != found[1]
    assert len(clipstr._kept) == 2


def test_a_model_that_was_replaced_is_opened_anew(
    toy_model: Path, sharp_toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clipstr, "_kept", OrderedDict())
    folder = copied(toy_model, tmp_path / "model")
    before = clipstr.read(toy.picture([2.4, 3.3]), model=folder).confidence
    shutil.rmtree(folder)
    copied(sharp_toy, folder)
    assert clipstr.read(toy.picture([2.4, 3.3]), model=folder).confidence != before


def test_only_the_last_models_are_kept(
    toy_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clipstr, "_kept", OrderedDict())
    for number in range(7):
        clipstr.read(toy.spelled("a"), model=copied(toy_model, tmp_path / str(number)))
    assert len(clipstr._kept) == clipstr._MOST_KEPT
    assert str(tmp_path / "6") in next(reversed(clipstr._kept))[1][0]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"model": None}, "model is None"),
        ({"model": 7}, "model is 7"),
        ({"model": ""}, "model is ''"),
        ({"threads": 1.5}, "threads is 1.5"),
        ({"threads": "2"}, "threads is '2'"),
        ({"threads": 10**11}, "threads is 100000000000"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": 2.5}, "batch_size is 2.5"),
        ({"batch_size": LARGEST_BATCH + 1}, "batch_size is "),
        ({"second_looks": "no"}, "second_looks is 'no'"),
        ({"allow": [2]}, "allow is "),
        ({"allow": ["a", "b"]}, "allow is "),
        ({"lexicon": [2026]}, r"lexicon\[0\] is 2026"),
        ({"lexicon": "coffee"}, r"lexicon is 'coffee'; it must be a list of words, such as \['coffee'\]"),
        ({"lexicon": 5}, "lexicon is 5"),
    ],
    ids=str,
)
def test_a_wrong_argument_is_told_by_its_name(toy_model: Path, wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=f"^{named}"):
        Reader(**{"model": toy_model} | wrong)
    if wrong.keys() <= {"model", "allow", "lexicon"}:
        with pytest.raises(InputError, match=f"^{named}"):
            clipstr.read(toy.spelled("a"), **{"model": toy_model} | wrong)


@pytest.mark.parametrize(
    "single",
    ["a.png", Path("a.png"), b"bytes", Image.new("L", (8, 8)), np.zeros((8, 8)), 7, None],
    ids=lambda single: type(single).__name__,
)
def test_a_single_picture_where_many_are_meant_is_refused(toy_model: Path, single: Any) -> None:
    reader = Reader(toy_model, threads=1)
    for many in (reader.stream, reader.read_images):
        with pytest.raises(InputError, match="must be a list of pictures"):
            many(single)
