"""`clipstr.form`: what a word may be, and from a picture to a model's input."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from clipstr.charset import Charset
from clipstr.errors import InputError
from clipstr.form import LONGEST, Preprocessing, WordForm
from pictures import RED, quarters


def test_pixels_are_scaled_by_mean_and_deviation_and_channels_come_first() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5, 3), dtype=np.uint8)
    inputs = Preprocessing(height=4, width=5, mean=0.4, deviation=0.2).normalise(pixels)
    assert (inputs.shape, inputs.dtype) == ((2, 3, 3, 4, 5), np.float32)
    expected = (np.moveaxis(pixels, -1, -3).astype(np.float64) / 255 - 0.4) / 0.2
    assert np.abs(inputs - expected).max() < 1e-6


def test_the_field_s_normalisation_is_the_default() -> None:
    inputs = Preprocessing().normalise(np.array([[[0, 255, 51]]], np.uint8))
    assert inputs.ravel().tolist() == pytest.approx([-1, 1, -0.6], abs=1e-6)


def test_resizing_is_bicubic_and_does_not_keep_the_aspect() -> None:
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, (50, 90, 3), dtype=np.uint8))
    pixels = Preprocessing(height=32, width=128).resize(picture)
    assert (pixels.shape, pixels.dtype) == ((32, 128, 3), np.uint8)
    assert (pixels == np.asarray(picture.resize((128, 32), Image.Resampling.BICUBIC))).all()


def test_resizing_a_large_picture_looks_as_if_all_of_it_were_weighed() -> None:
    picture = quarters().resize((2400, 1600), Image.Resampling.BILINEAR)
    exact = np.asarray(picture.resize((128, 32), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(Preprocessing().resize(picture).astype(int) - exact).max() <= 3


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1)])
def test_pictures_of_one_line_can_be_resized(size: tuple[int, int]) -> None:
    assert (Preprocessing().resize(Image.new("RGB", size, RED)) == RED).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"height": 0},
        {"width": -1},
        {"height": 2.0},
        {"width": True},
        {"width": 10**9},
        {"deviation": 0.0},
        {"deviation": float("nan")},
        {"mean": float("inf")},
        {"mean": "half"},
    ],
    ids=str,
)
def test_impossible_preprocessing_is_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        Preprocessing(**wrong)


@pytest.mark.parametrize("longest", [0, -1, 2.5, "25", True, LONGEST + 1])
def test_an_impossible_longest_word_is_refused(longest: Any) -> None:
    with pytest.raises(InputError, match=r"^max_length is "):
        WordForm(charset=Charset("abc"), max_length=longest)


def test_a_form_survives_being_written_down() -> None:
    form = WordForm(
        charset=Charset("aé漢"),
        max_length=7,
        preprocessing=Preprocessing(height=16, width=64, mean=0.45, deviation=0.25),
    )
    assert WordForm.from_dict(json.loads(json.dumps(form.to_dict()))) == form
