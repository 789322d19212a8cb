"""The crops that paths mean: pictures, or the samples of data sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from clipstr.data import Source, find_sources
from clipstr.errors import ClipstrError, DataError, ImageError, ImageNotFoundError, InputError
from clipstr.labelling.proposals import Crop
from clipstr.pictures import find_pictures

__all__ = ["Crops", "find_crops"]


class Crops:
    """The crops of files and data sets, each opened when its turn comes; what cannot be is its error."""

    def __init__(self, found: Sequence[Source | Path]) -> None:
        self._found = found

    def __len__(self) -> int:
        return sum(1 if isinstance(each, Path) else len(each) for each in self._found)

    def __iter__(self) -> Iterator[Crop | ImageError]:
        for each in self._found:
            if isinstance(each, Path):
                yield _file(each)
            else:
                yield from (_sample(each, index) for index in range(len(each)))
                each.close()


def find_crops(paths: Sequence[str], *, told: Callable[[str], None], failed: Callable[[str], None]) -> Crops:
    """The crops at ``paths``, in order.

    A path with data sets means all their samples, whose labels are ignored; any other one files, a folder or
    a pattern, as `find_pictures` has it, with ``told`` and ``failed``. Raises `InputError` if there is
    nothing at all.
    """
    found: list[Source | Path] = []
    for path in paths:
        files = [] if (sets := _data_sets(path)) else find_pictures([path], told=told, failed=failed)
        found += [*sets, *(Path(name) for name in files)]
    if not any(not isinstance(each, Path) or each.exists() for each in found):
        raise InputError(f"nothing to label at {', '.join(paths)}: no pictures and no data sets there")
    return Crops(found)


def _data_sets(path: str) -> list[Source]:
    try:
        return find_sources(path)
    except DataError:
        return []


def _file(path: Path) -> Crop | ImageError:
    try:
        return Crop(str(path), path.read_bytes())
    except OSError as error:
        return ImageNotFoundError(f"{path}: {error.strerror}")


def _sample(source: Source, index: int) -> Crop | ImageError:
    origin = f"{source.path}, sample {index}"
    try:
        return Crop(origin, source.image_bytes(index))
    except ClipstrError as error:
        return error if isinstance(error, ImageError) else ImageNotFoundError(f"{origin}: {error}")
