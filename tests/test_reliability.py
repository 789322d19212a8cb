"""What people trust with their files must not crash, hang, run code or answer differently tomorrow.

Each promise of docs/reliability.md that is tested here has a longer run in benchmarks/hardening.
"""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clipstr.reader import Reader

pytest.importorskip("pyarrow")

from hardening import bombs, read_cut_sets, read_mutated_models, seconds_to_refuse

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.mark.parametrize("kind", bombs())
def test_a_bomb_is_refused_by_its_header_within_50_milliseconds(kind: str) -> None:
    refused, seconds = seconds_to_refuse(bombs()[kind])
    assert refused == "ImageTooLargeError"
    assert seconds < 0.05


ONLY_LISTED = """
import io, sys

def watch(event, arguments):
    if event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.startfile"):
        raise SystemExit(f"{event} {arguments}")

sys.addaudithook(watch)
from PIL import Image
from clipstr.errors import ImageError
from clipstr.encoded import _FORMATS
from clipstr.imaging import load_image

listed = {format_ for _, _, format_, _ in _FORMATS}
Image.init()
picture, opened, refused = Image.new("RGB", (16, 16), "red"), set(), set()
foreign = {
    "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\\n%%BoundingBox: 0 0 10 10\\nshowpage\\n",
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
    "PSD": b"8BPS" + bytes([0, 1] + [0] * 6 + [0, 3, 0, 0, 0, 9, 0, 0, 0, 9, 0, 8, 0, 3]) + bytes(200),
    "WMF": b"\\xd7\\xcd\\xc6\\x9a" + bytes(200),
    "PostScript by a false ending": b"%!PS\\n(x) show\\n",
    "pickle": b"\\x80\\x04\\x95" + bytes(50),
    "zip": b"PK\\x03\\x04" + bytes(50),
}
for format_ in sorted(Image.SAVE):
    for mode in ("RGB", "L", "1", "P"):
        buffer = io.BytesIO()
        try:
            picture.convert(mode).save(buffer, format_)
        except SystemExit as stopped:
            break  # a program would be needed to write it
        except Exception:
            continue
        foreign[format_] = buffer.getvalue()
        break
for name, content in foreign.items():
    try:
        load_image(content)
        opened.add(name)
    except ImageError as error:
        refused.add((name, type(error).__name__))
may = listed | {"DIB", "SPIDER", "MPO", "PNG", "HEIF"}
assert opened <= may, opened - may
assert {"PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM"} <= opened, opened
for name in ("EPS", "SVG", "PSD", "PDF", "IM", "TGA"):
    assert (name, "NotAnImageError") in refused, refused
"""


def test_only_listed_formats_are_opened_and_no_program_is_started() -> None:
    done = subprocess.run([sys.executable, "-c", ONLY_LISTED], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


NO_PICKLE = """
import pickle, sys
from pathlib import Path

def refuse(*arguments, **named):
    raise AssertionError("something is unpickled")

import pandas, pyarrow, pyarrow.parquet, pyarrow.fs, lmdb, cv2  # at their import they may do what they like
import torch, torchvision, timm, onnx, lightning
pickle.load = pickle.loads = pickle.Unpickler = refuse
import _pickle
_pickle.load = _pickle.loads = _pickle.Unpickler = refuse

def watch(event, arguments):
    if event == "pickle.find_class":
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
examples = Path(sys.argv[0])
call("read", model.parent / "a.png", "--model", model)
call("models")
call("evaluate", "--data", crops / "val" / "bars", "--model", model)
call("data", "check", crops / "val" / "bars")
for name, target in (("lmdb", "l"), ("parquet", "p"), ("folder", "t")):
    call("data", "convert", crops / "val" / "bars", "--out", out / target, "--to", name)
    call("evaluate", "--data", out / target, "--model", model)
call("bulk", out / "p", "--out", out / "bulk", "--model", model, "--actors", "0")
call("bulk", out / "l", "--out", out / "bulk-lmdb", "--model", model, "--actors", "0")

from runs import Watcher, bars_recipe, new_trainer
recipe = bars_recipe(crops, samples=64)
new_trainer(recipe, out / "run", Watcher(stop_after=3)).run()
assert (out / "run" / "last.ckpt").exists()
new_trainer(recipe, out / "run", Watcher(), resume=True).run()
call("export", out / "run" / "best", "--out", out / "exported")
call("read", model.parent / "a.png", "--model", out / "exported")
"""


def test_nothing_is_unpickled_by_any_verb_from_any_file(toy_model: Path, crops: Path, tmp_path: Path) -> None:
    from toy import spelled, write_toy

    model = write_toy(tmp_path / "model" / "toy")
    spelled("abc").save(tmp_path / "model" / "a.png")
    command = [sys.executable, "-c", NO_PICKLE, model, crops, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment())
    assert done.returncode == 0, done.stderr[-3000:]


def environment() -> dict[str, str]:
    """This process's environment, in which the tests' own modules are found."""
    paths = [str(Path(__file__).parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def test_a_damaged_model_is_an_error_of_ours_or_reads_the_right_text(toy_model: Path, tmp_path: Path) -> None:
    found = read_mutated_models(toy_model, tmp_path, 120)
    assert found.total() == 120
    allowed = {"ModelFileError", "ModelNotFoundError", "right text"}
    # What a config vouches for, and the config itself, nobody can tell from another model.
    vouched = {"encoder.onnx, vouched for", "decoder.onnx, vouched for", "config.json"}
    allowed_pairs = {(name, "another text") for name in vouched}
    assert not {case for case in found if case[1] not in allowed and case not in allowed_pairs}
    assert found["encoder.onnx", "ModelFileError"] > 10


def test_a_data_set_cut_anywhere_is_an_error_of_ours_and_never_a_bus_error(tmp_path: Path) -> None:
    found = read_cut_sets(tmp_path, 100)
    assert found.total() == 100
    assert set(found) <= {("cut", "DataError"), ("cut", "ImageNotFoundError"), ("cut", "LabelError")}


def pictures() -> list[Image.Image]:
    """The examples, in a few sizes each."""
    whole = [Image.open(path).convert("RGB") for path in sorted(EXAMPLES.glob("*.png"))]
    return [picture.resize((width, 40)) for picture in whole for width in (60, 120, 200)]


def same(found: object, expected: object) -> bool:
    """Whether two lists of readings have the same texts, and confidences to float32's rounding."""
    assert isinstance(found, list)
    assert isinstance(expected, list)
    texts = [reading.text for reading in found] == [reading.text for reading in expected]
    sure = [[reading.confidence for reading in readings] for readings in (found, expected)]
    return texts and bool(np.allclose(*sure, atol=2e-5))


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the examples are not here")
def test_a_word_reads_the_same_in_any_batch_order_thread_and_after_any_others() -> None:
    reader, given = Reader("tiny", threads=1), pictures()
    expected = [reader.read(picture) for picture in given]
    assert len({reading.text for reading in expected}) > 5
    assert same(reader.read(given), expected)
    assert same(reader.read(given[::-1])[::-1], expected)
    for size in (1, 3, 64):
        assert same(Reader("tiny", batch_size=size, threads=1).read(given), expected)
    assert same(Reader("tiny", threads=8).read(given), expected)
    with ThreadPoolExecutor(8) as threads:
        assert same(list(threads.map(reader.read, given)), expected)


IN_PROCESSES = """
import multiprocessing, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_reliability import pictures
from clipstr.reader import Reader

reader = Reader("tiny", threads=1)

def texts(_):
    return [reading.text for reading in reader.read(pictures())]

if __name__ == "__main__":
    here = texts(0)
    for method in ("fork", "spawn"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            assert pool.map(texts, [0]) == [here], method
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
@pytest.mark.skipif(not EXAMPLES.exists(), reason="the examples are not here")
def test_a_word_reads_the_same_in_processes_that_are_forked_and_spawned(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(IN_PROCESSES)
    command = [sys.executable, program, Path(__file__).parent]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_readers_in_many_threads_do_not_grow(toy_model: Path) -> None:
    from toy import spelled

    reader, picture = Reader(toy_model, threads=1), spelled("badge")

    def memory() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    def reads() -> None:
        for _ in range(8):
            reader.read(picture)

    def turn() -> None:
        threads = [threading.Thread(target=reads) for _ in range(32)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    turn()
    before = memory()
    for _ in range(3):
        turn()
    assert memory() - before < 20 << 20
