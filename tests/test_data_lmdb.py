"""`clipstr.data.lmdb`: reading, writing and finding data sets."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lmdb
import pytest

from clipstr.data import LmdbDataset, find_sources, write_lmdb
from clipstr.errors import DataError, ImageNotFoundError, LabelError, OutputError

SAMPLES = [(b"first picture", "Hello"), (b"second", "Grüße"), (b"", "x")]
REAL_VAL = Path(__file__).parents[2] / "shared" / "real" / "val"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert write_lmdb(tmp_path / "set", SAMPLES) == len(SAMPLES)
    return tmp_path / "set"


def put(folder: Path, key: bytes, value: bytes | None) -> None:
    with lmdb.open(str(folder), lock=False) as environment, environment.begin(write=True) as transaction:
        transaction.put(key, value) if value is not None else transaction.delete(key)


def test_what_is_written_is_read_back(folder: Path) -> None:
    with LmdbDataset(folder) as dataset:
        assert len(dataset) == 3
        assert list(dataset) == SAMPLES
        assert dataset[1] == (dataset.image_bytes(1), dataset.label(1))
    assert [file.name for file in folder.iterdir()] == ["data.mdb"]


def test_the_keys_on_disk_are_the_fields_counted_from_1(folder: Path) -> None:
    with lmdb.open(str(folder), readonly=True, lock=False) as environment, environment.begin() as transaction:
        assert transaction.get(b"num-samples") == b"3"
        assert transaction.get(b"image-000000001") == b"first picture"
        assert transaction.get(b"label-000000002") == "Grüße".encode()
        assert environment.stat()["entries"] == 7


def test_a_set_larger_than_the_first_map_and_batch_is_written_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clipstr.data.lmdb.BATCH_BYTES", 50_000)
    monkeypatch.setattr("clipstr.data.lmdb.FIRST_MAP_BYTES", 40_960)
    samples = [(bytes([number]) * 10_000, f"word{number}") for number in range(64)]
    assert write_lmdb(tmp_path, iter(samples)) == 64
    assert list(LmdbDataset(tmp_path)) == samples


def test_an_existing_set_is_never_overwritten(folder: Path) -> None:
    with pytest.raises(DataError, match="exists"):
        write_lmdb(folder, [(b"other", "other")])
    assert LmdbDataset(folder).label(0) == "Hello"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no such folder there")
def test_a_place_that_cannot_be_written_is_told() -> None:
    with pytest.raises(OutputError, match="/proc/x: cannot be written"):
        write_lmdb("/proc/x", SAMPLES)


def test_space_is_asked_for_before_each_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=5))
    with pytest.raises(OutputError, match="are free on that disk"):
        write_lmdb(tmp_path / "set", SAMPLES)
    assert list((tmp_path / "set").iterdir()) == []


def test_an_interrupted_writing_leaves_no_set_and_can_be_repeated(tmp_path: Path) -> None:
    def breaking_off() -> Iterator[tuple[bytes, str]]:
        yield b"picture", "word"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_lmdb(tmp_path, breaking_off())
    assert list(tmp_path.iterdir()) == []
    assert write_lmdb(tmp_path, SAMPLES) == 3


def test_what_a_killed_writing_left_is_no_set_and_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "data.mdb.partial").write_bytes(b"half a file")
    with pytest.raises(DataError, match="nothing in or below it"):
        find_sources(tmp_path)
    write_lmdb(tmp_path, SAMPLES)
    assert list(LmdbDataset(tmp_path)) == SAMPLES


def test_a_set_without_samples_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no samples"):
        write_lmdb(tmp_path, [])
    assert not (tmp_path / "data.mdb").exists()


@pytest.mark.parametrize("index", [-1, 3, 10**12])
def test_an_index_outside_the_set_is_an_index_error(folder: Path, index: int) -> None:
    dataset = LmdbDataset(folder)
    with pytest.raises(IndexError, match="samples 0 to 2"):
        dataset.image_bytes(index)
    with pytest.raises(IndexError, match="samples 0 to 2"):
        dataset.label(index)


def test_a_missing_key_is_named_with_its_set(folder: Path) -> None:
    put(folder, b"image-000000002", None)
    dataset = LmdbDataset(folder)
    assert dataset.label(1) == "Grüße"
    with pytest.raises(ImageNotFoundError, match="image-000000002") as caught:
        dataset.image_bytes(1)
    assert str(folder) in str(caught.value)
    dataset.close()
    put(folder, b"label-000000003", None)
    with pytest.raises(LabelError, match="label-000000003"):
        dataset.label(2)


def test_a_set_without_a_count_is_a_data_error(folder: Path) -> None:
    put(folder, b"num-samples", None)
    with pytest.raises(DataError, match="num-samples"):
        len(LmdbDataset(folder))


def test_a_count_that_is_no_number_is_a_data_error(folder: Path) -> None:
    put(folder, b"num-samples", b"-3")
    with pytest.raises(DataError, match="no count"):
        len(LmdbDataset(folder))


def test_a_label_that_is_not_utf8_is_a_data_error(folder: Path) -> None:
    put(folder, b"label-000000001", b"\xff\xfe")
    with pytest.raises(DataError, match="label-000000001 is not UTF-8"):
        LmdbDataset(folder).label(0)


@pytest.mark.parametrize("kept", [0, 100, 4096, 8192, 20_000, -1])
def test_a_file_cut_short_is_a_data_error_and_not_a_crash(tmp_path: Path, kept: int) -> None:
    write_lmdb(tmp_path, [(b"x" * 9000, "word")] * 20)
    file = tmp_path / "data.mdb"
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(DataError, match=r"data\.mdb"):
        LmdbDataset(tmp_path).image_bytes(19)


def test_a_file_of_another_kind_is_a_data_error(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_bytes(b"no database " * 4000)
    with pytest.raises(DataError, match="cannot be opened"):
        len(LmdbDataset(tmp_path))


def test_a_folder_without_a_set_is_a_data_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no data\.mdb"):
        len(LmdbDataset(tmp_path))


def test_two_data_sets_may_share_a_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = LmdbDataset(folder)
    assert first.label(0) == "Hello"
    monkeypatch.chdir(folder.parent)
    second = LmdbDataset("set")
    assert second.label(0) == "Hello"
    first.close()
    assert second.label(1) == "Grüße"
    assert first.label(2) == "x"


def test_threads_may_share_a_data_set(folder: Path) -> None:
    dataset = LmdbDataset(folder)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(dataset.__getitem__, [0, 1, 2] * 200)) == SAMPLES * 200


def test_a_pickled_data_set_reads_the_same(folder: Path) -> None:
    dataset = LmdbDataset(folder)
    assert len(dataset) == 3
    assert list(pickle.loads(pickle.dumps(dataset))) == SAMPLES


def read_all(dataset: LmdbDataset) -> list[tuple[bytes, str]]:
    also = LmdbDataset(dataset.path)
    assert list(also) == list(dataset)
    return list(dataset)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_data_set_in_use_goes_into_worker_processes(folder: Path, method: str) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {method}")
    dataset = LmdbDataset(folder)
    assert dataset.label(0) == "Hello"
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.apply(read_all, (dataset,)) == SAMPLES
    assert list(dataset) == SAMPLES


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_fork_gets_an_environment_of_its_own(folder: Path) -> None:
    dataset = LmdbDataset(folder)
    assert dataset.label(0) == "Hello"
    inherited = dataset._environment
    child = os.fork()
    if child == 0:
        right = dataset.label(1) == "Grüße" and dataset._environment is not inherited
        os._exit(0 if right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert dataset.label(1) == "Grüße"


@pytest.mark.skipif(not REAL_VAL.is_dir(), reason="the real crops are not here")
def test_the_real_crops_are_found_with_their_counts() -> None:
    sets = {source.path.name: len(source) for source in find_sources(REAL_VAL)}
    assert sets == {"IC13": 169, "IC15": 893, "IIIT5k": 400, "SVT": 51}
