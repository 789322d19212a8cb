"""Real runs with a teacher, and of one, small enough for a test."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

import clips
from clipstr.distil import Distillation
from clipstr.errors import RecipeError, TeacherError
from clipstr.export import export_model
from clipstr.student.storage import load_recogniser
from clipstr.teacher import Teacher, TeacherConfig
from clipstr.training import (
    ClipSettings,
    Optimisation,
    Recipe,
    RunSettings,
    TeacherRecipe,
)
from clipstr.training.run.checkpoint import load_checkpoint
from clipstr.training.tasks.recognition import Recognition
from runs import STUDENT, Watcher, bars
from runs import run as run_recipe

Make = Callable[..., Recipe]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> TeacherConfig:
    folder = tmp_path_factory.mktemp("clip")
    described = clips.architecture(folder)
    save_file(clips.weights(described), folder / "w.safetensors")
    return TeacherConfig(
        weights=str(folder / "w.safetensors"),
        architecture=str(folder / "clip.json"),
        positions="interpolate",
    )


@pytest.fixture
def recipe(clip: TeacherConfig, crops: Path) -> Make:
    def make(distillation: Distillation | None = None, **changes: object) -> Recipe:
        settings = {"samples": 24, "batch_size": 8, "learning_rate": 2e-3}
        made = Recipe(
            student=STUDENT,
            teacher=clip,
            distillation=distillation or Distillation(),
            data=bars(crops),
            optimisation=Optimisation(**settings),  # type: ignore[arg-type]
            run=RunSettings(precision="32-true", journals=(), validate_every=48, log_every=1),
        )
        return replace(made, **changes)  # type: ignore[arg-type]

    return make


def run(recipe: Recipe | TeacherRecipe, folder: Path, *, resume: bool = False) -> Watcher:
    return run_recipe(recipe, folder, resume=resume)[0]


def test_every_term_is_named_and_they_sum_to_the_total(recipe: Make, tmp_path: Path) -> None:
    made = recipe(
        Distillation(weight=0.5), optimisation=Optimisation(samples=16, batch_size=8, ctc_weight=2.0)
    )
    losses = run(made, tmp_path / "run").steps[-1].losses
    pairs = [name for name in losses if "~" in name]
    assert len(pairs) == 7
    assert losses["distillation"] == pytest.approx(sum(losses[name] for name in pairs), rel=1e-5)
    expected = losses["recognition"] + 2 * losses["ctc"] + 0.5 * losses["distillation"]
    assert losses["total"] == pytest.approx(expected, rel=1e-5)
    lines = [json.loads(line) for line in (tmp_path / "run" / "losses.jsonl").read_text().splitlines()]
    assert [line["samples"] for line in lines if "losses" in line] == [8, 16]
    assert lines[-1]["accuracy"].keys() == {"bars", "mean"}
    assert lines[1]["losses"] == losses


def test_a_taught_model_holds_neither_teacher_nor_projections(recipe: Make, tmp_path: Path) -> None:
    run(recipe(), tmp_path / "run")
    model, _ = load_recogniser(tmp_path / "run" / "best")
    untaught = Recognition(recipe(teacher=TeacherConfig())).student
    assert model.state_dict().keys() == untaught.state_dict().keys()
    assert export_model(tmp_path / "run" / "best", tmp_path / "model").bytes > 0
    assert {path.name for path in (tmp_path / "model").iterdir()} == {
        "encoder.onnx",
        "decoder.onnx",
        "config.json",
    }


def test_a_checkpoint_holds_the_projections_and_no_teacher(
    recipe: Make, clip: TeacherConfig, tmp_path: Path
) -> None:
    run(recipe(), tmp_path / "run")
    names = load_checkpoint(tmp_path / "run" / "last.ckpt").learner
    assert any(name.startswith("heads.distillation.alignments.0") for name in names)
    taught = {tuple(value.shape) for value in load_file(clip.weights).values() if value.ndim == 2}
    assert (49408, 24) in taught
    assert not any(tuple(value.shape) == (49408, 24) for value in names.values())


def test_a_taught_run_resumes_to_the_same_weights(recipe: Make, tmp_path: Path) -> None:
    made = recipe(teacher=replace(recipe().teacher, cache_mib=0))
    run(made, tmp_path / "whole")
    half = replace(made, optimisation=replace(made.optimisation, samples=24))
    run_recipe(half, tmp_path / "parts", stop_after=1)
    run(half, tmp_path / "parts", resume=True)
    whole, parts = (load_checkpoint(tmp_path / name / "last.ckpt").learner for name in ("whole", "parts"))
    assert all(torch.equal(parts[name], value) for name, value in whole.items())


@pytest.mark.parametrize(
    "distillation",
    [
        Distillation(decoder_stages=(), bridge="image"),
        Distillation(encoder_stages=(), bridge="none"),
        Distillation(rows="word"),
        Distillation(padding="include"),
        Distillation(loss="l1", decoder_stages=(1, 2, 3, 4)),
    ],
    ids=["image", "text", "word", "padding", "four stages of L1"],
)
def test_every_switch_of_the_ablations_trains(
    recipe: Make, tmp_path: Path, distillation: Distillation
) -> None:
    watcher = run(recipe(distillation), tmp_path / "run")
    assert all(torch.isfinite(torch.tensor(list(step.losses.values()))).all() for step in watcher.steps)
    learner = load_checkpoint(tmp_path / "run" / "last.ckpt").learner
    first = Recognition(recipe(distillation)).learner.state_dict()
    moved = [n for n in first if n.endswith("project.weight") and not torch.equal(first[n], learner[n])]
    assert len(moved) == sum("~" in name for name in watcher.steps[0].losses)


def test_words_as_tokens_and_a_decoder_of_one_layer_are_taught_too(recipe: Make, tmp_path: Path) -> None:
    made = recipe(
        teacher=replace(recipe().teacher, tokens="words"), student=replace(STUDENT, decoder_depth=1)
    )
    watcher = run(made, tmp_path / "run")
    assert len([name for name in watcher.steps[-1].losses if "~" in name]) == 7


def test_a_student_and_a_teacher_that_do_not_fit_are_told_before_training(recipe: Make) -> None:
    with pytest.raises(TeacherError, match=r"'a{11}' is 13 tokens long .* student.max_length to at most 10"):
        Recognition(recipe(student=replace(STUDENT, max_length=11)))
    with pytest.raises(TeacherError, match="2 tokens of the character '中'"):
        Recognition(recipe(student=replace(STUDENT, characters="ab中")))
    made = Recognition(
        recipe(Distillation(decoder_stages=(), bridge="image"), student=replace(STUDENT, characters="ab中"))
    )
    assert made.teacher is not None


def test_clips_own_encoder_learns_by_prompts_alone(recipe: Make, tmp_path: Path) -> None:
    made = recipe(encoder="clip", prompts=3)
    task = Recognition(made)
    assert task.teacher is not None
    images = torch.randn(2, 3, 32, 128)
    features = task.student.encoder.forward_stages(images)
    assert [tuple(stage.shape) for stage in features] == [(2, 17, STUDENT.width)] * 4
    features[-1].square().mean().backward()
    prompts = dict(task.student.encoder.named_parameters())["prompts"]  # type: ignore[attr-defined]
    assert prompts.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in task.teacher.clip.parameters())
    run(made, tmp_path / "run")
    trained = load_file(tmp_path / "run" / "best" / "trained.safetensors")
    assert {name.split(".")[1] for name in trained if name.startswith("encoder.")} == {
        "prompts",
        "norm",
        "project",
    }
    before = task.student.state_dict()
    assert not torch.equal(trained["encoder.prompts"], before["encoder.prompts"])


def test_without_prompts_clips_encoder_says_what_the_teacher_says(recipe: Make) -> None:
    task = Recognition(recipe(encoder="clip", prompts=0))
    teacher = task.teacher
    assert isinstance(teacher, Teacher)
    images = torch.randn(2, 3, 32, 128)
    with torch.no_grad():
        prompted = teacher.prompted_stages(images, torch.zeros(2, 0, teacher.sizes.image[1].width))
    plain = teacher.image_stages(images, {1, 2, 3})
    for stage, value in plain.items():
        assert torch.allclose(prompted[stage], value, atol=1e-5)


@pytest.fixture
def teacher_recipe(clip: TeacherConfig, crops: Path) -> TeacherRecipe:
    return TeacherRecipe(
        clip=ClipSettings(architecture=clip.architecture, characters="abc", max_length=2),
        data=bars(crops),
        optimisation=Optimisation(samples=1920, batch_size=16, learning_rate=1e-3, ctc_weight=1.0),
        run=RunSettings(precision="32-true", journals=(), validate_every=960),
    )


def test_a_teacher_learns_to_find_labels_and_teaches(
    teacher_recipe: TeacherRecipe, recipe: Make, tmp_path: Path
) -> None:
    watcher = run(teacher_recipe, tmp_path / "teacher")
    assert watcher.validations[-1].accuracy["mean"] > 0.5
    assert {"image to text", "text to image", "ctc", "total"} == set(watcher.steps[0].losses)
    assert watcher.steps[-1].losses["image to text"] < watcher.steps[0].losses["image to text"] / 2
    best = tmp_path / "teacher" / "best"
    source = json.loads((best / "open_clip_config.json").read_text(encoding="utf-8"))["source"]
    assert source["recipe"]["clip"]["characters"] == "abc"
    losses = run(recipe(teacher=TeacherConfig(weights=str(best))), tmp_path / "run").steps[-1].losses
    assert "encoder 4 ~ text 4" in losses


def test_a_teachers_words_must_fit_its_context(teacher_recipe: TeacherRecipe, tmp_path: Path) -> None:
    long = replace(teacher_recipe, clip=replace(teacher_recipe.clip, max_length=11))
    with pytest.raises(RecipeError, match=r"clip\.max_length is 11, .* lower it to 10"):
        run(long, tmp_path / "teacher")


@pytest.mark.parametrize("padding", ["mask", "include"])
def test_the_teacher_is_told_whether_padding_counts(
    recipe: Make, padding: Literal["mask", "include"]
) -> None:
    """Included, the rows behind a label are what CLIP makes of padding there; else they are zeros."""
    task = Recognition(recipe(Distillation(padding=padding)))
    _, guidance = task.inputs(torch.zeros(2, 3, 32, 128), ["a", "ab"], torch.ones(2), 0.0)
    for name, rows in guidance.stages.items():
        if str(name).startswith("text") and rows.ndim == 3:
            behind = rows[0, int(guidance.readable[0].sum()) :]
            assert len(behind) >= 1
            assert bool(behind.abs().sum() > 0) == (padding == "include"), name


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_teacher_computes_in_the_precision_of_the_run(recipe: Make, dtype: torch.dtype) -> None:
    """Its matrices are cast once; autocast would do it for every batch."""
    task = Recognition(recipe())
    task.place(torch.device("cpu"), dtype)
    assert task.teacher is not None
    matrices = [m for m in task.teacher.clip.modules() if isinstance(m, (nn.Linear, nn.Conv2d))]
    assert len(matrices) > 4
    assert {parameter.dtype for matrix in matrices for parameter in matrix.parameters()} == {dtype}
