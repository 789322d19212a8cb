"""Time and peak memory of the linguistic consistency loss: the direct form beside the one in blocks.

    python benchmarks/consistency_memory.py

Every figure is measured in a process of its own, on one thread, with both sides trained as they are behind
their norms. Columns: the rows; then for either form the seconds of one forward and backward pass (the best of
--repeats; of processor time, so that other work on the machine counts little) and how far resident memory at
its peak rose above what the process held before, gradients included. Where the direct form would need
more than --most GiB it is not run; its need by reckoning (four maps of rows x rows in float32) stands in
brackets. The largest case is a batch of 1,024 words with 26 positions each. Needs Linux, which can set
a process's peak back (``/proc/self/clear_refs``).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from clipstr.processors import peak_memory

MAPS = 4  # that the direct form holds at its peak: measured 4.1 at 8,192 and at 16,384 rows


def measure(form: str, rows: int, dim: int, repeats: int) -> dict[str, float]:
    """Seconds and MiB of one pass; called in a process of its own."""
    import torch
    from torch.nn import functional

    from clipstr.distil.losses import consistency

    call = partial(consistency, block_rows=None) if form == "direct" else consistency
    torch.set_num_threads(1)
    warm = functional.normalize(torch.randn(64, dim), dim=1).requires_grad_()
    call(warm, warm.detach()).backward()
    student, teacher = (
        functional.normalize(torch.randn(rows, dim), dim=1).requires_grad_() for _ in range(2)
    )
    # Making the inputs took more than they hold: that peak would hide as much of the loss's own.
    Path("/proc/self/clear_refs").write_text("5")
    before = peak_memory() / 2**20
    times = []
    for _ in range(repeats):
        student.grad = teacher.grad = None
        began = time.process_time()
        call(student, teacher).backward()
        times.append(time.process_time() - began)
    return {"seconds": min(times), "mib": peak_memory() / 2**20 - before}


def in_a_process(form: str, rows: int, options: argparse.Namespace) -> dict[str, float]:
    """`measure` in a new process."""
    given = [form, str(rows), str(options.dim), str(options.repeats)]
    # By itself glibc keeps what is freed below 32 MiB, which makes small cases look larger than they are.
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": str(2**20)}
    done = subprocess.run(
        [sys.executable, __file__, "--measure", *given],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def main() -> None:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--rows", type=int, nargs="+", default=[1024, 2048, 4096, 8192, 16384, 1024 * 26])
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--most", type=float, default=8.0, help="GiB that the direct form may take")
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        form, *numbers = options.measure
        print(json.dumps(measure(form, *map(int, numbers))))
        return
    print(f"{'rows':>7}{'direct s':>12}{'direct MiB':>14}{'blocks s':>12}{'blocks MiB':>14}")
    for rows in options.rows:
        blocks = in_a_process("blocks", rows, options)
        needed = MAPS * rows**2 * 4 / 2**20
        if needed <= options.most * 1024:
            direct = in_a_process("direct", rows, options)
            shown = f"{direct['seconds']:12.2f}{direct['mib']:14.0f}"
        else:
            shown = f"{'-':>12}{f'({needed:.0f})':>14}"
        print(f"{rows:7}{shown}{blocks['seconds']:12.2f}{blocks['mib']:14.0f}", flush=True)


if __name__ == "__main__":
    main()
