"""Labelled word images: where they are stored, and which labels count."""

from clipstr.data.labels import DropReason, FoldedLabel, FoldedLabels, LabelRule
from clipstr.data.lmdb import LmdbDataset, write_lmdb
from clipstr.data.parquet import ParquetDataset, write_parquet
from clipstr.data.sources import Source, find_sources, labels_of, place_below
from clipstr.data.tables import TableDataset, write_table

__all__ = [
    "DropReason",
    "FoldedLabel",
    "FoldedLabels",
    "LabelRule",
    "LmdbDataset",
    "ParquetDataset",
    "Source",
    "TableDataset",
    "find_sources",
    "labels_of",
    "place_below",
    "write_lmdb",
    "write_parquet",
    "write_table",
]
