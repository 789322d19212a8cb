"""A folder of static files that reads words in the page itself: no server but one that hands out files.

    npm install --prefix web --ignore-scripts
    python web/build.py --out site && python -m http.server -d site

The page is that of `clipstr serve`; its service is a worker that runs the model with ONNX Runtime Web, whose
files come from npm and are copied. Nothing is fetched from another host, and the page's own rules would not
let it.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from clipstr.errors import InputError
from clipstr.models import DECODER_FILE, ENCODER_FILE, ModelConfig, find_model
from clipstr.serve.pages import FOLDER, page_text

WEB = Path(__file__).parent
RUNTIME = Path("onnxruntime-web")
RUNTIME_FILES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
OURS = ("reader.js", "resizing.js", "service.js", "worker.js")
MODEL = "tiny"  # a page brings its model along: 5 MB where the default one has 32
SHARED = ("card.js", "page.js", "page.css", "icon.svg")


def build(out: Path, *, model: str = MODEL, modules: Path = WEB / "node_modules") -> None:
    """Writes the page and the embedded or exported ``model`` into the folder ``out``.

    ``modules`` is npm's folder. Raises `InputError` if it lacks ONNX Runtime Web, and `ModelError`.
    """
    runtime = modules / RUNTIME / "dist"
    if not runtime.is_dir():
        raise InputError(f"{runtime}: not there; run npm install --prefix web --ignore-scripts")
    folder = find_model(model)
    config = ModelConfig.load(folder)
    for name in (ENCODER_FILE, DECODER_FILE):
        content = config.verified(folder, name)
        (out / "model").mkdir(parents=True, exist_ok=True)
        (out / "model" / name).write_bytes(content)
    # Only what reads, in the newest format whatever the model's is: that is all that reader.js needs to know.
    files = {name: config.files[name] for name in (ENCODER_FILE, DECODER_FILE)}
    replace(config, source={}, files=files).save(out / "model")
    (out / "ort").mkdir(exist_ok=True)
    for name in RUNTIME_FILES:
        shutil.copyfile(runtime / name, out / "ort" / name)
    for source, names in ((WEB, OURS), (FOLDER, SHARED)):
        for name in names:
            shutil.copyfile(source / name, out / name)
    (out / "index.html").write_text(page_text(local=True), encoding="utf-8")


def main(
    out: Annotated[Path, typer.Option(file_okay=False, help="The folder to write.")],
    model: Annotated[str, typer.Option(help="A model's name or folder.")] = MODEL,
    modules: Annotated[Path, typer.Option(help="npm's folder.")] = WEB / "node_modules",
) -> None:
    """Write a folder of static files that reads words in the page itself."""
    build(out, model=model, modules=modules)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    print(f"{out}: {size / 1e6:.1f} MB; serve it, for example with python -m http.server -d {out}")


if __name__ == "__main__":
    typer.run(main)
