"""How many words read otherwise on other processors, emulated by QEMU (`apt-get install qemu-user`).

python benchmarks/hardening/processors.py --data ../shared/real/val --words 200 --cpus Haswell Nehalem

Haswell has AVX2, Nehalem SSE4.2 alone; what this machine has is the first line. ONNX Runtime and NumPy choose
their kernels by what the processor says of itself, so these are the kernels that such a machine would run.
QEMU emulates no AVX512. Words are read one by one at one look; it takes seconds a word.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

READS = """
import json, sys
from clipstr.data import find_sources
from clipstr.reader import Reader

model, data, words = sys.argv[1], sys.argv[2], int(sys.argv[3])
sources = find_sources(data)
whole = [(source, number) for source in sources for number in range(len(source))]
reader = Reader(model, threads=1, second_looks=False, known_words=False)
for source, number in whole[:: max(1, len(whole) // words)][:words]:
    reading = reader.read(source.image_bytes(number))
    print(json.dumps([reading.text, reading.confidence]), flush=True)
"""


def readings(before: Sequence[str], model: str, data: Path, words: int) -> tuple[list[str], list[float]]:
    """The texts and confidences of ``words`` crops, by a process that ``before`` starts."""
    command = [*before, sys.executable, "-c", READS, model, str(data), str(words)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return [text for text, _ in found], [confidence for _, confidence in found]


def features() -> str:
    """What this machine's processor says of its vectors."""
    known = ("sse4_2", "avx", "avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8")
    try:
        flags = Path("/proc/cpuinfo").read_text().partition("flags")[2].partition("\n")[0].split()
    except OSError:
        return "unknown"
    return " ".join(name for name in known if name in flags)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--words", type=int, default=200)
    parser.add_argument("--models", nargs="+", default=["tiny", "full"])
    parser.add_argument("--cpus", nargs="+", default=["Haswell", "Nehalem"])
    options = parser.parse_args()
    print(f"this machine: {features()}")
    for model in options.models:
        texts, sure = readings([], model, options.data, options.words)
        for cpu in options.cpus:
            began = time.monotonic()
            others, otherwise = readings(["qemu-x86_64", "-cpu", cpu], model, options.data, options.words)
            differ = sum(a != b for a, b in zip(texts, others, strict=True))
            most = max(abs(a - b) for a, b in zip(sure, otherwise, strict=True))
            print(
                f"{model} on {cpu}: {differ} of {len(texts)} words differ, confidences by {most:.1e} at most "
                f"({time.monotonic() - began:.0f} s)",
                flush=True,
            )


if __name__ == "__main__":
    main()
