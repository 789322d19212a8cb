"""What is found at an address, how it is cut, and the rows of each kind of input."""

import os
from pathlib import Path

import pytest

from clipstr.bulk.kinds import KINDS, Row, Wanted, rows_of
from clipstr.bulk.plan import MOST_PIECES, find_input, id_type, make_plan, planned_pieces
from clipstr.bulk.stores import Store
from clipstr.data.lmdb import write_lmdb
from clipstr.errors import DataError, InputError

pa = pytest.importorskip("pyarrow")

from pyarrow import parquet  # noqa: E402

from tables import png, words, write_table, write_tables, write_tar  # noqa: E402

WANTED = Wanted("image")


def plan_of(folder: Path, out: Path, piece_rows: int = 10, kind: str | None = None) -> list[list[Row]]:
    """The rows of each piece of the plan for ``folder``."""
    source, store = Store(folder), Store(out)
    store.make_folder()
    found = find_input(source, kind)
    make_plan(source, found, WANTED, store, piece_rows)
    return [
        [row for stretch in piece.stretches for row in rows_of(found.kind, source, stretch, WANTED)]
        for piece in planned_pieces(store)
    ]


def pictures(folder: Path, count: int) -> Path:
    for n, word in enumerate(words(count)):
        path = folder / f"{n % 3}" / f"{n:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(word))
    return folder


def everything(folder: Path, count: int) -> dict[str, Path]:
    """The same ``count`` words in every kind of input."""
    contents = [png(word) for word in words(count)]
    write_table(folder / "parquet/a.parquet", contents[:30])
    write_table(folder / "parquet/b/b.parquet", contents[30:])
    write_tar(folder / "tar/a.tar", [(f"{n:03d}.png", c) for n, c in enumerate(contents[:30])])
    write_tar(folder / "tar/b.tar.gz", [(f"{n:03d}.png", c) for n, c in enumerate(contents[30:])])
    write_lmdb(folder / "lmdb/set", zip(contents, words(count), strict=True))
    for n, content in enumerate(contents):
        path = folder / f"pictures/{n // 20}/{n:03d}.PNG"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return {kind: folder / kind for kind in KINDS}


def test_every_kind_gives_every_row_once_and_in_order(tmp_path: Path) -> None:
    expected = [png(word) for word in words(50)]
    for kind, folder in everything(tmp_path, 50).items():
        pieces = plan_of(folder, tmp_path / "out" / kind)
        found = [row for piece in pieces for row in piece]
        assert [row.image for row in found] == expected, kind
        assert len({row.id for row in found}) == 50, kind
        assert all(row.fault is None for row in found), kind
        assert len(pieces) > 1 or kind in ("tar", "lmdb"), kind  # which are cut more coarsely


def test_ids_are_places(tmp_path: Path) -> None:
    first = {
        kind: plan_of(folder, tmp_path / "out" / kind)[0][0].id
        for kind, folder in everything(tmp_path, 50).items()
    }
    assert first == {
        "parquet": "a.parquet#0",
        "tar": "a.tar#000",
        "lmdb": "set/data.mdb#0",
        "pictures": "0/000.PNG",
    }


def test_one_file_is_an_input_too(tmp_path: Path) -> None:
    write_tables(tmp_path / "in", 40, files=1)
    pieces = plan_of(tmp_path / "in/0.parquet", tmp_path / "out")
    assert pieces[0][0].id == "0.parquet#0"
    assert sum(map(len, pieces)) == 40


def test_the_same_input_is_cut_in_the_same_way(tmp_path: Path) -> None:
    write_tables(tmp_path / "in", 100)
    first = plan_of(tmp_path / "in", tmp_path / "a")
    assert first == plan_of(tmp_path / "in", tmp_path / "b")
    assert [len(piece) for piece in first] == [16, 16, 18, 16, 18, 16]  # whole groups of rows, of 34 a file


def test_there_are_never_more_pieces_than_can_be_kept_account_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST_PIECES * 8 < 1 << 20  # bytes of an account of them
    monkeypatch.setattr("clipstr.bulk.plan.MOST_PIECES", 4)
    write_tables(tmp_path / "in", 100, group=1)
    pieces = plan_of(tmp_path / "in", tmp_path / "out", piece_rows=1)
    assert [len(piece) for piece in pieces] == [34, 34, 32]


def test_the_fingerprint_changes_with_the_input(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "in", 9)
    before = find_input(Store(folder), None)
    assert before == find_input(Store(folder), None)
    assert (before.kind, before.files) == ("pictures", 9)
    os.utime(folder / "0/000.png", ns=(1, 1))
    assert find_input(Store(folder), None).fingerprint != before.fingerprint


def test_several_kinds_in_one_folder_are_asked_about(tmp_path: Path) -> None:
    everything(tmp_path, 40)
    with pytest.raises(InputError, match="several kinds.*--kind"):
        find_input(Store(tmp_path), None)
    assert find_input(Store(tmp_path), "lmdb").files == 1


def test_nothing_to_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        find_input(Store(tmp_path / "nowhere"), None)
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(DataError, match="nothing of it there"):
        find_input(Store(tmp_path), None)


def test_hidden_files_and_what_spark_leaves_are_no_input(tmp_path: Path) -> None:
    write_tables(tmp_path, 10, files=1)
    write_tables(tmp_path / "_delta_log", 10, files=1)
    write_tables(tmp_path / ".hidden", 10, files=1)
    assert find_input(Store(tmp_path), None).files == 1


def test_a_link_that_leads_back_up_is_not_followed_forever(tmp_path: Path) -> None:
    pictures(tmp_path / "in", 6)
    (tmp_path / "in/0/up").symlink_to(tmp_path / "in")
    assert find_input(Store(tmp_path / "in"), None).files == 6


def test_a_damaged_parquet_file_is_one_failed_row_and_the_others_are_read(tmp_path: Path) -> None:
    write_tables(tmp_path / "in", 30, files=2)
    (tmp_path / "in/0.parquet").write_bytes(b"PAR1 and then nothing")
    found = [row for piece in plan_of(tmp_path / "in", tmp_path / "out") for row in piece]
    assert [row.id for row in found if row.fault][:1] == ["0.parquet"]
    assert len(found) == 16


def test_damaged_pages_are_as_many_failed_rows_as_there_are(tmp_path: Path) -> None:
    file = write_table(tmp_path / "in/a.parquet", [os.urandom(500) for _ in range(64)])
    content = bytearray(file.read_bytes())
    column = parquet.ParquetFile(file).metadata.row_group(1).column(0)
    start = column.dictionary_page_offset or column.data_page_offset
    content[start : start + 200] = bytes(200)
    file.write_bytes(content)
    found = [row for piece in plan_of(tmp_path / "in", tmp_path / "out") for row in piece]
    assert [row.place for row in found] == [f"a.parquet#{n}" for n in range(64)]
    assert [n for n, row in enumerate(found) if row.fault] == list(range(16, 32))


def test_a_file_without_the_column_is_failed_rows_and_not_the_end(tmp_path: Path) -> None:
    write_tables(tmp_path / "in", 20, files=1)
    parquet.write_table(pa.table({"other": [1, 2, 3]}), tmp_path / "in/1.parquet")
    found = [row for piece in plan_of(tmp_path / "in", tmp_path / "out") for row in piece]
    assert [row.place for row in found if row.fault and "no column image" in row.fault] == [
        f"1.parquet#{n}" for n in range(3)
    ]


def test_a_wrong_column_is_told_before_anything_is_read(tmp_path: Path) -> None:
    source = Store(write_tables(tmp_path, 10))
    found = find_input(source, None)
    with pytest.raises(InputError, match="'picture'.*image, key"):
        id_type(source, found, Wanted("picture"))
    with pytest.raises(InputError, match="'number'"):
        id_type(source, found, Wanted("image", "number"))
    assert id_type(source, found, Wanted("image", "key")) == "string"


def test_a_tar_that_breaks_off_gives_what_it_has_and_one_failed_row(tmp_path: Path) -> None:
    members = [(f"{n:03d}.png", os.urandom(2000)) for n in range(10)]
    for name, size in (("inside.tar", 11_000), ("between.tar", 4 * 2560), ("cut.tar.gz", 10_000)):
        file = write_tar(tmp_path / name / name, members)
        file.write_bytes(file.read_bytes()[:size])
        found = [row for piece in plan_of(file.parent, tmp_path / "out" / name) for row in piece]
        assert found[-1].id == f"{name}#rest"
        assert "Error: " in str(found[-1].fault)
        assert 4 <= len(found) <= 6
        assert all(row.fault is None for row in found[:-1])


def test_samples_of_a_tar_are_files_of_one_name(tmp_path: Path) -> None:
    members = [
        ("a/1.json", b"{}"),
        ("a/1.png", b"P"),
        ("a/2.png", b"Q"),
        ("a/3.txt", b"t"),
        ("b/3.jpg", b"J"),
    ]
    write_tar(tmp_path / "in/x.tar", members)
    found = [row for piece in plan_of(tmp_path / "in", tmp_path / "out") for row in piece]
    assert [(row.id, row.image) for row in found] == [
        ("x.tar#a/1", b"P"),
        ("x.tar#a/2", b"Q"),
        ("x.tar#a/3", None),
        ("x.tar#b/3", b"J"),
    ]
    assert "no picture" in str(found[2].fault)


def test_a_sample_that_an_lmdb_lacks_is_a_failed_row(tmp_path: Path) -> None:
    import lmdb

    write_lmdb(tmp_path / "in", [(b"one", "1"), (b"two", "2"), (b"three", "3")])
    with lmdb.open(str(tmp_path / "in")) as environment, environment.begin(write=True) as transaction:
        transaction.delete(b"image-000000002")
    found = [row for piece in plan_of(tmp_path / "in", tmp_path / "out") for row in piece]
    assert [row.image for row in found] == [b"one", None, b"three"]
    assert "image-000000002" in str(found[1].fault)


def test_a_picture_that_went_away_is_a_failed_row(tmp_path: Path) -> None:
    source, out = Store(pictures(tmp_path / "in", 6)), Store(tmp_path / "out")
    out.make_folder()
    make_plan(source, find_input(source, None), WANTED, out, 10)
    (tmp_path / "in/1/001.png").unlink()
    found = [
        row
        for piece in planned_pieces(out)
        for stretch in piece.stretches
        for row in rows_of("pictures", source, stretch, WANTED)
    ]
    assert [row.id for row in found if row.fault] == ["1/001.png"]


def test_small_inputs_have_pieces_for_many_workers(tmp_path: Path) -> None:
    write_table(tmp_path / "in/a.parquet", [b"x"] * 3000, group=100)
    source, out = Store(tmp_path / "in"), Store(tmp_path / "out")
    out.make_folder()
    make_plan(source, find_input(source, None), WANTED, out, None)
    assert [piece.stretches[0].rows for piece in planned_pieces(out)] == [300] * 10
