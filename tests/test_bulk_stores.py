"""Stores: disks, S3 (a server of moto's in this process), and what fsspec knows."""

import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from clipstr.bulk import Alone, Job, ReadBatch
from clipstr.bulk.stores import Store
from clipstr.errors import InputError, OutputError

pytest.importorskip("pyarrow")

from tables import DAMAGED, result, words, write_tables

COUNT = 60


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The URL of an empty bucket."""
    moto = pytest.importorskip("moto.server")
    from pyarrow import fs

    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    values = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setenv(name, value)
        endpoint = {"endpoint_override": f"{host}:{port}", "scheme": "http"}
        system = fs.S3FileSystem(allow_bucket_creation=True, region="us-east-1", **endpoint)
        system.create_dir("bucket")
        yield "s3://bucket"
    server.stop()


def upload(folder: Path, address: str) -> None:
    store = Store(address)
    for path in folder.rglob("*"):
        if path.is_file():
            with store.whole_file(str(path.relative_to(folder))) as file:
                file.write(path.read_bytes())


def download(address: str, folder: Path) -> Path:
    store = Store(address)
    for name in ("results", "failures"):
        (folder / name).mkdir(parents=True)
        for entry in store.entries(name):
            with store.open(entry.path) as file:
                (folder / entry.path).write_bytes(file.read())
    return folder


def read(model: Path, source: str, out: str) -> tuple[int, int, int, int]:
    job = Job(source=source, out=out, reader=ReadBatch(model, second_looks=False), piece_rows=16)
    account = job.run(Alone)
    return account.given, account.read, account.failed, account.rows_now


@pytest.mark.parametrize("place", ["s3", "memory"])
def test_a_job_goes_from_and_to_a_store(
    place: str, request: pytest.FixtureRequest, toy_model: Path, tmp_path: Path
) -> None:
    base = request.getfixturevalue("s3") if place == "s3" else f"memory://{tmp_path.name}"
    upload(write_tables(tmp_path / "in", COUNT), f"{base}/in")
    expected = (COUNT, COUNT - len(DAMAGED), len(DAMAGED))
    assert read(toy_model, f"{base}/in", f"{base}/out") == (*expected, COUNT)
    found = result(download(f"{base}/out", tmp_path / "found"))
    good = {f"{n // 20}.parquet#{n % 20}": w for n, w in enumerate(words(COUNT)) if n not in DAMAGED}
    assert good.items() <= found.items()
    assert read(toy_model, f"{base}/in", f"{base}/out") == (*expected, 0)
    assert Store(f"{base}/out").entries("parts") == []


def test_from_s3_to_a_disk_after_an_end_in_between(s3: str, toy_model: Path, tmp_path: Path) -> None:
    upload(write_tables(tmp_path / "in", COUNT), f"{s3}/again")
    out = Store(f"{s3}/ended")
    read(toy_model, f"{s3}/again", f"{s3}/ended")
    # What is left when it ends while the file of results is being written: nothing of it is there.
    for folder in ("results", "failures"):
        for entry in out.entries(folder):
            out.remove(entry.path)
    assert read(toy_model, f"{s3}/again", f"{s3}/ended")[3] == COUNT


@pytest.mark.parametrize("place", ["disk", "s3"])
def test_what_fails_while_it_is_written_is_not_there(
    place: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    store = Store(tmp_path if place == "disk" else request.getfixturevalue("s3"))

    def fail() -> None:
        with store.whole_file("half.bin") as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert store.entry("half.bin") is None
    assert not any(entry.name.startswith("half") for entry in store.entries())


def test_a_store_knows_files_and_folders(s3: str, tmp_path: Path) -> None:
    for address in (str(tmp_path / "place"), f"{s3}/place", f"memory://{tmp_path.name}/place"):
        store = Store(address)
        store.make_folder("inner")
        with store.whole_file("inner/b.bin") as file:
            file.write(b"12345")
        with store.whole_file("a.bin") as file:
            file.write(b"")
        assert [(e.path, e.folder) for e in store.entries()] == [("a.bin", False), ("inner", True)]
        (entry,) = store.entries("inner")
        assert (entry.path, entry.name, entry.size) == ("inner/b.bin", "b.bin", 5)
        assert store.entry("nowhere") is None
        assert store.entries("nowhere") == []
        store.remove("inner/b.bin")
        store.remove("inner/b.bin")
        store.remove_folder("inner")
        assert pickle.loads(pickle.dumps(store)).entry("a.bin") == store.entry("a.bin")


def test_credentials_are_never_shown() -> None:
    store = Store("s3://user:password@bucket/folder?endpoint_override=host&secret_key=x")
    assert store.shown == "s3://bucket/folder"
    assert "password" not in repr(store)


def test_addresses_that_nobody_knows_are_told() -> None:
    with pytest.raises(InputError, match="no file system"):
        Store("nosuchscheme://x/y").entries()


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError), Store(tmp_path).whole_file("a.bin") as file:
        file.write(b"a")
