"""``clipstr models``: the models that come with the package."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.table import Table

from clipstr.models import DEFAULT_MODEL, ModelConfig, embedded_models

__all__ = ["models"]


def models() -> None:
    """List the embedded models: what they read, how big they are, how well they read, their checksums."""
    table = Table(
        "Model", "Characters", "Longest", "Size", "Validation", "SHA-256 of the encoder, the decoder"
    )
    for name, folder in embedded_models().items():
        config = ModelConfig.load(folder)
        accuracy = config.source.get("validation", {}).get("mean")
        table.add_row(
            f"{name} (default)" if name == DEFAULT_MODEL else name,
            str(len(config.charset.characters)),
            str(config.max_length),
            f"{sum(record.bytes for record in config.files.values()) / 1e6:.1f} MB",
            "" if accuracy is None else f"{accuracy:.1%}",
            "\n".join(record.sha256 for record in config.files.values()),
        )
    Console().print(table)
    typer.echo("Each model's card, CARD.md, lies beside it and says how it was trained and measured:")
    for folder in embedded_models().values():
        typer.echo(str(folder))
