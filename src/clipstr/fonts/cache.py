"""What is known of font files, kept on disk, so that their letters are looked at once and not at every start.

One file for each folder of fonts, in a folder that the user names. A font file is known by its path, size and
time of change; what changed is looked at again.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import PIL

from clipstr.errors import OutputError
from clipstr.files import make_folder, write_text
from clipstr.fonts.face import FontFace

__all__ = ["FontCache", "cache_folder"]

FORM = 1  # of what is kept: raised when faces are judged in another way


def cache_folder() -> Path | None:
    """Where the user wants things kept: ``CLIPSTR_CACHE``, or the system's place for caches.

    None if ``CLIPSTR_CACHE`` is empty, or there is no home. Nothing is made there by asking.
    """
    named = os.environ.get("CLIPSTR_CACHE")
    if named is not None:
        return Path(named) if named else None
    with suppress(RuntimeError):  # no home
        if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
            return Path(local) / "clipstr" / "cache"
        if sys.platform == "darwin":
            return Path.home() / "Library" / "Caches" / "clipstr"
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "clipstr"
    return None


class FontCache:
    """The faces of the files of one folder of ``fonts``, kept in ``folder``.

    What cannot be read counts as nothing known, and what cannot be written is not kept: a cache is never
    needed.
    """

    def __init__(self, folder: Path, fonts: Path) -> None:
        name = hashlib.sha256(str(fonts.resolve()).encode(errors="surrogateescape")).hexdigest()[:16]
        self.path = folder / f"fonts-{name}.json"
        self._known: dict[str, Any] = {}
        self._seen: dict[str, Any] = {}
        with suppress(OSError, ValueError, KeyError, TypeError):
            kept = json.loads(self.path.read_text(encoding="utf-8"))
            if kept["judged"] == _judge():
                self._known = dict(kept["files"])

    def faces(self, path: str) -> list[FontFace] | None:
        """The faces of the file ``path``, or None if it is not known as it is now."""
        entry = self._known.get(path)
        try:
            if entry is None or entry["identity"] != _identity(path):
                return None
            faces = [FontFace(path=path, **face) for face in entry["faces"]]
        except (OSError, KeyError, TypeError):
            return None
        self._seen[path] = entry
        return faces

    def learn(self, path: str, faces: list[FontFace]) -> None:
        """Note the ``faces`` of the file ``path``; `keep` writes them."""
        with suppress(OSError):
            plain = [{key: value for key, value in asdict(face).items() if key != "path"} for face in faces]
            self._seen[path] = {"identity": _identity(path), "faces": plain}

    def keep(self) -> None:
        """Write what was learned, whole, unless it is what stands there already."""
        if self._seen == self._known:
            return
        with suppress(OutputError, UnicodeEncodeError):
            make_folder(self.path.parent)
            text = json.dumps({"judged": _judge(), "files": self._seen}, ensure_ascii=False)
            write_text(self.path, text)


def _judge() -> Mapping[str, Any]:
    """By what faces are judged: another version may see them otherwise."""
    return {"form": FORM, "pillow": PIL.__version__}


def _identity(path: str) -> list[int]:
    status = Path(path).stat()
    return [status.st_size, status.st_mtime_ns]
