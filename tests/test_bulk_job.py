"""Jobs of bulk reading in this process: gone on with after any end, counted to the last row."""

import errno
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clipstr.bulk import Account, Alone, Job, Progress, ReadBatch
from clipstr.bulk.locks import locked
from clipstr.bulk.pieces import PieceReader
from clipstr.errors import BulkError, DataError, InputError, OutputError

pa = pytest.importorskip("pyarrow")

from pyarrow import parquet  # noqa: E402

from tables import DAMAGED, png, result, rows, words, write_table, write_tables  # noqa: E402

COUNT = 150


def job(model: Path, source: Path, out: Path, **settings: Any) -> Job:
    reader = ReadBatch(model, second_looks=False, **settings.pop("reader", {}))
    return Job(source=str(source), out=str(out), reader=reader, piece_rows=16, **settings)


def run(model: Path, source: Path, out: Path, **settings: Any) -> Account:
    return job(model, source, out, **settings).run(Alone)


def expected(count: int = COUNT) -> dict[str, str | None]:
    """What `result` must be for the tables of `write_tables` with three files, by place."""
    kinds = {3: "NotAnImageError", 17: "EmptyImageError", 40: "EmptyImageError"}
    each = -(-count // 3)
    return {f"{n // each}.parquet#{n % each}": kinds.get(n, w) for n, w in enumerate(words(count))}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tables(tmp_path_factory.mktemp("source"), COUNT)


class EndedError(Exception):
    """The end of a process, as far as a test can play it within one."""


def ends_after(pieces: int) -> Callable[[PieceReader], Alone]:
    """A crew that goes down after so many tasks."""

    class Going(Alone):
        done = 0

        def take(self) -> Any:
            if self.done == pieces:
                raise EndedError
            self.done += 1
            return super().take()

    return Going


def test_every_row_is_in_results_or_failures_once(toy_model: Path, source: Path, tmp_path: Path) -> None:
    account = run(toy_model, source, tmp_path / "out")
    assert (account.given, account.read, account.failed) == (COUNT, COUNT - len(DAMAGED), len(DAMAGED))
    assert result(tmp_path / "out") == expected()
    assert not (tmp_path / "out/parts").exists()


def test_the_manifest_says_what_was_done(toy_model: Path, source: Path, tmp_path: Path) -> None:
    run(toy_model, source, tmp_path / "out")
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert manifest["status"] == "complete"
    assert manifest["counts"] == {"given": COUNT, "read": COUNT - 3, "failed": 3, "files": 1}
    assert manifest["input"]["files"] == 3
    assert manifest["model"] == ReadBatch(toy_model).model
    assert manifest["settings"]["second_looks"] is False


def test_the_manifest_does_not_grow_with_the_rows(toy_model: Path, source: Path, tmp_path: Path) -> None:
    run(toy_model, write_tables(tmp_path / "small", 30, files=1), tmp_path / "a")
    run(toy_model, source, tmp_path / "b")
    sizes = [(tmp_path / name / "manifest.json").stat().st_size for name in "ab"]
    assert abs(sizes[0] - sizes[1]) < 40  # digits


def test_a_second_call_reads_nothing_again(toy_model: Path, source: Path, tmp_path: Path) -> None:
    first = run(toy_model, source, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.parquet")}

    def never(reader: PieceReader) -> Alone:
        raise AssertionError("there is nothing to do")

    second = job(toy_model, source, tmp_path / "out").run(never)
    assert (second.given, second.read, second.failed) == (first.given, first.read, first.failed)
    assert second.rows_now == 0
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.parquet")}


@pytest.mark.parametrize("pieces", range(12))
def test_it_goes_on_where_it_ended(toy_model: Path, source: Path, tmp_path: Path, pieces: int) -> None:
    small = job(toy_model, source, tmp_path / "out", file_bytes=6000)
    try:
        small.run(ends_after(pieces))
    except EndedError:
        done = small.run(Alone)
        assert done.rows_now < COUNT or pieces == 0
    assert result(tmp_path / "out") == expected()


KILLED = """
import sys
from clipstr.bulk import Alone, Job, ReadBatch
model, source, out = sys.argv[1:]
reader = ReadBatch(model, second_looks=False)
account = Job(source=source, out=out, reader=reader, piece_rows=16, file_bytes=6000).run(Alone)
print(f"{account.read} + {account.failed} = {account.given}")
"""


def test_killed_at_random_moments_it_loses_nothing_and_doubles_nothing(
    toy_model: Path, tmp_path: Path
) -> None:
    source, out = write_tables(tmp_path / "in", 600), tmp_path / "out"
    command = [sys.executable, "-c", KILLED, str(toy_model), str(source), str(out)]
    chance, kills = random.Random(0), 0
    for _ in range(60):
        before = len(list(out.rglob("*.parquet")))
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        while process.poll() is None and len(list(out.rglob("*.parquet"))) <= before and kills < 6:
            time.sleep(0.005)
        try:
            process.wait(chance.uniform(0, 0.03) if kills < 6 else None)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
            continue
        assert process.returncode == 0
        assert process.stdout is not None
        assert process.stdout.read() == "597 + 3 = 600\n"
        break
    assert kills  # on a quick machine the work may be done before the sixth
    assert result(out) == expected(600)


def test_a_full_disk_ends_it_with_an_error_and_the_next_call_goes_on(
    toy_model: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    calls, fsync = 0, os.fsync

    def full(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 12:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        run(toy_model, source, out)
    monkeypatch.undo()
    assert run(toy_model, source, out).rows_now < COUNT
    assert result(out) == expected()


def test_what_cannot_be_fetched_is_tried_again_and_never_failed(
    toy_model: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, troubles = 0, list[Progress]()
    from clipstr.bulk.stores import Store

    def flaky(self: Store, path: str = "", *, _open: Any = Store.open) -> Any:
        nonlocal opened
        if path.startswith("1."):
            opened += 1
            if opened in (3, 4, 6):
                raise OSError("the network is away")
        return _open(self, path)

    monkeypatch.setattr(Store, "open", flaky)
    job(toy_model, source, tmp_path / "out").run(Alone, troubles.append)
    assert result(tmp_path / "out") == expected()
    assert troubles[-1].troubles == 3


def test_what_can_never_be_fetched_is_missing_and_the_rest_is_read(toy_model: Path, tmp_path: Path) -> None:
    source, out = write_tables(tmp_path / "in", COUNT), tmp_path / "out"
    with pytest.raises(EndedError):
        run_to(toy_model, source, out, 1)
    content = (source / "1.parquet").read_bytes()
    stat = (source / "1.parquet").stat()
    broken = job(toy_model, source, out)

    class Away(Alone):
        def give(self, task: Any) -> None:
            (source / "1.parquet").unlink(missing_ok=True)
            super().give(task)

    with pytest.raises(BulkError, match=r"(?s)1\.parquet.*call the command again"):
        broken.run(Away)
    (source / "1.parquet").write_bytes(content)
    os.utime(source / "1.parquet", ns=(stat.st_mtime_ns, stat.st_mtime_ns))
    assert 0 < run(toy_model, source, out).rows_now < COUNT
    assert result(out) == expected()


def run_to(model: Path, source: Path, out: Path, pieces: int) -> None:
    job(model, source, out).run(ends_after(pieces))


def test_another_input_or_other_settings_never_go_on_in_the_same_folder(
    toy_model: Path, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run(toy_model, source, out)
    with pytest.raises(InputError, match="allow"):
        run(toy_model, source, out, reader={"allow": "abc"})
    with pytest.raises(InputError, match="another job"):
        run(toy_model, write_tables(tmp_path / "other", 20), out)


def test_a_folder_with_other_things_is_not_written_into(
    toy_model: Path, source: Path, tmp_path: Path
) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="not empty"):
        run(toy_model, source, tmp_path)
    with pytest.raises(InputError, match="lies in the input"):
        run(toy_model, source, source / "out")
    assert not (source / "out").exists()


def test_only_one_works_on_a_folder_at_a_time(toy_model: Path, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    lock = locked(out / ".lock")
    assert lock is not None
    with pytest.raises(InputError, match="another clipstr bulk"):
        run(toy_model, source, out)
    lock.close()
    run(toy_model, source, out)


def test_ids_of_a_column_stand_beside_their_places(toy_model: Path, source: Path, tmp_path: Path) -> None:
    run(toy_model, source, tmp_path / "out", id_column="key")
    assert set(result(tmp_path / "out")) == {f"key-{n}" for n in range(COUNT)}
    table = parquet.read_table(tmp_path / "out/results")
    assert table.column_names[:2] == ["id", "place"]


def test_an_id_that_is_given_twice_stands_twice_with_its_places(toy_model: Path, tmp_path: Path) -> None:
    parquet.write_table(
        pa.table({"image": [png("ab"), png("cd")], "number": [7, 7]}), tmp_path / "twice.parquet"
    )
    account = run(toy_model, tmp_path / "twice.parquet", tmp_path / "out", id_column="number")
    assert account.given == account.read == 2
    found = parquet.read_table(tmp_path / "out/results").select(["id", "place", "text"]).to_pylist()
    assert found == [
        {"id": 7, "place": "twice.parquet#0", "text": "ab"},
        {"id": 7, "place": "twice.parquet#1", "text": "cd"},
    ]


def test_ids_of_another_type_in_one_file_are_null_and_no_end(toy_model: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    parquet.write_table(pa.table({"image": [png("ab")], "n": [7]}), tmp_path / "in/0.parquet")
    parquet.write_table(pa.table({"image": [png("cd")], "n": ["x"]}), tmp_path / "in/1.parquet")
    run(toy_model, tmp_path / "in", tmp_path / "out", id_column="n")
    assert parquet.read_table(tmp_path / "out/results")["id"].to_pylist() == [7, None]


def test_rows_without_a_group_of_rows_and_empty_files_are_no_rows(toy_model: Path, tmp_path: Path) -> None:
    write_table(tmp_path / "in/0.parquet", [])
    account = run(toy_model, tmp_path / "in", tmp_path / "out")
    assert (account.given, account.read, account.failed) == (0, 0, 0)
    write_table(tmp_path / "in/1.parquet", rows(5))
    with pytest.raises(InputError, match="another job"):
        run(toy_model, tmp_path / "in", tmp_path / "out")


def test_an_input_that_changes_while_it_is_read_is_told(toy_model: Path, tmp_path: Path) -> None:
    source = write_tables(tmp_path / "in", COUNT)

    class Changing(Alone):
        def give(self, task: Any) -> None:
            if task.piece.number == 3:
                write_table(source / "1.parquet", rows(3), group=1)
                write_table(source / "2.parquet", rows(3), group=1)
            super().give(task)

    with pytest.raises((DataError, BulkError)):
        job(toy_model, source, tmp_path / "out").run(Changing)


def test_progress_goes_up_to_the_whole(toy_model: Path, source: Path, tmp_path: Path) -> None:
    seen = list[Progress]()
    job(toy_model, source, tmp_path / "out").run(Alone, seen.append)
    shares = [progress.share for progress in seen]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    assert seen[-1].read + seen[-1].failed == seen[-1].given == COUNT
    assert seen[-1].seconds_left == 0


def test_a_count_that_is_wrong_is_never_passed_over(
    toy_model: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clipstr.bulk.results import Results

    whole = Results.join

    def losing(self: Results, receipts: list[Any]) -> Any:
        joined = whole(self, receipts)
        for file in (tmp_path / "out/failures").glob("*.parquet"):
            file.unlink()
        return joined

    monkeypatch.setattr(Results, "join", losing)
    with pytest.raises(BulkError, match=r"count is wrong.*failed 0"):
        run(toy_model, source, tmp_path / "out")
