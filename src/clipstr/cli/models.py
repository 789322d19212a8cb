"""``clipstr models``: the models that are installed."""

from __future__ import annotations

import typer

from clipstr.models import DEFAULT_MODEL, ModelConfig, installed_models

__all__ = ["models"]


def models() -> None:
    """List the models that come with clipstr, and those of other packages that are installed.

    Of each: what it reads, how well, how big it is, where its card lies, and its files' checksums.
    """
    for name, folder in installed_models().items():
        config = ModelConfig.load(folder)
        accuracy = config.source.get("validation", {}).get("mean")
        size = sum(record.bytes for record in config.files.values())
        lines = {
            "size": f"{size / 1e6:.1f} MB",
            "accuracy": "not measured" if accuracy is None else f"{accuracy:.1%} of its validation words",
            "alphabet": f"{len(config.charset.characters)}: {config.charset.characters}",
            "longest word": f"{config.max_length} characters",
            "card": folder / "CARD.md",
            **{file: f"sha256 {record.sha256}" for file, record in config.files.items()},
        }
        typer.echo(f"{name} (default)" if name == DEFAULT_MODEL else name)
        for label, value in lines.items():
            typer.echo(f"  {label:<14}{value}")
