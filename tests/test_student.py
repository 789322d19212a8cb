"""The recogniser against the authors' numbers, against itself, and at other sizes."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from clipstr.errors import InputError
from clipstr.student import BASE, TINY, Recogniser, StudentConfig
from clipstr.student.scorer import StudentScorer
from golden import golden_recogniser, golden_tensors, seeded_images

SMALL = replace(TINY, width=48, encoder_heads=2, decoder_heads=2)
TOLERANCE = 1e-4  # absolute, float32, against tensors from the authors' code


@pytest.fixture(scope="module")
def golden_base() -> Recogniser:
    return golden_recogniser()


def small(**changes: object) -> Recogniser:
    torch.manual_seed(0)
    return Recogniser(replace(SMALL, **changes)).eval()


def test_base_has_the_papers_number_of_parameters() -> None:
    assert sum(p.numel() for p in Recogniser(BASE).parameters()) == 30_890_917


def test_tiny_has_at_most_six_million_parameters() -> None:
    assert sum(p.numel() for p in Recogniser(TINY).parameters()) <= 6_000_000


@torch.no_grad()
def test_every_stage_and_logit_equals_the_authors(golden_base: Recogniser) -> None:
    golden = golden_tensors()
    tokens = torch.from_numpy(golden["target_ids"])[:, :-1]
    features = golden_base(torch.from_numpy(seeded_images(4)), tokens)
    for stage in range(1, 5):
        for side in ("encoder", "decoder"):
            ours = getattr(getattr(features, side), f"stage{stage}").numpy()
            np.testing.assert_allclose(ours, golden[f"{side}_stage{stage}"], rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(
        features.logits.numpy(), golden["teacher_forced_logits"], rtol=0, atol=TOLERANCE
    )


def test_greedy_logits_equal_the_authors(golden_base: Recogniser) -> None:
    """Told at once what the authors' code read step by step, every position has the logits of its step."""
    expected = golden_tensors()["greedy_logits"]
    count, positions = expected.shape[:2]
    begin = np.full((count, 1), BASE.charset.begin)
    ids = np.concatenate([begin, expected.argmax(-1)[:, :-1]], axis=1)
    memory = StudentScorer(golden_base).look(seeded_images(4))
    for places in (np.arange(positions), np.array([0]), np.array([3])):
        logits = memory.logits(ids[:, : places[-1] + 1], places)
        np.testing.assert_allclose(logits, expected[:, places], rtol=0, atol=TOLERANCE)


@torch.no_grad()
def test_padding_never_changes_what_comes_before_it() -> None:
    model = small()
    charset = model.config.charset
    images = torch.randn(1, 3, 32, 128)
    short = torch.tensor([[charset.begin, 5, 6, charset.end]])
    long = torch.cat([short, torch.full((1, 4), charset.padding)], dim=1)
    torch.testing.assert_close(model(images, long).logits[:, :3], model(images, short).logits[:, :3])


@torch.no_grad()
def test_a_position_never_sees_the_characters_after_it() -> None:
    model = small()
    charset = model.config.charset
    images = torch.randn(1, 3, 32, 128)
    one, other = torch.tensor([[charset.begin, 5, 6, 7]]), torch.tensor([[charset.begin, 5, 9, 9]])
    first, second = model(images, one).logits, model(images, other).logits
    torch.testing.assert_close(first[:, :2], second[:, :2])
    assert not torch.allclose(first[:, 2], second[:, 2])


@torch.no_grad()
def test_another_alphabet_and_length_change_only_what_depends_on_them() -> None:
    model = small(characters="äöüß€日本", max_length=40)
    tokens = torch.full((1, 41), model.config.charset.begin)
    assert model(torch.randn(1, 3, 32, 128), tokens).logits.shape == (1, 41, 8)


def test_both_attention_ways_give_the_same_stages() -> None:
    model = small()
    images = torch.randn(2, 3, 32, 128)
    stages = []
    for fused in (True, False):
        model.encoder.use_fused_attention(fused)
        stages.append(model.encoder.forward_stages(images)[-1])
    torch.testing.assert_close(stages[0], stages[1], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder_depth": 6}, "StudentConfig: encoder_depth is 6"),
        ({"decoder_depth": 3}, "decoder_depth is 3"),
        ({"encoder_heads": 7}, "encoder_heads is 7"),
        ({"patch_height": 5}, "does not divide into patches"),
        ({"characters": "aa"}, "repeated: 'a'"),
        ({"stem": "magic"}, "StudentConfig.stem is 'magic'; it must be patch or convolution"),
        ({"dropout": 1.0}, "StudentConfig.dropout is 1.0; it must be a number from 0 to below 1"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(BASE, **changes)


def test_a_config_is_its_form_and_its_sizes() -> None:
    for config in (TINY, replace(BASE, characters="abß", max_length=9, image_mean=0.4, image_deviation=0.3)):
        assert StudentConfig.of(config.form, config.sizes) == config
    for stray in ("widht", "characters"):
        with pytest.raises(InputError, match=f"no size called {stray}"):
            StudentConfig.of(TINY.form, {stray: 1})


def test_a_decoder_of_one_layer_is_replicated_four_times() -> None:
    config = replace(TINY, decoder_depth=1)
    model = Recogniser(config).eval()
    copies = Recogniser(TINY).eval()
    weights = model.state_dict()
    for name in copies.state_dict():
        if name.startswith("decoder.layers."):
            first = re.sub(r"layers\.\d", "layers.0", name)
            weights[name] = weights[first]
    copies.load_state_dict(weights)
    images = torch.randn(2, 3, 32, 128)
    tokens = torch.tensor([[config.charset.begin, 11, 12, 13]] * 2)
    with torch.no_grad():
        one, four = model(images, tokens), copies(images, tokens)
        for stage in ("stage1", "stage2", "stage3", "stage4"):
            assert torch.allclose(getattr(one.decoder, stage), getattr(four.decoder, stage), atol=1e-5)
        assert torch.allclose(model(images, tokens).logits, copies(images, tokens).logits, atol=1e-4)
    assert sum(p.numel() for p in model.decoder.parameters()) < sum(
        p.numel() for p in copies.decoder.parameters()
    )
