"""``clipstr export MODEL --out DIR``: a trained recogniser as one that reads without PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clipstr.cli import console
from clipstr.cli.options import OutFolder, Precision, PrecisionChoice, input_path

__all__ = ["export"]


def export(
    model: Annotated[
        Path,
        typer.Argument(
            parser=input_path,
            metavar="MODEL",
            help="A model folder, as train or import wrote it.",
            show_default=False,
        ),
    ],
    out: OutFolder,
    precision: PrecisionChoice = Precision.half,
    trainable: Annotated[
        bool, typer.Option("--trainable", help="Add weights that a fine-tuning can start from.")
    ] = False,
) -> None:
    """Export MODEL for reading: weights in half precision unless told otherwise, arithmetic in full.

    The exported model is compared with the original on rendered words, and not written if it disagrees.
    """
    with console.needs_extra("train", "exporting"):
        from clipstr.export import export_model
    exported = export_model(model, out, precision=precision.value, trainable=trainable)
    parity = exported.parity
    console.tell(
        f"wrote {out}: {exported.bytes / 1e6:.1f} MB; probabilities within {parity.probability:.1g} of the "
        f"original's, {parity.words:.1%} of {parity.compared} words read the same"
    )
