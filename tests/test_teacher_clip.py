"""The stages of a CLIP beside the authors' numbers, and their properties on a small one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import save_file

import clips
import golden
from clipstr.errors import InputError, TeacherError
from clipstr.imaging import Preprocessing
from clipstr.teacher import Teacher, TeacherConfig
from clipstr.teacher.cache import TextCache
from clipstr.teacher.config import quarter_points
from clipstr.teacher.contrast import contrastive_loss
from clipstr.teacher.inputs import InputConversion

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


def small(folder: Path, *, size: tuple[int, int] = (32, 64), **settings: object) -> Teacher:
    described = clips.architecture(folder)
    save_file(clips.weights(described), folder / "w.safetensors")
    config = TeacherConfig(
        weights=str(folder / "w.safetensors"),
        architecture=str(folder / "clip.json"),
        **settings,  # type: ignore[arg-type]
    )
    return Teacher(config, Preprocessing(height=size[0], width=size[1]))


@pytest.fixture
def teacher(tmp_path: Path) -> Teacher:
    return small(tmp_path)


def test_a_cut_context_changes_nothing(teacher: Teacher) -> None:
    ids = teacher.tokens.batch(["ab", "abcdef"])
    whole = torch.cat([ids, torch.zeros(2, 12 - ids.shape[1], dtype=torch.int64)], dim=1)
    short, full = (teacher.text_stages(given, {0, 1, 2, 3, 4}) for given in (ids, whole))
    for stage, value in short.items():
        expected = full[stage] if stage == 4 else full[stage][:, : ids.shape[1]]
        assert torch.allclose(value, expected, atol=1e-5), stage


def test_the_quicker_attention_gives_openclips_own_features(teacher: Teacher, tmp_path: Path) -> None:
    weights = teacher.clip.state_dict()
    plain = open_clip.model.CustomTextCLIP(
        **(clips.MODEL | {"vision_cfg": clips.MODEL["vision_cfg"] | {"image_size": (32, 64)}})  # type: ignore[operator, arg-type]
    ).eval()
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


def test_a_labels_features_depend_on_it_alone(teacher: Teacher) -> None:
    images = torch.zeros(3, 3, 32, 64)
    alone = teacher.guide(images[:1], ["abc"], ["text 1", "text 4"])
    teacher.cache = TextCache(limit=1 << 20)
    others = teacher.guide(images, ["abcdefgh", "abc", "z"], ["text 1", "text 4"])
    assert torch.allclose(others.stages["text 1"][1, :5], alone.stages["text 1"][0], atol=1e-5)
    assert torch.allclose(others.stages["text 4"][1], alone.stages["text 4"][0], atol=1e-5)
    assert others.readable.sum(1).tolist() == [10, 5, 3]
    assert not others.stages["text 1"][1, 5:].any()


def test_the_cache_gives_what_was_computed(tmp_path: Path) -> None:
    teacher = small(tmp_path)
    images = torch.zeros(4, 3, 32, 64)
    first = teacher.guide(images, ["abc", "abc", "de", "f"], ["text 2", "text 4"])
    again = teacher.guide(images, ["f", "abc", "de", "abc"], ["text 2", "text 4"])
    assert (teacher.cache.hits, teacher.cache.misses, len(teacher.cache)) == (5, 3, 3)
    assert torch.equal(again.stages["text 2"][[1, 3, 2, 0]], first.stages["text 2"])
    assert torch.equal(again.stages["text 4"][[1, 3, 2, 0]], first.stages["text 4"])


def test_the_cache_forgets_the_labels_not_asked_for_longest(teacher: Teacher) -> None:
    def ask(*labels: str) -> None:
        teacher.guide(torch.zeros(len(labels), 3, 32, 64), list(labels), ["text 1"])

    one = 4 * 24 * 5  # bytes of a label of three characters
    teacher.cache = TextCache(limit=2 * one)
    ask("aaa", "bbb")
    assert (len(teacher.cache), teacher.cache.bytes) == (2, 2 * one)
    ask("aaa")
    ask("ccc")
    assert (len(teacher.cache), teacher.cache.bytes) == (2, 2 * one)
    misses = teacher.cache.misses
    ask("aaa", "ccc")
    assert teacher.cache.misses == misses
    ask("bbb")
    assert teacher.cache.misses == misses + 1
    teacher.cache = TextCache(limit=0)
    ask("aaa", "bbb")
    assert (len(teacher.cache), teacher.cache.bytes) == (0, 0)


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


def test_shapes_are_the_sizes(teacher: Teacher) -> None:
    guidance = teacher.guide(torch.zeros(2, 3, 32, 64), ["abc", "d"], [*STAGES, "text 0"])
    sizes = teacher.sizes
    assert guidance.stages["image 2"].shape == (2, *sizes.image[2]) == (2, 9, 32)
    assert guidance.stages["text 0"].shape == guidance.stages["text 3"].shape == (2, 5, sizes.text_width)
    assert guidance.stages["image 4"].shape == guidance.stages["text 4"].shape == (2, sizes.embedding)
    assert not any(stage.requires_grad for stage in guidance.stages.values())


def test_stages_end_at_quarter_points_of_any_depth() -> None:
    assert [quarter_points(depth) for depth in (4, 6, 12, 24)] == [
        (1, 2, 3),
        (2, 3, 4),
        (3, 6, 9),
        (6, 12, 18),
    ]
    with pytest.raises(InputError, match="3 layers cannot be read out in 4 stages"):
        quarter_points(3)


def test_stages_can_be_read_elsewhere(tmp_path: Path) -> None:
    teacher = small(tmp_path)
    early = small(tmp_path, image_stages=(2, 3, 4), text_stages=(2, 3, 4))
    images, ids = torch.randn(1, 3, 32, 64), teacher.tokens.batch(["abc"])
    assert torch.equal(early.image_stages(images, {1})[1], teacher.image_stages(images, {2})[2])
    assert torch.equal(early.text_stages(ids, {2})[2], teacher.text_stages(ids, {3})[3])
    with pytest.raises(TeacherError, match=r"teacher.text_stages is \[1, 2, 5\], and the text encoder"):
        small(tmp_path, text_stages=(1, 2, 5))


def test_pictures_are_converted_to_clips_normalisation(teacher: Teacher) -> None:
    pixels = torch.rand(2, 3, 32, 64)
    converted = InputConversion(Preprocessing(), teacher.architecture)((pixels - 0.5) / 0.5)
    mean, deviation = (
        torch.tensor(v)[:, None, None] for v in (teacher.architecture.mean, teacher.architecture.deviation)
    )
    assert torch.allclose(converted, (pixels - mean) / deviation, atol=1e-6)
    assert teacher.architecture.mean == open_clip.OPENAI_DATASET_MEAN


def test_matrices_in_half_precision_say_the_same_under_autocast(tmp_path: Path) -> None:
    images, labels = torch.randn(2, 3, 32, 64), ["abc", "d"]
    with torch.autocast("cpu", torch.bfloat16):
        plain = small(tmp_path).guide(images, labels, STAGES)
        ready = small(tmp_path).to(torch.device("cpu"), torch.bfloat16).guide(images, labels, STAGES)
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
