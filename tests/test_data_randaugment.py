"""RandAugment against Pillow's own operations, and its choice against PARSeq's rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps
from timm.data import auto_augment

from clipstr.data import randaugment
from clipstr.data.randaugment import OPERATIONS, Operation, rand_augment

BY_NAME = {operation.name: operation for operation in OPERATIONS}


def picture(seed: int = 0, size: tuple[int, int] = (90, 31)) -> np.ndarray:
    """Smooth colours, so that rounding of places shows little and a wrong place much."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(20, 230, (4, 9, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC))


class Chance:
    """A generator whose sign and interpolation are known."""

    def __init__(self, *, positive: bool, cubic: bool = False) -> None:
        self.positive, self.cubic = positive, cubic

    def random(self) -> float:
        return 0.0 if self.positive else 0.9

    def integers(self, _: int) -> int:
        return int(self.cubic)


def changed(name: str, pixels: np.ndarray, *, positive: bool = True, cubic: bool = False) -> np.ndarray:
    """At magnitude 5 of 10."""
    return BY_NAME[name].apply(pixels, 0.5, Chance(positive=positive, cubic=cubic))  # type: ignore[arg-type]


LEVELS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "AutoContrast": ImageOps.autocontrast,
    "Equalize": ImageOps.equalize,
    "Invert": ImageOps.invert,
    "PosterizeIncreasing": lambda image: ImageOps.posterize(image, 2),
    "SolarizeIncreasing": lambda image: ImageOps.solarize(image, 128),
    "SolarizeAdd": lambda image: image.point([min(255, i + 55) if i < 128 else i for i in range(256)] * 3),
}


@pytest.mark.parametrize("name", LEVELS)
@pytest.mark.parametrize("seed", range(4))
def test_tables_of_levels_are_exactly_pillows(name: str, seed: int) -> None:
    pixels = picture(seed)
    assert np.array_equal(changed(name, pixels), np.asarray(LEVELS[name](Image.fromarray(pixels))))


@pytest.mark.parametrize("name", ["Color", "Contrast", "Brightness"])
@pytest.mark.parametrize("positive", [True, False])
def test_enhancements_are_pillows_to_one_level(name: str, positive: bool) -> None:
    factor = 1.45 if positive else 0.55
    for seed in range(4):
        pixels = picture(seed)
        expected = getattr(ImageEnhance, name)(Image.fromarray(pixels)).enhance(factor)
        mine = changed(f"{name}Increasing", pixels, positive=positive).astype(int)
        assert np.abs(mine - np.asarray(expected)).max() <= 1


GEOMETRY = {
    "ShearX": (1, 0.45, 0, 0, 1, 0),
    "ShearY": (1, 0, 0, 0.1, 1, 0),
    "TranslateXRel": (1, 0, 0.05 * 90, 0, 1, 0),
    "TranslateYRel": (1, 0, 0, 0, 1, 0.15 * 31),
}


@pytest.mark.parametrize("name", GEOMETRY)
@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize("cubic", [True, False])
def test_shears_and_shifts_are_pillows_but_for_the_rounding_of_places(
    name: str, positive: bool, cubic: bool
) -> None:
    """OpenCV rounds places to 1/32 pixel, and blends with the grey outside where Pillow has an edge."""
    pixels = picture()
    matrix = [value if place in (0, 4) or positive else -value for place, value in enumerate(GEOMETRY[name])]
    kind = Image.Resampling.BICUBIC if cubic else Image.Resampling.BILINEAR
    expected = np.asarray(
        Image.fromarray(pixels).transform(
            (90, 31), Image.Transform.AFFINE, matrix, resample=kind, fillcolor=(128, 128, 128)
        )
    )
    mine = changed(name, pixels, positive=positive, cubic=cubic)
    difference = np.abs(mine.astype(int) - expected).max(2)
    assert difference.mean() < 3.0
    assert np.quantile(difference, 0.9) <= 3


@pytest.mark.parametrize("degrees", [15, -15, 3, 30])
def test_turned_pictures_are_pillows_and_nothing_is_cut(degrees: float) -> None:
    pixels = picture()
    expected = Image.fromarray(pixels).rotate(
        degrees, Image.Resampling.BILINEAR, expand=True, fillcolor=(128, 128, 128)
    )
    mine = randaugment.rotated(pixels, degrees, cv2.INTER_LINEAR)
    assert mine.shape == np.asarray(expected).shape
    assert np.abs(mine.astype(int) - np.asarray(expected)).max(2).mean() < 3.0


def test_blur_is_bounded_by_the_pictures_size() -> None:
    """Two pixels at magnitude 5, and one for pictures below 75 pixels, since 2 % of them is less."""
    for width, radius in ((300, 2), (40, 1)):
        pixels = picture(size=(width, 31))
        assert np.array_equal(changed("GaussianBlur", pixels), cv2.GaussianBlur(pixels, (0, 0), radius))


def test_noise_is_poissons_with_either_sign_and_alike_in_all_channels() -> None:
    pixels = np.full((60, 200, 3), 128, np.uint8)
    noise = BY_NAME["PoissonNoise"].apply(pixels, 0.5, np.random.default_rng(0)).astype(int) - 128
    assert (noise[..., 0] == noise[..., 2]).all()
    sizes = np.abs(noise[..., 0])
    assert sizes.mean() == pytest.approx(21, abs=0.5)  # 20 made odd
    assert sizes.std() == pytest.approx(21**0.5, abs=0.3)
    assert (noise > 0).mean() == pytest.approx(0.5, abs=0.02)


def test_three_different_operations_are_drawn_and_each_is_applied_half_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[str] = []

    def recorder(name: str) -> Operation:
        def apply(pixels: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
            assert strength == 0.5
            seen.append(name)
            return pixels

        return Operation(name, apply)

    monkeypatch.setattr(randaugment, "OPERATIONS", tuple(recorder(o.name) for o in OPERATIONS))
    counts, names = Counter[int](), Counter[str]()
    for number in range(4000):
        seen.clear()
        rand_augment(picture(), np.random.default_rng(number))
        assert len(set(seen)) == len(seen)
        counts[len(seen)] += 1
        names.update(seen)
    for applied, chance in enumerate((1 / 8, 3 / 8, 3 / 8, 1 / 8)):
        assert counts[applied] / 4000 == pytest.approx(chance, abs=0.03)
    for name in BY_NAME:  # 3 of 16, half the time
        assert names[name] / 4000 == pytest.approx(3 / 32, abs=0.02)


def test_operations_are_parseqs() -> None:
    """Those of timm that grow with the magnitude, without sharpness; and two more."""
    theirs = set(auto_augment._RAND_INCREASING_TRANSFORMS) - {"SharpnessIncreasing"}
    assert set(BY_NAME) == theirs | {"GaussianBlur", "PoissonNoise"}


@pytest.mark.parametrize("size", [(1, 1), (2, 200), (300, 3), (640, 480)])
def test_any_size_survives(size: tuple[int, int]) -> None:
    for operation in OPERATIONS:
        for seed in range(4):
            out = operation.apply(picture(size=size), 0.5, np.random.default_rng(seed))
            assert out.dtype == np.uint8
            assert out.ndim == 3
            assert out.size > 0
