"""`clipstr.experiments`: cells are kept, gone on with, and made again only when their key changes."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from clipstr.errors import DataError, ExperimentError, UnfinishedError
from clipstr.experiments import Cell, Experiment, Turn, accuracies, train

Calls = list[str]


def cell(name: str, calls: Calls, *, failure: Exception | None = None, **key: Any) -> Cell:
    def make(turn: Turn) -> Mapping[str, Any]:
        calls.append(name)
        if failure is not None:
            raise failure
        return {"name": name, "key": key}

    return Cell(name=name, key=key, make=make)


def test_what_is_finished_is_not_made_again(tmp_path: Path) -> None:
    calls: Calls = []
    cells = [cell("one", calls, seed=0), cell("two", calls, seed=0)]
    first = Experiment(tmp_path).finish(cells)
    again = Experiment(tmp_path).finish([*cells, cell("three", calls, seed=0)])
    assert calls == ["one", "two", "three"]
    assert first == again[:2] == [{"name": n, "key": {"seed": 0}} for n in ("one", "two")]


def test_another_key_is_another_cell_and_the_order_of_a_key_is_not(tmp_path: Path) -> None:
    calls: Calls = []
    experiment = Experiment(tmp_path)
    experiment.finish([cell("one", calls, a=1, b=2)])
    experiment.finish([cell("one", calls, b=2, a=1)])
    assert calls == ["one"]
    assert experiment.finish([cell("one", calls, a=1, b=3)]) == [{"name": "one", "key": {"a": 1, "b": 3}}]
    assert calls == ["one", "one"]


def test_a_cell_that_fails_stops_no_other_and_is_named(tmp_path: Path) -> None:
    calls: Calls = []
    cells = [cell("bad", calls, failure=ExperimentError("why")), cell("good", calls)]
    with pytest.raises(ExperimentError, match="1 of 2 cells failed: bad: why"):
        Experiment(tmp_path).finish(cells)
    assert calls == ["bad", "good"]
    assert Experiment(tmp_path).finished(cells[1]) == {"name": "good", "key": {}}
    assert Experiment(tmp_path).finished(cells[0]) is None


def test_what_could_not_be_finished_is_told_as_such(tmp_path: Path) -> None:
    calls: Calls = []
    with pytest.raises(UnfinishedError, match="1 of 2 cells are not finished: long; call again"):
        Experiment(tmp_path).finish([cell("long", calls, failure=UnfinishedError("x")), cell("short", calls)])
    with pytest.raises(UnfinishedError, match="2 of 2"):
        Experiment(tmp_path / "new").finish([cell("a", calls), cell("b", calls)], seconds=0)
    assert calls == ["long", "short"]


def test_a_faulty_cell_is_a_fault_of_ours_and_is_raised(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        Experiment(tmp_path).finish([cell("bug", [], failure=ZeroDivisionError())])


def test_cells_may_be_made_side_by_side_and_come_in_order(tmp_path: Path) -> None:
    def make(turn: Turn) -> dict[str, Any]:
        others.append(turn.folder.name)
        end = time.monotonic() + 20
        while len(others) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        return {"met": len(others)}

    others: list[str] = []
    cells = [Cell(name=name, key={}, make=make) for name in ("a", "b")]
    assert Experiment(tmp_path).finish(cells, parallel=2) == [{"met": 2}, {"met": 2}]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": "other"}', '{"format": "clipstr-cell/1"}'])
def test_a_damaged_cell_is_told_and_never_taken(tmp_path: Path, content: str) -> None:
    one = cell("one", [])
    experiment = Experiment(tmp_path)
    experiment.finish([one])
    (experiment.place(one) / "cell.json").write_text(content)
    with pytest.raises(DataError, match=r"cell\.json is no finished cell of 'one'.*: delete it"):
        experiment.finished(one)


def test_names_of_any_kind_make_folders(tmp_path: Path) -> None:
    names = ["both, L1", "../up", "a/b", "", "ä" * 300, "."]
    experiment = Experiment(tmp_path)
    experiment.finish([cell(name, [], n=number) for number, name in enumerate(names)])
    assert len(list(tmp_path.iterdir())) == len(names)


def _work(folder: Path) -> None:
    def make(turn: Turn) -> dict[str, Any]:
        with (turn.folder / "steps").open("a") as file:
            file.write("x")
        if turn.folder.name.startswith("slow"):
            time.sleep(60)
        return {"pid": os.getpid()}

    Experiment(folder).finish([Cell(name=name, key={}, make=make) for name in ("quick", "slow")])


def test_a_killed_experiment_keeps_what_was_finished(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_work, args=(tmp_path,))
    process.start()
    end = time.monotonic() + 60
    while not any(tmp_path.glob("slow*/steps")) and time.monotonic() < end:
        time.sleep(0.02)
    process.kill()
    process.join()
    (quick,) = tmp_path.glob("quick*/cell.json")
    assert json.loads(quick.read_text())["result"] == {"pid": process.pid}
    calls: Calls = []
    cells = [cell("quick", calls), cell("slow", calls)]
    assert Experiment(tmp_path).finish(cells)[0] == {"pid": process.pid}
    assert calls == ["slow"]


def test_a_training_that_fails_tells_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(ExperimentError, match=r"failed with status 2: .*no-such\.toml"):
        train(["train", str(tmp_path / "no-such.toml")], Turn(folder=tmp_path / "cell"))
    assert "no-such.toml" in (tmp_path / "cell" / "log.txt").read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="locks are those of Unix")
def test_a_folder_in_which_another_training_works_is_left_alone(tmp_path: Path) -> None:
    import fcntl

    with (tmp_path / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(ExperimentError, match="another process still works in"):
            train(["train", "recipe.toml"], Turn(folder=tmp_path))


def test_the_accuracies_are_those_at_the_end(tmp_path: Path) -> None:
    lines = [{"accuracy": {"mean": 0.9}}, {"accuracy": {"mean": 0.4}}, {"loss": 1}]
    (tmp_path / "losses.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert accuracies(tmp_path) == {"mean": 0.4}
