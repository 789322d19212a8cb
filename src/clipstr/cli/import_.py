"""``clipstr import FILE.ckpt --out DIR``: the authors' checkpoints in our format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clipstr.cli import console
from clipstr.cli.options import OutFolder, filled, input_path

__all__ = ["import_"]


def import_(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            parser=input_path,
            metavar="FILE",
            help="A checkpoint of the authors' code.",
            show_default=False,
        ),
    ],
    out: OutFolder,
    name: Annotated[
        str, typer.Option("--name", parser=filled, metavar="NAME", help="What to call the model.")
    ] = "clip-ocr",
) -> None:
    """Turn the recogniser in a checkpoint of the authors' CLIP-OCR into a model folder.

    CLIP and the distillation heads in the file are left behind. No code from the file is run.
    """
    with console.needs_extra("train", "importing"):
        from clipstr.export import import_checkpoint
    import_checkpoint(checkpoint, out, name=name)
    console.tell(f"wrote {out}; next: clipstr export {out} --out MODEL_DIR")
