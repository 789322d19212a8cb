"""``clipstr export MODEL --out DIR``: a trained recogniser as one that reads without PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from clipstr.errors import InputError, MissingExtraError

__all__ = ["export"]


def export(
    model: Annotated[
        Path, typer.Argument(help="A model folder, as train or import wrote it.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", help="The folder to write.", show_default=False)],
    int8: Annotated[
        bool, typer.Option("--int8", help="Store weights in 8 bits: the smallest files.")
    ] = False,
    float32: Annotated[
        bool, typer.Option("--float32", help="Store weights in full: the largest files.")
    ] = False,
    trainable: Annotated[
        bool, typer.Option("--trainable", help="Add weights that a fine-tuning can start from.")
    ] = False,
) -> None:
    """Export MODEL for reading: weights in half precision unless told otherwise, arithmetic in full.

    The exported model is compared with the original on rendered words, and not written if it disagrees.
    """
    if int8 and float32:
        raise InputError("--int8 and --float32 exclude each other")
    try:
        from clipstr.export import export_model
    except ImportError as error:
        raise MissingExtraError(
            f"exporting needs more packages: pip install 'clipstr[train]' ({error})"
        ) from error
    precision: Literal["int8", "float32", "half"] = "int8" if int8 else "float32" if float32 else "half"
    exported = export_model(model, out, precision=precision, trainable=trainable)
    parity = exported.parity
    Console(stderr=True).print(
        f"wrote {out}: {exported.bytes / 1e6:.1f} MB; probabilities within {parity.probability:.1g} of the "
        f"original's, {parity.words:.1%} of {parity.compared} words read the same",
        soft_wrap=True,
        highlight=False,
    )
