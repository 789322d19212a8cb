"""The teacher: a frozen CLIP as one flow of features from picture to text.

It knows nothing of a student: distillation pairs their stages by name and stands elsewhere.
"""

from __future__ import annotations

from clipstr.teacher.clip import GLOBAL_STAGE, Guidance, Teacher, TeacherSizes
from clipstr.teacher.config import TeacherConfig

__all__ = ["GLOBAL_STAGE", "Guidance", "Teacher", "TeacherConfig", "TeacherSizes"]
