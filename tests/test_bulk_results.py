"""The files of a job, and the ledger of what is done."""

import random
from pathlib import Path

import pytest

from clipstr.bulk.ledgers import Ledger
from clipstr.bulk.results import Receipt, Results, gaps
from clipstr.bulk.stores import Store

pa = pytest.importorskip("pyarrow")

from pyarrow import parquet  # noqa: E402

from tables import result  # noqa: E402

ROWS = 10


def part(number: int, failed: int = 1) -> "pa.Table":
    """The rows of piece ``number``, of which the first ones ``failed``."""
    good = [n >= failed for n in range(ROWS)]
    return pa.table(
        {
            "id": [f"{number}#{n}" for n in range(ROWS)],
            "text": pa.array(["word" if g else None for g in good], pa.string()),
            "confidence": pa.array([0.5 if g else None for g in good], pa.float32()),
            "characters": pa.array([[] if g else None for g in good], pa.list_(pa.float32())),
            "error": pa.array([None if g else "BadError: why: it is" for g in good], pa.string()),
            "model": ["toy@1"] * ROWS,
        }
    )


def results(folder: Path, job: str = "job") -> Results:
    made = Results(Store(folder), job)
    made.prepare()
    return made


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_parts_are_joined_to_results_and_failures(tmp_path: Path) -> None:
    out = results(tmp_path)
    receipts = [out.write_part(n, ROWS, part(n)) for n in range(3)]
    assert receipts[1] == Receipt(1, 1, 10, 9, 1, (tmp_path / "parts/00000001.parquet").stat().st_size)
    joined = out.join(receipts)
    assert (joined.first, joined.last, joined.given, joined.read, joined.failed) == (0, 2, 30, 27, 3)
    assert files(tmp_path) == ["failures/00000000-00000002.parquet", "results/00000000-00000002.parquet"]
    found = result(tmp_path)
    assert len(found) == 30
    assert found["2#0"] == "BadError"
    assert parquet.read_table(tmp_path / "failures").column_names == ["id", "kind", "error"]
    assert "error" not in parquet.read_table(tmp_path / "results").column_names
    assert out.counted() == ([joined], 27, 3)


def test_without_failures_there_is_no_table_of_them(tmp_path: Path) -> None:
    out = results(tmp_path)
    out.join([out.write_part(0, ROWS, part(0, failed=0))])
    assert files(tmp_path) == ["results/00000000-00000000.parquet"]
    assert out.counted()[1:] == (10, 0)


def test_what_was_done_is_found_again(tmp_path: Path) -> None:
    out = results(tmp_path)
    joined = out.join([out.write_part(n, ROWS, part(n)) for n in range(3)])
    parts = [out.write_part(n, ROWS, part(n)) for n in (4, 7)]
    assert out.survey() == ([joined], parts)


def test_what_a_kill_leaves_does_not_count_and_is_removed(tmp_path: Path) -> None:
    out = results(tmp_path)
    first = [out.write_part(n, ROWS, part(n)) for n in range(2)]
    kept = out.write_part(5, ROWS, part(5))
    saved = {n: (tmp_path / f"parts/0000000{n}.parquet").read_bytes() for n in range(2)}
    joined = out.join(first)
    for n, content in saved.items():  # killed before the parts were removed
        (tmp_path / f"parts/0000000{n}.parquet").write_bytes(content)
    # killed between failures and results, in the middle of a part, and before a part got its name
    (tmp_path / "failures/00000005-00000005.parquet").write_bytes(saved[0])
    (tmp_path / "parts/00000006.parquet").write_bytes(saved[0][:200])
    (tmp_path / "parts/00000007.parquet.abcd.partial").write_bytes(b"")
    (tmp_path / "results/00000009-00000012.parquet").write_bytes(b"PAR1")
    assert out.survey() == ([joined], [kept])
    assert files(tmp_path) == [
        "failures/00000000-00000001.parquet",
        "parts/00000005.parquet",
        "results/00000000-00000001.parquet",
    ]


def test_files_of_another_job_do_not_count(tmp_path: Path) -> None:
    other = results(tmp_path, "another")
    other.join([other.write_part(0, ROWS, part(0))])
    other.write_part(1, ROWS, part(1))
    assert results(tmp_path).survey() == ([], [])


def test_files_that_overlap_are_never_counted_twice(tmp_path: Path) -> None:
    out = results(tmp_path)
    long = out.join([out.write_part(n, ROWS, part(n)) for n in range(4)])
    out.join([out.write_part(n, ROWS, part(n)) for n in (2, 3)])
    assert out.survey()[0] == [long]
    assert list(gaps([long], 6)) == [(4, 5)]


def test_nobody_elses_files_are_removed(tmp_path: Path) -> None:
    out = results(tmp_path)
    (tmp_path / "results/notes.txt").write_text("mine")
    out.survey()
    assert files(tmp_path) == ["results/notes.txt"]


def receipt(number: int, size: int = 10) -> Receipt:
    return Receipt(number, number, 1, 1, 0, size)


@pytest.mark.parametrize("seed", range(5))
def test_in_whatever_order_parts_come_each_is_joined_once(seed: int) -> None:
    order, chance = list(range(100)), random.Random(seed)
    chance.shuffle(order)
    ledger = Ledger(100, [Receipt(20, 29, 10, 10, 0, 99)], [], file_bytes=55)
    files = [range(20, 30)]
    for number in order:
        if not ledger.has(number):
            ledger.add(receipt(number))
        while chosen := ledger.to_join():
            files.append(range(chosen[0].first, chosen[-1].last + 1))
            assert [r.first for r in chosen] == list(files[-1])
    assert sorted(n for file in files for n in file) == list(range(100))
    assert ledger.done == ledger.given == 100
    # All but those before something that is joined already, and at the end, are full.
    assert sum(len(file) < 6 for file in files if file.start != 20) <= 2


def test_no_part_is_joined_before_there_is_enough(tmp_path: Path) -> None:
    ledger = Ledger(10, [], [receipt(0), receipt(1)], file_bytes=30)
    assert ledger.to_join() == ()
    ledger.add(receipt(3))
    assert ledger.to_join() == ()
    ledger.add(receipt(2))
    assert [r.first for r in ledger.to_join()] == [0, 1, 2]
    assert ledger.to_join() == ()
