"""Data sets in every format: found, read, converted without losing a byte, and told when they are wrong."""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clipstr.data import (
    LmdbDataset,
    ParquetDataset,
    Source,
    TableDataset,
    find_sources,
    labels_of,
    write_lmdb,
    write_parquet,
    write_table,
)
from clipstr.errors import DataError, ImageNotFoundError, LabelError

Writer = Callable[[Path, Iterable[tuple[bytes, str]]], int]
SAMPLES = [(b"\x89PNG one", "Hello"), (b"\xff\xd8\xff two", 'a "quoted", word'), (b"three", "Grüße\tTab")]


def samples_of(source: Source) -> list[tuple[bytes, str]]:
    return [(source.image_bytes(index), source.label(index)) for index in range(len(source))]


def table(tmp_path: Path, name: str, text: str, encoding: str = "utf-8") -> TableDataset:
    for number in (1, 2):
        (tmp_path / f"{number}.png").write_bytes(f"picture {number}".encode())
    (tmp_path / name).write_text(text, encoding=encoding)
    return TableDataset(tmp_path / name)


PICTURES = [(b"picture 1", "one"), (b"picture 2", "two, too")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.tsv", "1.png\tone\n2.png\ttwo, too\n"),
        ("labels.tsv", "\ufeff1.png\tone\r\n2.png\ttwo, too\r\n\r\n"),
        ("labels.tsv", "label\tsource\tfile_name\none\tx\t1.png\ntwo, too\ty\t2.png\n"),
        ("labels.csv", 'filename,text\n1.png,one\n2.png,"two, too"\n'),
        ("labels.csv", '1.png,one\n2.png,"two, too"\n'),
        ("other.csv", '1.png,one\n2.png,"two, too"\n'),
        ("labels.jsonl", '{"path": "1.png", "word": "one"}\n\n{"image": "2.png", "text": "two, too"}\n'),
        ("labels.csv", 'filename,words\n1.png,one\n2.png,"two, too"\n'),
        ("labels.csv", 'image_path,ground_truth\r\n1.png,one\r\n2.png,"two, too"\r\n'),
        ("labels.tsv", "Image Path\tGround-Truth\n1.png\tone\n2.png\ttwo, too\n"),
        ("labels.tsv", "img\tlabel\n1.png\tone\n2.png\ttwo, too\n"),
        ("gt.txt", "1.png\tone\n2.png\ttwo, too\n"),
        ("other.txt", "1.png\tone\n2.png\ttwo, too"),
    ],
)
def test_tables_are_read_as_people_write_them(tmp_path: Path, name: str, text: str) -> None:
    assert samples_of(table(tmp_path, name, text)) == PICTURES


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("labels.tsv", "", "the table has no rows"),
        ("labels.tsv", "a\tb\tc\n1.png\tx\ty\n", "its columns are a, b, c; one must be called file_name"),
        ("labels.tsv", "path\ttext\n1.png\n", "row 2: it has 1 columns"),
        ("labels.csv", "../secret.png,x\n", "row 1: '../secret.png' is no path below the table's folder"),
        ("labels.csv", "/etc/passwd,x\n", "is no path below the table's folder"),
        ("labels.jsonl", '{"path": "1.png"}\n', "line 1: it must be an object with"),
        ("labels.jsonl", "nonsense\n", "line 1: it must be an object with"),
        ("labels.jsonl", "[" * 100_000 + "\n", "line 1: it must be an object with"),
        ("labels.jsonl", '{"path": 7, "text": "x"}\n', "line 1: the path is 7 and no text"),
        ("labels.csv", "photo,says\n1.png,x\n", "its columns are photo, says; one must be called file_name"),
        ("labels.tsv", "img\tsays\n1.png\tx\n", "its columns are img, says"),
        ("labels.csv", "1.png,x,y\n", "its columns are 1.png, x, y"),
        (
            "labels.csv",
            '1.png,x\n2.png,"\n3.png,z\n',
            "row 2: unexpected end of data; a cell with a quotation",
        ),
        ("labels.csv", '1.png,"a\n2.png,b"\n', "row 1: unexpected end of data"),
        ("labels.csv", '1.png,"a"b\n', "row 1: .* expected after"),
        ("labels.csv", "1.png," + "x" * 200_000 + "\n", "row 1: field larger than field limit"),
    ],
)
def test_wrong_tables_are_told_with_their_row(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        len(table(tmp_path, name, text))


def test_a_table_in_another_encoding_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"labels\.csv: cannot be read: it is not in UTF-8"):
        len(table(tmp_path, "labels.csv", "1.png,Grüße\n", encoding="latin-1"))


def test_what_other_programs_write_gets_a_hint(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="it is in UTF-16; save it as UTF-8"):
        len(table(tmp_path, "labels.csv", "1.png,x\n", encoding="utf-16"))
    if sys.platform != "win32":
        with pytest.raises(ImageNotFoundError, match="the table has backslashes in its paths: write /"):
            table(tmp_path, "labels.tsv", "images\\1.png\tone\n").image_bytes(0)
    with pytest.raises(ImageNotFoundError, match="is no path"):
        table(tmp_path, "labels.jsonl", '{"path": "a\\u0000.png", "text": "x"}\n').image_bytes(0)


def test_a_quotation_mark_is_a_word_where_it_is_written_as_one(tmp_path: Path) -> None:
    marks = table(tmp_path, "labels.csv", '1.png,""""\n2.png,5" pipe\n')
    assert [marks.label(index) for index in range(2)] == ['"', '5" pipe']
    assert table(tmp_path, "labels.tsv", '1.png\t"\n').label(0) == '"'


NO_TEXTS = [None, 7, 1.5, True, ["a"], {"a": 1}, "\ud800"]


@pytest.mark.parametrize("value", NO_TEXTS, ids=repr)
def test_only_texts_are_labels_and_the_others_are_there(tmp_path: Path, value: object) -> None:
    lines = [json.dumps({"file_name": "1.png", "text": text}) for text in ("one", value, "None")]
    dataset = table(tmp_path, "labels.jsonl", "\n".join(lines))
    assert labels_of(dataset) == ["one", None, "None"]
    with pytest.raises(LabelError, match=r"labels\.jsonl: sample 1: "):
        dataset.label(1)


@pytest.mark.parametrize("value", NO_TEXTS[:-1], ids=repr)
def test_only_texts_are_labels_in_parquet_too(tmp_path: Path, value: object) -> None:
    import pyarrow
    from pyarrow import parquet

    labels = [None if value is None else value, value]
    columns = {"image": [b"x", b"y"], "text": pyarrow.array(labels)}
    parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet")
    (dataset,) = find_sources(tmp_path)
    assert labels_of(dataset) == [None, None]
    with pytest.raises(LabelError, match="sample 0: "):
        dataset.label(0)


@pytest.mark.parametrize("write", [write_lmdb, write_table, write_parquet])
def test_what_is_no_text_is_never_written_as_a_label(tmp_path: Path, write: Writer) -> None:
    with pytest.raises(LabelError, match="sample 1: the label has a half of a surrogate pair"):
        write(tmp_path / "set", [(b"x", "fine"), (b"x", "\udce9")])
    with pytest.raises(DataError):
        len(find_sources(tmp_path / "set")[0])


def test_a_picture_that_is_not_there_is_one_pictures_error(tmp_path: Path) -> None:
    dataset = table(tmp_path, "labels.tsv", "1.png\tone\nnone.png\ttwo\n")
    assert dataset.image_bytes(0) == b"picture 1"
    with pytest.raises(ImageNotFoundError, match=r"none\.png: No such file.*named in .*labels\.tsv"):
        dataset.image_bytes(1)
    with pytest.raises(IndexError, match="samples 0 to 1, and not 2"):
        dataset.label(2)


WRITERS = {"lmdb": write_lmdb, "folder": write_table, "parquet": write_parquet}
AWKWARD = '\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e\r\n\t"\\,\x00\x7f\ufeff\u202e'  # ends of lines, for some
label = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(AWKWARD), max_size=12)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.binary(min_size=1, max_size=40), label), min_size=1, max_size=6))
def test_every_format_gives_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, samples: list[tuple[bytes, str]]
) -> None:
    """A chain of all formats: bytes, labels and order stay."""
    folder = tmp_path_factory.mktemp("chain")
    current = samples
    for name, write in WRITERS.items():
        assert write(folder / name, current) == len(samples)
        (source,) = find_sources(folder / name)
        current = samples_of(source)
        source.close()
        assert current == samples
    # For programs that end lines elsewhere the table's rows are rows, too.
    table = (folder / "folder" / "labels.jsonl").read_text(encoding="utf-8")
    assert [json.loads(line)["text"] for line in table.splitlines()] == [text for _, text in samples]


@pytest.mark.parametrize("name", WRITERS)
def test_nothing_is_overwritten_and_nothing_is_written_of_nothing(tmp_path: Path, name: str) -> None:
    write = WRITERS[name]
    with pytest.raises(DataError, match="no samples"):
        write(tmp_path / "empty", [])
    write(tmp_path / "set", SAMPLES)
    with pytest.raises(DataError, match="exists|holds a data set already"):
        write(tmp_path / "set", SAMPLES)
    (source,) = find_sources(tmp_path / "set")
    assert samples_of(source) == SAMPLES


@pytest.mark.parametrize("name", WRITERS)
def test_data_sets_travel_into_other_processes_and_open_there(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path, SAMPLES)
    (source,) = find_sources(tmp_path)
    assert source.label(0) == "Hello"
    copy: Source = pickle.loads(pickle.dumps(source))
    assert samples_of(copy) == SAMPLES
    source.close()
    assert samples_of(source) == SAMPLES


def test_the_shards_of_a_folder_are_one_set_and_groups_of_rows_come_and_go(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    everything = [(f"picture {n}".encode(), f"word{n}") for n in range(100)]
    for shard in range(2):
        part = everything[50 * shard : 50 * shard + 50]
        columns = {"image": [content for content, _ in part], "label": [text for _, text in part]}
        parquet.write_table(pyarrow.table(columns), tmp_path / f"{shard}.parquet", row_group_size=7)
    (source,) = find_sources(tmp_path)
    assert samples_of(source) == everything
    assert [source.image_bytes(index) for index in (99, 0, 50, 49)] == [
        everything[index][0] for index in (99, 0, 50, 49)
    ]
    assert len(find_sources(tmp_path / "1.parquet")[0]) == 50


def test_damaged_and_strange_parquet_files_are_told(tmp_path: Path) -> None:
    write_parquet(tmp_path / "set", SAMPLES)
    file = tmp_path / "set" / "data-00000.parquet"
    whole = file.read_bytes()
    file.write_bytes(whole[:100])
    with pytest.raises(DataError, match="no Parquet file that can be read"):
        len(ParquetDataset(tmp_path, [file]))
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"picture": [b"x"], "text": ["y"]}), file)
    with pytest.raises(DataError, match="its columns are picture, text; one must be called image"):
        len(ParquetDataset(tmp_path, [file]))
    file.unlink()
    with pytest.raises(DataError, match=r"data-00000\.parquet: no Parquet file that can be read"):
        len(ParquetDataset(tmp_path, [file]))


def test_all_sets_below_a_folder_are_found_in_order_whatever_their_format(tmp_path: Path) -> None:
    write_lmdb(tmp_path / "b" / "two", SAMPLES)
    write_parquet(tmp_path / "a", SAMPLES)
    write_table(tmp_path / "b" / "one" / "deep", SAMPLES)
    (tmp_path / "empty").mkdir()
    found = find_sources(tmp_path)
    assert [source.path.relative_to(tmp_path).as_posix() for source in found] == ["a", "b/one/deep", "b/two"]
    assert [type(source) for source in found] == [ParquetDataset, TableDataset, LmdbDataset]
    assert [source.path for source in find_sources(tmp_path / "a")] == [tmp_path / "a"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_are_followed_and_loops_end(tmp_path: Path) -> None:
    write_lmdb(tmp_path / "elsewhere" / "set", SAMPLES)
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "top")
    assert [s.path for s in find_sources(tmp_path / "top")] == [tmp_path / "top" / "linked" / "set"]


def test_what_is_no_data_set_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        find_sources(tmp_path / "nowhere")
    with pytest.raises(DataError, match="nothing in or below it"):
        find_sources(tmp_path)
    (tmp_path / "notes.md").write_text("x", encoding="utf-8")
    with pytest.raises(DataError, match="is no data set: name a folder, a table"):
        find_sources(tmp_path / "notes.md")
