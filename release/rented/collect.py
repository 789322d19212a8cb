"""collect.py RUN OUT: a run's newest weights in half precision and its logs, a tar in parts below 16 MiB."""

import io
import sys
import tarfile
from pathlib import Path

from safetensors.torch import load_file, save

PART = 16_600_000

run, out = Path(sys.argv[1]), Path(sys.argv[2])
kept = next(folder for folder in (run / "latest", run / "best") if (folder / "model.safetensors").exists())
weights = load_file(kept / "model.safetensors")
half = save({name: w.half().contiguous() if w.is_floating_point() else w for name, w in weights.items()})
stream = io.BytesIO()
with tarfile.open(fileobj=stream, mode="w") as tar:
    entry = tarfile.TarInfo("model.safetensors")
    entry.size = len(half)
    tar.addfile(entry, io.BytesIO(half))
    for path in (kept / "config.json", *run.glob("*.json*"), *run.glob("*.png")):
        tar.add(path, path.name)
content = stream.getvalue()
for number, start in enumerate(range(0, len(content), PART)):
    (out / f"{run.name}.tar.{number:02}").write_bytes(content[start : start + PART])
print(f"{kept}: {len(content) / 1e6:.1f} MB")
