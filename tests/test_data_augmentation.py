"""Augmented crops: another picture of the same word, the same one for the same chance."""

from __future__ import annotations

import numpy as np
import pytest

from clipstr.data.augmentation import AUGMENTATIONS, augment


def crop(width: int = 120, height: int = 40) -> np.ndarray:
    columns = (np.arange(width) // 10 % 2 * 200).astype(np.uint8)
    return np.tile(columns[None, :, None], (height, 1, 3))


@pytest.mark.parametrize("name", sorted(AUGMENTATIONS))
def test_the_same_chance_makes_the_same_picture(name: str) -> None:
    one, other = (AUGMENTATIONS[name](crop(), np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(one, other)


def test_other_chances_make_other_pictures() -> None:
    pictures = [augment(crop(), np.random.default_rng(seed)).tobytes() for seed in range(20)]
    assert len(set(pictures)) > 15


@pytest.mark.parametrize("name", sorted(AUGMENTATIONS))
def test_the_picture_given_is_left_alone(name: str) -> None:
    picture = crop()
    for seed in range(10):
        AUGMENTATIONS[name](picture, np.random.default_rng(seed))
    assert np.array_equal(picture, crop())


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (900, 2), (640, 480)])
def test_any_size_comes_out_in_colour_and_at_most_64_pixels_high(size: tuple[int, int]) -> None:
    for seed in range(30):
        changed = augment(crop(*size), np.random.default_rng(seed))
        assert changed.dtype == np.uint8
        assert changed.shape[0] == min(size[1], 64)
        assert changed.shape[2] == 3


def test_most_pictures_keep_the_strokes_they_had() -> None:
    """Strokes in the middle row: a picture whose contrast is gone could teach nothing."""
    contrasts = [augment(crop(), np.random.default_rng(seed))[20].std() for seed in range(100)]
    assert np.mean(np.array(contrasts) > 15) > 0.95
