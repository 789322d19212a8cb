"""The recogniser: an image encoder and an autoregressive text decoder, each in four stages.

It knows nothing of a teacher: distillation reads its stages by name and stands elsewhere.
"""

from __future__ import annotations

from clipstr.student.config import BASE, SIZES, TINY, StudentConfig
from clipstr.student.recogniser import Features, Recogniser, Stages

__all__ = ["BASE", "SIZES", "TINY", "Features", "Recogniser", "Stages", "StudentConfig"]
