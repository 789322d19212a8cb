"""Recognisers in and out: the authors' checkpoints become ours, ours become ONNX graphs that read."""

from __future__ import annotations

from clipstr.export.authors import import_checkpoint
from clipstr.export.compression import Precision
from clipstr.export.exporter import Exported, export_model
from clipstr.export.parity import Parity

__all__ = ["Exported", "Parity", "Precision", "export_model", "import_checkpoint"]
