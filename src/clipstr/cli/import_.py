"""``clipstr import FILE.ckpt --out DIR``: the authors' checkpoints in our format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from clipstr.errors import MissingExtraError

__all__ = ["import_"]


def import_(
    checkpoint: Annotated[
        Path, typer.Argument(help="A checkpoint of the authors' code.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", help="The model folder to write.", show_default=False)],
    name: Annotated[str, typer.Option("--name", help="What to call the model.")] = "clip-ocr",
) -> None:
    """Turn the recogniser in a checkpoint of the authors' CLIP-OCR into a model folder.

    CLIP and the distillation heads in the file are left behind. No code from the file is run.
    """
    try:
        from clipstr.export import import_checkpoint
    except ImportError as error:
        raise MissingExtraError(
            f"importing needs more packages: pip install 'clipstr[train]' ({error})"
        ) from error
    import_checkpoint(checkpoint, out, name=name)
    Console(stderr=True).print(f"wrote {out}; next: clipstr export {out} --out MODEL_DIR", soft_wrap=True)
