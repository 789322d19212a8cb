"""``clipstr models``: the models that are installed."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from clipstr.cli import console
from clipstr.devices import DEVICES
from clipstr.models import CARD_FILE, DEFAULT_MODEL, ModelConfig, installed_models

__all__ = ["models"]


def models(
    devices: Annotated[
        bool, typer.Option("--devices", help="List what can compute here, and what to install for the rest.")
    ] = False,
) -> None:
    """List the models that come with clipstr, and those of other packages that are installed.

    Of each: what it reads, how well, how big it is, where its card lies, and its files' checksums.
    """
    if devices:
        _show_devices()
        return
    for name, folder in installed_models().items():
        config = ModelConfig.load(folder)
        size = sum(record.bytes for record in config.files.values())
        lines = {
            "size": f"{size / 1e6:.1f} MB",
            "accuracy": _accuracy(config.source),
            "confidence": _confidence(config),
            "alphabet": f"{len(config.form.charset.characters)}: {config.form.charset.characters}",
            "longest word": f"{config.form.max_length} characters",
            "card": folder / CARD_FILE,
            **{file: f"sha256 {record.sha256}" for file, record in config.files.items()},
        }
        console.show(f"{name} (default)" if name == DEFAULT_MODEL else name)
        for label, value in lines.items():
            console.show(f"  {label:<23}{value}")


def _show_devices() -> None:
    """A line for each device: whether it can compute here, or why not."""
    from clipstr.providers import problem_with

    for device in DEVICES.values():
        console.show(f"{device.name:<10}{problem_with(device) or 'here'}")


def _confidence(config: ModelConfig) -> str:
    """How far confidence and accuracy are apart, as `clipstr calibrate` measured it."""
    measured = config.source.get("confidence", {}).get("second looks")
    if config.calibration is None or measured is None:
        return "the model's own probabilities"
    return f"calibrated, to {measured['after']:.1%} in the mean"


def _accuracy(source: dict[str, Any]) -> str:
    """What share of its validation words a model reads: as its release measured it, or else its training."""
    if measured := source.get("figures"):
        shares = ", ".join(f"{share:.1%} ({way})" for way, share in measured.items())
        return f"{shares} of its validation words, compared in so many characters"
    accuracy = source.get("validation", {}).get("mean")
    return "not measured" if accuracy is None else f"{accuracy:.1%} of its validation words"
