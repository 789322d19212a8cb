"""Data sets of strangers, and no code in any file. Longer: benchmarks/hardening/models.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")
pytest.importorskip("rapidocr")
pytest.importorskip("uvicorn")

import lmdb
import pyarrow
from pyarrow import parquet

from clipstr.data import find_sources, write_lmdb, write_table
from clipstr.data.lmdb import LmdbDataset
from clipstr.data.parquet import ParquetDataset
from clipstr.data.sources import labels_of
from clipstr.errors import ClipstrError, DataError, ImageNotFoundError
from clipstr.evaluation.scenes import LABELS, load_photographs
from clipstr.pictures import find_pictures
from hardening import read_cut_sets
from tables import png

NO_PICKLE = """
import pickle, sys
from pathlib import Path

def refuse(*arguments, **named):
    raise AssertionError("something is unpickled")

import pandas, pyarrow, pyarrow.parquet, pyarrow.fs, lmdb, cv2  # at their import they may do what they like
import torch, torchvision, timm, onnx, lightning, rapidocr
pickle.load = pickle.loads = pickle.Unpickler = refuse
import _pickle
_pickle.load = _pickle.loads = _pickle.Unpickler = refuse

OWN = ("multiprocessing/connection.py", "multiprocessing/queues.py", "concurrent/futures/process.py")

def from_a_child():
    # Whether what is unpickled came from a process that this one started: it speaks with them so.
    frame = sys._getframe(2)
    while frame is not None:
        if Path(frame.f_code.co_filename).as_posix().endswith(OWN):
            return True
        frame = frame.f_back
    return False

def watch(event, arguments):
    if event == "pickle.find_class" and not from_a_child():
        raise AssertionError(f"{arguments} is unpickled")

sys.addaudithook(watch)
from clipstr.cli.main import run

def call(*arguments):
    sys.argv = ["clipstr", *map(str, arguments)]
    try:
        run()
    except SystemExit as end:
        assert end.code in (0, None), (arguments, end.code)

model, crops, out = map(Path, sys.argv[1:])
"""

READS_AND_TRAINS = """
call("read", model.parent / "a.png", "--model", model)
call("models")
call("evaluate", "--data", crops / "val" / "bars", "--model", model)
call("data", "check", crops / "val" / "bars")
for name, target in (("lmdb", "l"), ("parquet", "p"), ("folder", "t")):
    call("data", "convert", crops / "val" / "bars", "--out", out / target, "--to", name)
    call("evaluate", "--data", out / target, "--model", model)
call("bulk", out / "p", "--out", out / "bulk", "--model", model, "--actors", "0")
call("bulk", out / "l", "--out", out / "bulk-lmdb", "--model", model, "--actors", "0")

call("label", model.parent / "a.png", "--out", out / "label", "--model", model)
from scenes import page
page(("Coffee", 40, 60)).save(out / "page.png")
call("scan", out / "page.png", "--model", "tiny", "--format", "pdf", "--out", out / "page.pdf")
call("scan", out / "page.pdf", "--model", "tiny")
from clipstr.serve.settings import ServiceSettings
from serving import running
with running(ServiceSettings(scans=False, models=(str(model),), threads=1)) as served:
    answer = served.post_files("/v1/read", [("a.png", (model.parent / "a.png").read_bytes())])
    assert answer.status == 200, answer

from runs import Watcher, bars_recipe, new_trainer
recipe = bars_recipe(crops, samples=64)
new_trainer(recipe, out / "run", Watcher(stop_after=3)).run()
assert (out / "run" / "last.ckpt").exists()
new_trainer(recipe, out / "run", Watcher(), resume=True).run()
call("export", out / "run" / "best", "--out", out / "exported")
call("read", model.parent / "a.png", "--model", out / "exported")
"""

TEACHES_IMPORTS_AND_RENDERS = """
import clips
from test_cli_teacher import PICTURES, RECIPE
from clipstr.data import write_lmdb
write_lmdb(out / "words" / "set", [(Path(name).read_bytes(), Path(name).stem) for name in PICTURES])
clips.architecture(out)
(out / "teacher.toml").write_text(RECIPE.format(clip=out / "clip.json", crops=out / "words"))
call("teacher", "train", out / "teacher.toml", "--out", out / "teacher")
call("teacher", "train", out / "teacher.toml", "--out", out / "teacher", "--resume")
call("teacher", "align", *PICTURES, "--weights", out / "teacher" / "best")

from test_export_authors import random_checkpoint
call("import", random_checkpoint(out / "authors.ckpt"), "--out", out / "imported")
call("synth", out / "rendered", "--count", "6", "--workers", "2")
"""


@pytest.mark.parametrize("calls", [READS_AND_TRAINS, TEACHES_IMPORTS_AND_RENDERS], ids=["reads", "teaches"])
def test_nothing_is_unpickled_by_any_verb_from_any_file(calls: str, crops: Path, tmp_path: Path) -> None:
    from toy import spelled, write_toy

    model = write_toy(tmp_path / "model" / "toy")
    spelled("abc").save(tmp_path / "model" / "a.png")
    command = [sys.executable, "-c", NO_PICKLE + calls, model, crops, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    assert done.returncode == 0, done.stderr[-3000:]


def test_the_walk_above_would_find_a_pickle() -> None:
    begins, _, _ = NO_PICKLE.partition("from clipstr.cli.main import run")
    for loads in ("pickle.loads(b'N.')", "import _pickle; _pickle.loads(b'N.')", "kept(kept_dumps(len))"):
        program = f"import pickle\nkept, kept_dumps = pickle.loads, pickle.dumps\n{begins}\n{loads}\n"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "unpickled" in done.stderr.splitlines()[-1]


def environment() -> dict[str, str]:
    """This process's environment, in which the tests' own modules are found."""
    paths = [str(Path(__file__).parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def test_a_data_set_cut_anywhere_is_an_error_of_ours_and_never_a_bus_error(tmp_path: Path) -> None:
    found = read_cut_sets(tmp_path, 100)
    assert found.total() == 100
    assert set(found) <= {("cut", "DataError"), ("cut", "ImageNotFoundError"), ("cut", "LabelError")}


with_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")


@with_pipes
def test_pipes_and_endless_devices_among_the_pictures_of_a_set_are_refused_and_not_waited_for(
    tmp_path: Path,
) -> None:
    write_table(tmp_path, [(png("a"), "a"), (png("b"), "b"), (png("c"), "c")])
    first, second, _ = sorted((tmp_path / "images").iterdir())
    first.unlink()
    second.unlink()
    os.mkfifo(first)
    second.symlink_to("/dev/zero")
    (source,) = find_sources(tmp_path)
    for index in (0, 1):
        with pytest.raises(ImageNotFoundError, match="no regular file"):
            source.image_bytes(index)
    assert source.image_bytes(2) == png("c")
    told: list[str] = []
    found = find_pictures([str(tmp_path)], told=told.append, failed=told.append)
    assert [Path(name).name for name in found] == ["00000002.png"]
    assert find_pictures([f"{tmp_path}/images/*"], told=told.append, failed=told.append) == [
        str(tmp_path / "images" / "00000002.png")
    ]
    assert len([line for line in told if "a pipe or a device, left out" in line]) == 4
    assert find_pictures([str(first)], told=told.append, failed=told.append) == [str(first)]


@with_pipes
@pytest.mark.parametrize("name", ["labels.tsv", "labels.csv", "labels.jsonl", "gt.txt", "a.parquet"])
def test_a_set_whose_table_is_a_pipe_is_refused_and_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match="a pipe"):
        len(find_sources(tmp_path)[0])


@pytest.mark.parametrize("name", ["../a.png", "/etc/hostname", "images/../../a.png", " ", ""])
def test_a_set_of_photographs_reads_no_file_outside_of_its_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "a.png").write_bytes(png("a"))
    (tmp_path / "set" / LABELS).write_text(json.dumps({"file": name, "words": []}))
    with pytest.raises(DataError, match="line 1: .*no path below its folder"):
        load_photographs(tmp_path / "set")


@pytest.mark.parametrize("count", [b"4", b"1000000000000", b"9" * 5000, b"-1", b"1.5", "٣".encode()])
def test_an_lmdb_whose_count_is_wrong_is_refused_before_anybody_counts_to_it(
    tmp_path: Path, count: bytes
) -> None:
    write_lmdb(tmp_path, [(png("a"), "a")])
    with lmdb.open(str(tmp_path), lock=False) as environment, environment.begin(write=True) as transaction:
        transaction.put(b"num-samples", count)
    with pytest.raises(DataError, match="num-samples is"):
        len(LmdbDataset(tmp_path))


COLUMNS = {
    "numbers": pyarrow.array([1, 2]),
    "lists": pyarrow.array([[b"a"], []]),
    "structs": pyarrow.array([{"path": "x"}, {"path": "y"}]),
    "nothing": pyarrow.nulls(2),
    "times": pyarrow.array([2**60, -(2**60)], pyarrow.timestamp("us")),
    "bytes": pyarrow.array([b"\xff\xfe", b""]),
    "texts": pyarrow.array(["/etc/hostname", "../a.png"]),
    "a dictionary": pyarrow.array(["a", "a"]).dictionary_encode(),
    "decimals": pyarrow.array([1, 2], pyarrow.decimal128(10, 2)),
}


@pytest.mark.parametrize("image", COLUMNS)
@pytest.mark.parametrize("text", COLUMNS)
def test_columns_of_parquet_of_any_type_are_errors_of_ours_or_texts(
    tmp_path: Path, image: str, text: str
) -> None:
    file = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table({"image": COLUMNS[image], "text": COLUMNS[text]}), file)
    data = ParquetDataset(tmp_path, [file])
    for index in range(2):
        for part in (data.image_bytes, data.label):
            try:
                found = part(index)
            except ClipstrError:
                continue
            assert isinstance(found, bytes if part == data.image_bytes else str)


def test_a_table_of_a_hundred_thousand_rows_without_a_picture_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "gt.txt").write_text("".join(f"images/{n}.png\tword\n" for n in range(100_000)))
    (source,) = find_sources(tmp_path)
    assert labels_of(source) == ["word"] * 100_000
