"""Every error that clipstr raises on purpose, in one tree.

::

    ClipstrError
    ├── InputError              what the caller gave cannot be used (also a ValueError)
    │   ├── ImageError          one picture cannot be read
    │   │   ├── ImageNotFoundError      no file there, or no permission to open it
    │   │   ├── EmptyImageError         no bytes, or no pixels
    │   │   ├── NotAnImageError         bytes that are no picture we know
    │   │   ├── DamagedImageError       a picture that breaks off or does not decode
    │   │   └── ImageTooLargeError      more pixels, memory or time than we agree to spend
    │   ├── CharsetError        an alphabet, or a text that does not fit one
    │   ├── DeviceError         what should compute is not there, or cannot compute the model
    │   ├── LexiconError        a word list that leaves nothing to choose from
    │   └── RecipeError         a training recipe with a wrong key or value
    ├── ModelError              a model that cannot be used
    │   ├── ModelNotFoundError          no model of that name or in that folder
    │   ├── ModelFileError              a model file is missing, damaged or of another format
    │   └── CheckpointError             a foreign checkpoint that is not the recogniser it should be
    ├── DataError               a data set that cannot be used
    │   └── LabelError          one sample has no label, or one that is no text
    ├── OutputError             something cannot be written (also an OSError)
    ├── ExportError             an exported model that would not read as the original does
    ├── TeacherError            a CLIP that cannot teach, or a label that it cannot be told
    ├── TrainingError           a training run that cannot go on
    ├── BulkError               a job of bulk reading that is not complete
    ├── ExperimentError         a part of an experiment that failed
    │   └── UnfinishedError         there is more to do: the same call goes on with it
    └── MissingExtraError       a part of clipstr that needs an extra which is not installed

Each message says what failed, what was given and what to do.
"""

from __future__ import annotations

__all__ = [
    "BulkError",
    "CharsetError",
    "CheckpointError",
    "ClipstrError",
    "DamagedImageError",
    "DataError",
    "DeviceError",
    "EmptyImageError",
    "ExperimentError",
    "ExportError",
    "ImageError",
    "ImageNotFoundError",
    "ImageTooLargeError",
    "InputError",
    "LabelError",
    "LexiconError",
    "MissingExtraError",
    "ModelError",
    "ModelFileError",
    "ModelNotFoundError",
    "NotAnImageError",
    "OutputError",
    "RecipeError",
    "TeacherError",
    "TrainingError",
    "UnfinishedError",
]


class ClipstrError(Exception):
    """The root: catch it to catch everything that clipstr raises on purpose."""


class InputError(ClipstrError, ValueError):
    """What the caller gave cannot be used."""


class ImageError(InputError):
    """One picture cannot be read; the others can."""


class ImageNotFoundError(ImageError):
    """There is no such file, or it may not be opened."""


class EmptyImageError(ImageError):
    """The file has no bytes, or the picture has no pixels."""


class NotAnImageError(ImageError):
    """The bytes are no picture in a format we know."""


class DamagedImageError(ImageError):
    """The picture breaks off or does not decode."""


class ImageTooLargeError(ImageError):
    """The picture has more pixels, or a PDF's page takes more memory or time, than we agree to spend."""


class CharsetError(InputError):
    """An alphabet is unusable, or a text does not fit it."""


class DeviceError(InputError):
    """What should compute is not there, or it cannot compute the model."""


class LexiconError(InputError):
    """A word list leaves nothing to choose from."""


class RecipeError(InputError):
    """A training recipe holds a wrong key or value."""


class ModelError(ClipstrError):
    """A model cannot be used."""


class ModelNotFoundError(ModelError):
    """There is no model of that name or in that folder."""


class ModelFileError(ModelError):
    """A model file is missing, damaged or of another format."""


class CheckpointError(ModelError):
    """A foreign checkpoint is not the recogniser that it should be."""


class DataError(ClipstrError):
    """A data set cannot be used."""


class LabelError(DataError):
    """One sample has no label, or one that is no text; the others have theirs."""


class OutputError(ClipstrError, OSError):
    """A file, a folder or a standard stream cannot be written: no such place, no right, a full disk."""


class ExportError(ClipstrError):
    """An exported model would not read as the original does, and was not written."""


class TeacherError(ClipstrError):
    """A CLIP cannot teach, or a label cannot be put to it."""


class TrainingError(ClipstrError):
    """A training run cannot go on."""


class ExperimentError(ClipstrError):
    """A part of an experiment failed; the others are kept."""


class UnfinishedError(ExperimentError):
    """An experiment was interrupted or ran out of time; the same call goes on with it."""


class BulkError(ClipstrError):
    """A job of bulk reading is not complete; what was read stands, and the next call goes on."""


class MissingExtraError(ClipstrError, ImportError):
    """A part of clipstr needs an extra which is not installed."""
