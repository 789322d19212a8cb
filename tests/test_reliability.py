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

EXAMPLES = Path(__file__).parent.parent / "examples"


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


ANYWHERE = """
import resource, sys
from clipstr.cli.main import run
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # as on a disk that takes nothing
assert not __debug__
run()
"""


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the examples are not here")
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other limits")
def test_words_are_read_without_a_home_or_a_disk_in_the_c_locale_without_asserts_and_from_an_odd_path(
    tmp_path: Path,
) -> None:
    import clipstr

    odd = tmp_path / "ein Ort, 20 % größer \u65e5"
    odd.mkdir()
    (odd / "clipstr").symlink_to(Path(clipstr.__file__).parent)
    for name in ("hotel", "coffee"):
        (odd / f"{name} é.png").write_bytes((EXAMPLES / f"{name}.png").read_bytes())
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    environment = kept | {"LC_ALL": "C", "PYTHONPATH": str(odd), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-O", "-c", ANYWHERE, "read", "--model", "tiny", "--threads", "1", str(odd)]
    done = subprocess.run(command, capture_output=True, env=environment, cwd=odd, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    lines = [line.split("\t") for line in done.stdout.decode().splitlines()]
    assert [Path(path).name for path, *_ in lines] == ["coffee é.png", "hotel é.png"]
    assert [text.lower() for _, text, _ in lines] == ["coffee", "hotel"]
    assert sorted(path.name for path in odd.iterdir()) == ["clipstr", "coffee é.png", "hotel é.png"]
