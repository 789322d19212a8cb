"""Labels for pictures that have none: by our reader, alone or together with a second one."""

from __future__ import annotations

from clipstr.labelling.crops import Crops, find_crops
from clipstr.labelling.proposals import Crop, Proposal, Rules, propose
from clipstr.labelling.seconds import open_second
from clipstr.labelling.writing import Labelled, write_labels

__all__ = [
    "Crop",
    "Crops",
    "Labelled",
    "Proposal",
    "Rules",
    "find_crops",
    "open_second",
    "propose",
    "write_labels",
]
