"""The crops of a source: which are kept, and what is told of the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from clipstr.charset import Charset
from clipstr.data import LabelRule, LmdbDataset, write_lmdb
from clipstr.errors import DataError
from clipstr.training import SourceSettings
from clipstr.training.samples.crops import Crops

LABELS = ["a1", "b-2", "", "c" * 9, "d€", "e5"]


@pytest.fixture
def folder(crops: Path, tmp_path: Path) -> Path:
    """Two data sets, of four and two samples."""
    picture = LmdbDataset(crops / "train" / "bars").image_bytes(0)
    write_lmdb(tmp_path / "sets" / "a", [(picture, label) for label in LABELS[:4]])
    write_lmdb(tmp_path / "sets" / "b", [(picture, label) for label in LABELS[4:]])
    return tmp_path / "sets"


def made(folder: Path, rule: LabelRule) -> Crops:
    return Crops("mine", SourceSettings(paths=(str(folder),)), rule)


def texts(crops: Crops) -> list[str]:
    return [crops.sample(number)[1] for number in range(len(crops))]


def test_kept_crops_are_numbered_over_all_sets_and_the_rest_is_told(folder: Path) -> None:
    crops = made(folder, LabelRule(Charset.named("36"), 5))
    assert texts(crops) == ["a1", "b2", "d", "e5"]
    assert crops.notes() == [
        "mine: 4 crops in 2 data sets",
        "mine: labels left out: 1 too long, 1 empty",
        "mine: characters outside the alphabet, deleted from labels: - (1), € (1)",
    ]


def test_labels_with_unknown_characters_are_left_out_if_so_wished(folder: Path) -> None:
    crops = made(folder, LabelRule(Charset.named("36"), 5, unknown="drop"))
    assert texts(crops) == ["a1", "e5"]
    assert "left out with labels: - (1), € (1)" in crops.notes()[2]


def test_a_source_of_which_nothing_is_left_is_an_error(folder: Path) -> None:
    with pytest.raises(DataError, match=r"data\.sources\.mine: no crop is left after the label rule"):
        made(folder, LabelRule(Charset("xyz"), 5))


def test_a_source_that_cannot_be_read_at_all_is_given_up(tmp_path: Path) -> None:
    write_lmdb(tmp_path, [(b"nonsense", "a")] * 3)
    with pytest.raises(DataError, match="100 crops in a row cannot be read"):
        made(tmp_path, LabelRule(Charset.named("36"))).readable(0)


def test_the_next_crop_that_can_be_read_stands_in_for_one_that_cannot(crops: Path, tmp_path: Path) -> None:
    picture = LmdbDataset(crops / "train" / "bars").image_bytes(0)
    write_lmdb(tmp_path, [(b"nonsense", "a"), (b"", "b"), (picture, "c")])
    pixels, text, problems = made(tmp_path, LabelRule(Charset.named("36"))).readable(0)
    assert (pixels.shape, pixels.dtype, text) == ((32, 128, 3), np.uint8, "c")
    assert [problem.split(" is left out")[0] for problem in problems] == [
        "data.sources.mine: crop 0",
        "data.sources.mine: crop 1",
    ]
