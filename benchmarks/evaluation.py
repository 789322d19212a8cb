"""What `clipstr evaluate` costs beside the reader itself: time and memory on many crops.

    python benchmarks/evaluation.py [--count 10000] [--data DIR] [--model tiny]

The crops are those below ``--data`` over and over, or rendered words. Both ways take turns, block by block,
so that whatever else the machine does slows both alike: the reader given the pictures' bytes, and the
evaluation of the same block in three alphabets, its words kept in a file. Memory is the most that the process
held, after a tenth of the crops and at the end.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from io import BytesIO
from itertools import cycle, islice
from pathlib import Path

from PIL import Image

from clipstr import Reader
from clipstr.charset import Charset
from clipstr.data import LabelRule, find_sources, write_lmdb
from clipstr.evaluation import judged, read_all
from clipstr.processors import peak_memory

BLOCK = 500
RULES = [LabelRule(Charset.named(name)) for name in ("36", "62", "94")]


def crops(data: Path | None) -> Iterator[tuple[bytes, str]]:
    """Labelled pictures without an end."""
    if data is not None:
        sources = find_sources(data)
        yield from cycle((s.image_bytes(i), s.label(i)) for s in sources for i in range(len(s)))
    from clipstr.fonts import find_fonts
    from clipstr.synth import SynthConfig, WordRenderer

    renderer, number = WordRenderer(SynthConfig(), fonts=find_fonts(())), 0
    while True:
        sample = renderer.sample(0, number, 0.5)
        buffer = BytesIO()
        Image.fromarray(sample.image).save(buffer, "JPEG", quality=90)
        yield buffer.getvalue(), sample.label
        number += 1


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    reader = Reader(options.model, threads=options.threads)
    alone = whole = 0.0
    early = 0.0
    remaining = crops(options.data)
    with tempfile.TemporaryDirectory() as scratch:
        for start in range(0, options.count, BLOCK):
            block = list(islice(remaining, min(BLOCK, options.count - start)))
            folder = Path(scratch) / "data" / str(start)
            write_lmdb(folder, block)
            begun = time.process_time()
            reader.read_images([picture for picture, _ in block])
            alone += time.process_time() - begun
            begun = time.process_time()
            readings = read_all(reader, folder, RULES, Path(scratch) / "kept", key={})
            for rule in RULES:
                judged(readings, rule)
            whole += time.process_time() - begun
            if start <= options.count // 10:
                early = peak_memory() / 1e6
    print(f"{options.count:,} crops, {options.model}, processor seconds: reader {alone:.1f}, ", end="")
    print(f"evaluation {whole:.1f}, {whole / alone:.3f} times; ", end="")
    print(f"memory {early:.0f} MB after a tenth, {peak_memory() / 1e6:.0f} MB at the end")


if __name__ == "__main__":
    main()
