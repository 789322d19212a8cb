"""Labelled word images: where they are stored, and which labels count."""

from clipstr.data.labels import DropReason, FoldedLabel, FoldedLabels, LabelRule
from clipstr.data.lmdb import LmdbDataset, find_lmdbs, write_lmdb

__all__ = [
    "DropReason",
    "FoldedLabel",
    "FoldedLabels",
    "LabelRule",
    "LmdbDataset",
    "find_lmdbs",
    "write_lmdb",
]
