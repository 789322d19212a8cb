"""The stages of a CLIP beside the authors' numbers, and their properties on a small one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import save_file

import clips
import golden
from clipstr.errors import InputError, RecipeError, TeacherError
from clipstr.form import Preprocessing
from clipstr.teacher import Teacher, TeacherConfig
from clipstr.teacher.config import quarter_points
from clipstr.teacher.contrast import contrastive_loss
from clipstr.teacher.inputs import InputConversion
from clipstr.teacher.weights import save_clip

LABELS = ["table", "2023", "antique", "g7"]
STAGES = [f"{side} {number}" for side in ("image", "text") for number in (1, 2, 3, 4)]


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> Teacher:
    """OpenAI's ViT-B/16 with the seeded weights."""
    path = tmp_path_factory.mktemp("clip") / "clip.safetensors"
    save_file(golden.seeded_clip(), path)
    return Teacher(TeacherConfig(weights=str(path)), Preprocessing())


@pytest.mark.parametrize("padding", [True, False])
def test_all_stages_are_the_authors(vit: Teacher, padding: bool) -> None:
    images = torch.from_numpy(golden.seeded_images(4))
    guidance = vit.guide(images, LABELS, STAGES, padding=padding)
    for name in STAGES:
        expected = golden.golden_tensors()[f"clip_{name.replace(' ', '_stage')}"]
        difference = np.abs(guidance.stages[name].numpy() - expected)
        if name.startswith("text") and expected.ndim == 3 and not padding:
            difference = difference[guidance.readable.numpy()]
        assert difference.max() < 1e-4, name


@pytest.fixture
def teacher(tmp_path: Path) -> Teacher:
    return clips.teacher(tmp_path)


def test_a_context_cut_to_the_batch_says_what_the_full_one_says(tmp_path: Path) -> None:
    teacher = clips.teacher(tmp_path, text={"context_length": 77})
    ids = teacher.tokens.batch(["a", "abcdefghijklmnopqrstuvwxy", "2023", "z!"])
    assert ids.shape == (4, 27)
    whole = torch.nn.functional.pad(ids, (0, 77 - 27))
    short, full = (teacher.text_stages(given, range(5)) for given in (ids, whole))
    for stage in range(4):
        torch.testing.assert_close(short[stage], full[stage][:, :27], rtol=0, atol=1e-5)
    torch.testing.assert_close(short[4], full[4], rtol=0, atol=1e-5)
    plain = open_clip.model.CustomTextCLIP(
        **clips.described(text={"context_length": 77}, image_size=(32, 64))
    ).eval()
    plain.load_state_dict(teacher.clip.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(short[4], plain.encode_text(whole), rtol=0, atol=1e-5)


@pytest.mark.parametrize("layers", [(), (2, 3, 4)])
def test_a_stage_is_what_its_layer_gives(tmp_path: Path, layers: tuple[int, ...]) -> None:
    teacher = clips.teacher(tmp_path, image_stages=layers, text_stages=layers)
    plain = open_clip.model.CustomTextCLIP(**clips.described(image_size=(32, 64))).eval()
    plain.load_state_dict(teacher.clip.state_dict())
    after: dict[str, list[torch.Tensor]] = {"image": [], "text": []}
    for side, encoder in (("image", plain.visual), ("text", plain.text)):
        for block in encoder.transformer.resblocks:
            block.register_forward_hook(lambda _, __, output, side=side: after[side].append(output))
    images, ids = torch.randn(2, 3, 32, 64), teacher.tokens.batch(["abcdefghij", "a"])
    with torch.no_grad():
        plain(InputConversion(Preprocessing(), teacher.architecture)(images), ids)
    for side, stages in (
        ("image", teacher.image_stages(images, {1, 2, 3})),
        ("text", teacher.text_stages(ids, {1, 2, 3})),
    ):
        for stage, layer in enumerate(layers or (1, 2, 3), start=1):
            torch.testing.assert_close(stages[stage], after[side][layer - 1], rtol=0, atol=1e-5)


def test_the_quicker_attention_gives_openclips_own_features(teacher: Teacher, tmp_path: Path) -> None:
    weights = teacher.clip.state_dict()
    plain = open_clip.model.CustomTextCLIP(**clips.described(image_size=(32, 64))).eval()
    plain.load_state_dict(weights)
    images, ids = torch.randn(2, 3, 32, 64), teacher.tokens.batch(["abcdefghij", "a"])
    converted = InputConversion(Preprocessing(height=32, width=64), teacher.architecture)(images)
    with torch.no_grad():
        assert torch.allclose(teacher.image_stages(images, {4})[4], plain.encode_image(converted), atol=1e-5)
        assert torch.allclose(teacher.text_stages(ids, {4})[4], plain.encode_text(ids), atol=1e-5)
    trained = {name: p.requires_grad_() for name, p in teacher.clip.named_parameters()}
    teacher.clip.visual(converted).square().sum().backward()
    plain.visual(converted).square().sum().backward()
    theirs = dict(plain.named_parameters())
    for name in ("visual.transformer.resblocks.0.attn.in_proj_weight", "visual.conv1.weight"):
        ours = trained[name].grad
        assert ours is not None
        assert torch.allclose(ours, theirs[name].grad, rtol=1e-3, atol=1e-4), name


def test_asking_for_some_stages_gives_those_of_all(teacher: Teacher) -> None:
    images, ids = torch.randn(2, 3, 32, 64), teacher.tokens.batch(["abc", "d"])
    all_images, all_texts = (
        teacher.image_stages(images, {1, 2, 3, 4}),
        teacher.text_stages(ids, {0, 1, 2, 3, 4}),
    )
    for wanted in ({1}, {2, 3}, {4}, {1, 4}):
        some = teacher.image_stages(images, wanted)
        assert set(some) == wanted
        assert all(torch.equal(some[stage], all_images[stage]) for stage in wanted)
        some = teacher.text_stages(ids, wanted)
        assert set(some) == wanted
        assert all(torch.equal(some[stage], all_texts[stage]) for stage in wanted)
    assert set(teacher.text_stages(ids, {0})) == {0}


def test_text_stage_0_is_what_the_text_encoder_starts_from(teacher: Teacher) -> None:
    ids, text = teacher.tokens.batch(["abc", "d"]), teacher.clip.text
    expected = text.token_embedding.weight[ids] + text.positional_embedding[:5]
    assert torch.equal(teacher.text_stages(ids, {0})[0], expected)


def test_a_teacher_is_frozen_and_in_no_checkpoint(teacher: Teacher) -> None:
    assert not any(module.training for module in teacher.clip.modules())
    assert not any(parameter.requires_grad for parameter in teacher.clip.parameters())
    images = torch.zeros(1, 3, 32, 64, requires_grad=True)
    for padding in (True, False):
        stages = teacher.guide(images, ["abc"], [*STAGES, "text 0"], padding=padding).stages
        assert not any(value.requires_grad for value in stages.values())
    learner = torch.nn.Linear(1, 1)
    learner.teacher = teacher  # type: ignore[assignment]
    assert set(learner.state_dict()) == {"weight", "bias"}


def test_gradients_reach_the_prompts_alone(teacher: Teacher) -> None:
    images, prompts = torch.randn(2, 3, 32, 64), torch.randn(2, 3, 32, requires_grad=True)
    stages = teacher.prompted_stages(images, prompts)
    assert [tuple(stages[stage].shape) for stage in (1, 2, 3, 4)] == [(2, 9, 32)] * 4
    stages[4].square().sum().backward()
    assert prompts.grad is not None
    assert prompts.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in teacher.clip.parameters())
    assert not torch.allclose(stages[2], teacher.image_stages(images, {2})[2], atol=1e-3)


@pytest.mark.parametrize("name", ["image 0", "image 5", "text 5", "text4", "video 1"])
def test_a_stage_that_there_is_not_is_told(teacher: Teacher, name: str) -> None:
    with pytest.raises(TeacherError, match=f"no stage '{name}'; it has image 1, .*text 0, .*text 4"):
        teacher.guide(torch.zeros(1, 3, 32, 64), ["a"], ["text 1", name])


def test_a_label_that_does_not_fit_is_told(teacher: Teacher) -> None:
    with pytest.raises(TeacherError, match=r"'abcdefghijk' is 13 tokens long .* at most 10"):
        teacher.guide(torch.zeros(2, 3, 32, 64), ["ab", "abcdefghijk"], ["text 1"])
    assert teacher.guide(torch.zeros(1, 3, 32, 64), ["ab"], ["text 1"]).readable.all()


def test_shapes_are_the_sizes(teacher: Teacher) -> None:
    guidance = teacher.guide(torch.zeros(2, 3, 32, 64), ["abc", "d"], [*STAGES, "text 0"])
    sizes = teacher.sizes
    assert guidance.stages["image 2"].shape == (2, *sizes.image[2]) == (2, 9, 32)
    assert guidance.stages["text 0"].shape == guidance.stages["text 3"].shape == (2, 5, sizes.text_width)
    assert guidance.stages["image 4"].shape == guidance.stages["text 4"].shape == (2, sizes.embedding)


def test_patches_of_32_pixels_give_five_tokens(tmp_path: Path) -> None:
    teacher = clips.teacher(tmp_path, size=(32, 128), vision={"patch_size": 32, "image_size": 224})
    stages = teacher.image_stages(torch.randn(1, 3, 32, 128), {1, 2, 3})
    assert [tuple(value.shape[1:]) for value in stages.values()] == [(5, 32)] * 3
    assert {tuple(size) for size in teacher.sizes.image.values()} == {(5, 32)}


def test_stages_end_at_quarter_points_of_any_depth() -> None:
    assert [quarter_points(depth) for depth in (4, 6, 12, 24)] == [
        (1, 2, 3),
        (2, 3, 4),
        (3, 6, 9),
        (6, 12, 18),
    ]
    with pytest.raises(InputError, match="3 layers cannot be read out in 4 stages"):
        quarter_points(3)


@pytest.mark.parametrize("side", ["image", "text"])
def test_layers_that_there_are_not_are_told(tmp_path: Path, side: str) -> None:
    message = rf"teacher.{side}_stages is \[1, .*\], and the {side} encoder of .* has layers 1 to 4"
    with pytest.raises(TeacherError, match=message):
        clips.teacher(tmp_path, **{f"{side}_stages": (1, 2, 5)})
    with pytest.raises(
        RecipeError, match=rf"{side}_stages is \[0, 1, 2\]; it must be 3 rising layer numbers"
    ):
        clips.teacher(tmp_path, **{f"{side}_stages": (0, 1, 2)})


def test_pictures_are_converted_to_clips_normalisation(teacher: Teacher) -> None:
    pixels = torch.rand(2, 3, 32, 64)
    converted = InputConversion(Preprocessing(), teacher.architecture)((pixels - 0.5) / 0.5)
    mean, deviation = (
        torch.tensor(v)[:, None, None] for v in (teacher.architecture.mean, teacher.architecture.deviation)
    )
    assert torch.allclose(converted, (pixels - mean) / deviation, atol=1e-6)
    assert teacher.architecture.mean == open_clip.OPENAI_DATASET_MEAN


def test_pictures_are_converted_to_the_numbers_of_the_folder(tmp_path: Path) -> None:
    described = replace(clips.architecture(tmp_path), mean=(0.1, 0.2, 0.3), deviation=(0.5, 0.25, 0.2))
    save_clip(described.build(), described, tmp_path / "own", source={})
    own = TeacherConfig(weights=str(tmp_path / "own"))
    teacher = Teacher(own, Preprocessing(height=32, width=64, mean=0.4, deviation=0.3))
    assert (teacher.architecture.mean, teacher.architecture.deviation) == (
        described.mean,
        described.deviation,
    )
    pixels = torch.rand(1, 3, 32, 64)
    mean, deviation = (torch.tensor(v)[:, None, None] for v in (described.mean, described.deviation))
    with torch.no_grad():
        expected = teacher.clip.encode_image((pixels - mean) / deviation)
    got = teacher.image_stages((pixels - 0.4) / 0.3, {4})[4]
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-5)


def test_matrices_in_half_precision_say_the_same_under_autocast(tmp_path: Path) -> None:
    images, labels = torch.randn(2, 3, 32, 64), ["abc", "d"]
    with torch.autocast("cpu", torch.bfloat16):
        plain = clips.teacher(tmp_path).guide(images, labels, STAGES)
        ready = clips.teacher(tmp_path).to(torch.device("cpu"), torch.bfloat16).guide(images, labels, STAGES)
    for name in STAGES:
        assert torch.allclose(plain.stages[name].float(), ready.stages[name].float(), rtol=0.02, atol=0.02), (
            name
        )


def test_the_contrastive_loss_shares_a_word_among_its_pictures() -> None:
    logits = torch.randn(3, 2)
    same = torch.tensor([[1, 0], [0, 1], [1, 0]]).bool()
    to_text, to_image = contrastive_loss(logits, same)
    rows, columns = logits.log_softmax(1), logits.log_softmax(0)
    assert to_text.item() == pytest.approx(-(rows[0, 0] + rows[1, 1] + rows[2, 0]).item() / 3, abs=1e-6)
    expected = -((columns[0, 0] + columns[2, 0]) / 2 + columns[1, 1]).item() / 2
    assert to_image.item() == pytest.approx(expected, abs=1e-6)
    sure, _ = contrastive_loss(torch.where(same, 50.0, 0.0), same)
    assert sure.item() < 1e-6


def test_the_contrastive_loss_is_the_cross_entropy_of_both_directions() -> None:
    chance = np.random.default_rng(0)
    logits, texts = chance.normal(size=(7, 4)), np.array([0, 1, 2, 3, 1, 1, 3])
    same = texts[:, None] == np.arange(4)
    rows = np.log(np.exp(logits) / np.exp(logits).sum(1, keepdims=True))
    columns = np.log(np.exp(logits) / np.exp(logits).sum(0, keepdims=True))
    to_text, to_image = contrastive_loss(torch.from_numpy(logits).float(), torch.from_numpy(same))
    assert to_text.item() == pytest.approx(-np.mean(rows[np.arange(7), texts]), abs=1e-5)
    expected = -np.mean([columns[same[:, text], text].mean() for text in range(4)])
    assert to_image.item() == pytest.approx(expected, abs=1e-5)


def test_perfect_logits_cost_nothing() -> None:
    to_text, to_image = contrastive_loss(50 * torch.eye(4), torch.eye(4, dtype=torch.bool))
    assert to_text.item() < 1e-6
    assert to_image.item() < 1e-6


@pytest.mark.parametrize(
    ("name", "tokens", "widths"),
    [
        ("vit_tiny_patch16_224", (17, 17, 17), (192, 192, 192)),
        ("convnext_atto", (256, 64, 16), (40, 80, 160)),
    ],
)
def test_image_encoders_of_timm_teach_too(
    name: str, tokens: tuple[int, ...], widths: tuple[int, ...], tmp_path: Path
) -> None:
    described = clips.architecture(
        tmp_path, timm_model_name=name, image_size=224, timm_pool="avg" if "next" in name else "token"
    )
    save_file(clips.weights(described), tmp_path / "w.safetensors")
    config = TeacherConfig(
        weights=str(tmp_path / "w.safetensors"),
        architecture=str(tmp_path / "clip.json"),
        positions="interpolate",
    )
    teacher = Teacher(config, Preprocessing())
    assert [teacher.sizes.image[stage] for stage in (1, 2, 3)] == list(zip(tokens, widths, strict=True))
    images = torch.randn(2, 3, 32, 128)
    stages = teacher.image_stages(images, {1, 2, 3, 4})
    assert [tuple(stages[n].shape) for n in (1, 2, 3)] == [(2, *teacher.sizes.image[n]) for n in (1, 2, 3)]
    converted = InputConversion(Preprocessing(), teacher.architecture)(images)
    with torch.no_grad():
        assert torch.allclose(stages[4], teacher.clip.encode_image(converted), atol=1e-5)
    if "vit" in name:
        with pytest.raises(TeacherError, match="timm, cannot be cut: set teacher.positions = 'interpolate'"):
            Teacher(TeacherConfig(weights=config.weights, architecture=config.architecture), Preprocessing())
    with pytest.raises(TeacherError, match="only OpenCLIP's own Vision Transformers"):
        teacher.prompted_stages(images, torch.zeros(2, 1, widths[0]))
