"""`clipstr.student.scorer`: the decoder of exported models reads with a recogniser in PyTorch, too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from clipstr.decoding import Decoder, greedy
from clipstr.student import TINY, Recogniser, StudentConfig
from clipstr.student.scorer import StudentScorer

SMALL = replace(TINY, width=48, encoder_heads=2, decoder_heads=2, characters="abcdef", max_length=7)


def scorer(config: StudentConfig = SMALL, seed: int = 0) -> StudentScorer:
    """Of a recogniser with random weights, sharpened so that it is sure of something."""
    torch.manual_seed(seed)
    model = Recogniser(config).eval()
    with torch.no_grad():
        model.head.weight.mul_(20)
    return StudentScorer(model)


def inputs(count: int, config: StudentConfig = SMALL) -> np.ndarray:
    shape = (count, 3, config.image_height, config.image_width)
    return np.random.default_rng(count).normal(size=shape).astype(np.float32)


def test_its_greedy_logits_are_those_of_one_pass_over_the_text_that_they_spell() -> None:
    """The oracle is the recogniser's own forward pass, as training runs it, told what was read."""
    reading = scorer()
    images = inputs(6)
    logits = greedy(reading.look(images), SMALL.form)
    ids = logits.argmax(-1)[:, :-1]
    tokens = torch.from_numpy(np.concatenate([np.full((6, 1), SMALL.charset.begin), ids], axis=1))
    with torch.no_grad():
        told = reading.model(torch.from_numpy(images), tokens).logits.numpy()
    reached = np.concatenate(
        [np.ones((6, 1), bool), (ids != SMALL.charset.end).cumprod(1).astype(bool)], axis=1
    )
    assert reached.sum() > 12  # more than the first steps
    np.testing.assert_allclose(logits[reached], told[reached], rtol=0, atol=1e-4)


def test_a_word_reads_the_same_alone_and_in_a_batch_that_shrinks() -> None:
    reading = scorer(seed=3)
    images = inputs(9)
    together = greedy(reading.look(images), SMALL.form)
    for row in range(9):
        alone = greedy(reading.look(images[row : row + 1]), SMALL.form)
        reached = (alone[0] != 0).any(-1)
        np.testing.assert_allclose(together[row][reached], alone[0][reached], rtol=0, atol=1e-4)


@pytest.mark.parametrize("rows", [[2, 0, 2], slice(1, 3), np.array([1])], ids=str)
def test_rows_of_what_was_looked_at_are_those_of_the_pictures(rows: list[int] | slice | np.ndarray) -> None:
    reading = scorer()
    images = inputs(4)
    ids, positions = np.full((4, 1), SMALL.charset.begin), np.array([0])
    some = reading.look(images).rows(rows)
    expected = reading.look(images).logits(ids, positions)[rows]
    assert len(some) == len(expected)
    np.testing.assert_allclose(some.logits(ids[: len(some)], positions), expected, rtol=0, atol=1e-5)


def test_limits_and_lexicons_hold_with_it_too() -> None:
    reading = scorer()
    pixels = list(np.random.default_rng(0).integers(0, 256, (3, 32, 128, 3), np.uint8))
    assert {c for r in Decoder(SMALL.form, allow="ab").read(reading, pixels) for c in r.text} <= set("ab")
    words = ["fade", "bead", "cab"]
    for found in Decoder(SMALL.form, lexicon=words).read(reading, pixels):
        assert found.text in words
        assert found.match is not None


def test_no_pictures_give_no_readings() -> None:
    assert Decoder(SMALL.form).read(scorer(), []) == []
