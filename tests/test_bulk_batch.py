"""`ReadBatch`, on all kinds of batches."""

import pickle
import sys
import threading
import types
from pathlib import Path

import numpy as np
import pytest

from clipstr.bulk import ReadBatch, spark_columns
from clipstr.errors import DataError, InputError, ModelNotFoundError
from clipstr.models import ModelConfig
from clipstr.reader import Reader

pa = pytest.importorskip("pyarrow")
pandas = pytest.importorskip("pandas")

from tables import DAMAGED, png, rows, words  # noqa: E402

COUNT = 50


@pytest.fixture(scope="module")
def batch(toy_model: Path) -> ReadBatch:
    return ReadBatch(toy_model, second_looks=False)


def table() -> "pa.Table":
    return pa.table({"image": pa.array(rows(COUNT), pa.binary()), "key": list(range(COUNT))})


def texts() -> list[str | None]:
    return [None if n in DAMAGED else word for n, word in enumerate(words(COUNT))]


def test_an_arrow_table_gets_what_was_read_and_keeps_its_rows(batch: ReadBatch) -> None:
    found = batch(table())
    assert found.column_names == [
        "image",
        "key",
        "text",
        "confidence",
        "characters",
        "legible",
        "error",
        "model",
    ]
    assert found["text"].to_pylist() == texts()
    assert found["key"].to_pylist() == list(range(COUNT))


def test_readings_are_those_of_the_reader(batch: ReadBatch, toy_model: Path) -> None:
    reader = Reader(toy_model, second_looks=False)
    for row in batch(table()).to_pylist():
        if row["error"] is None:
            reading = reader.read(row["image"])
            assert row["text"] == reading.text
            assert row["confidence"] == pytest.approx(reading.confidence, abs=1e-6)
            assert row["legible"] == pytest.approx(reading.legible, abs=1e-6)
            assert [c["text"] for c in row["characters"]] == list(row["text"])
            expected = [c.confidence for c in reading.characters]
            assert [c["confidence"] for c in row["characters"]] == pytest.approx(expected, abs=1e-6)


def test_a_bad_picture_is_a_row_with_its_error(batch: ReadBatch) -> None:
    found = batch(table()).to_pylist()
    kinds = {n: row["error"].partition(":")[0] for n, row in enumerate(found) if row["error"]}
    assert kinds == {3: "NotAnImageError", 17: "EmptyImageError", 40: "EmptyImageError"}
    assert all(
        found[n][name] is None for n in DAMAGED for name in ("text", "confidence", "characters", "legible")
    )


def test_every_kind_of_batch_says_the_same(batch: ReadBatch) -> None:
    expected = texts()
    arrow = table()
    record = batch(arrow.combine_chunks().to_batches()[0])
    assert isinstance(record, pa.RecordBatch)
    assert record.column("text").to_pylist() == expected
    frame = batch(arrow.to_pandas())
    assert isinstance(frame, pandas.DataFrame)
    assert [None if value is None else str(value) for value in frame["text"]] == expected
    arrays = batch({"image": np.array(rows(COUNT), object)})
    assert isinstance(arrays, dict)
    assert list(arrays["text"]) == expected
    assert np.isnan(arrays["confidence"][3])


def test_hugging_faces_structs_are_pictures_too(batch: ReadBatch) -> None:
    structs = pa.table({"image": [{"bytes": png("abc"), "path": "a.png"}, {"bytes": None, "path": "b.png"}]})
    found = batch(structs)
    assert found["text"].to_pylist() == ["abc", None]
    assert found["error"][1].as_py().startswith("EmptyImageError")


def test_cells_that_are_no_bytes_are_rows_with_an_error(batch: ReadBatch) -> None:
    found = batch(pa.table({"image": ["a.png", None]}))
    assert "holds str" in found["error"][0].as_py()
    assert "null" in found["error"][1].as_py()
    assert list(batch(pandas.DataFrame({"image": [png("ab"), float("nan")]}))["text"]) == ["ab", None]


def test_an_empty_batch_has_the_same_columns(batch: ReadBatch) -> None:
    assert batch(table().slice(0, 0)).schema == batch(table()).schema


def test_another_column_and_only_what_is_to_be_kept(toy_model: Path) -> None:
    batch = ReadBatch(toy_model, column="crop", keep=["key"])
    found = batch(table().rename_columns(["crop", "key"]))
    assert found.column_names[:2] == ["key", "text"]
    with pytest.raises(DataError, match="no column 'crop'"):
        batch(table())


def test_the_model_is_told_by_name_and_checksum(batch: ReadBatch, toy_model: Path) -> None:
    assert batch.model.startswith("toy@")
    assert batch.model.endswith(ModelConfig.load(toy_model).checksum[:16])


def test_it_may_be_pickled_before_and_after_it_read(batch: ReadBatch) -> None:
    batch(table())
    again = pickle.loads(pickle.dumps(batch))
    assert again(table()).equals(batch(table()))


def test_threads_may_share_it(batch: ReadBatch) -> None:
    found: list[list[str | None]] = []
    threads = [
        threading.Thread(target=lambda: found.append(batch(table())["text"].to_pylist())) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [texts()] * 4


def test_frames_come_one_by_one_as_spark_wants_them(batch: ReadBatch) -> None:
    taken = []

    def frames():
        for n in range(3):
            taken.append(n)
            yield table().slice(10 * n, 10).to_pandas()

    stream = batch.over(frames())
    assert len(next(stream)) == 10
    assert taken == [0]
    assert sum(len(frame) for frame in stream) == 20


def test_sparks_columns_are_those_that_are_added(batch: ReadBatch) -> None:
    names = [part.split(" ")[0] for part in spark_columns().split(", ")]
    assert names == batch(table()).column_names[2:]


def test_threads_follow_the_cpus_of_a_spark_task(monkeypatch: pytest.MonkeyPatch) -> None:
    from clipstr.bulk.batch import threads_given

    assert threads_given() is None
    task = types.SimpleNamespace(cpus=lambda: 3)
    spark = types.SimpleNamespace(TaskContext=types.SimpleNamespace(get=lambda: task))
    monkeypatch.setitem(sys.modules, "pyspark", spark)
    assert threads_given() == 3


def test_wrong_calls_are_told_at_once(toy_model: Path) -> None:
    with pytest.raises(InputError, match="mode"):
        ReadBatch(toy_model, mode="write")
    with pytest.raises(ModelNotFoundError):
        ReadBatch("no such model")
    with pytest.raises(InputError, match="list"):
        ReadBatch(toy_model)([png("a")])
