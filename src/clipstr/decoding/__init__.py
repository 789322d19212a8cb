"""From what a model says of a picture to text: greedy, within allowed characters, by a lexicon.

Models are asked through the `Scorer` protocol, so that the same decoder reads with an exported model and
with a recogniser in PyTorch.
"""

from __future__ import annotations

from clipstr.decoding.allowed import allowed_classes
from clipstr.decoding.assembly import assemble, probabilities, reading_of
from clipstr.decoding.beam import Spelled, beam
from clipstr.decoding.decoder import BEAM, Decoder
from clipstr.decoding.greedy import greedy
from clipstr.decoding.lexicon import Choice, Lexicon
from clipstr.decoding.scorer import Follower, Memory, Rows, Scorer

__all__ = [
    "BEAM",
    "Choice",
    "Decoder",
    "Follower",
    "Lexicon",
    "Memory",
    "Rows",
    "Scorer",
    "Spelled",
    "allowed_classes",
    "assemble",
    "beam",
    "greedy",
    "probabilities",
    "reading_of",
]
