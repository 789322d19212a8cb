"""Soft labels: what is learned of a better recogniser, by definition, and in real runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import clips
from clipstr.charset import ALPHABETS, Charset
from clipstr.errors import ModelError, RecipeError
from clipstr.student import TINY, Recogniser, StudentConfig
from clipstr.student.storage import load_recogniser, save_recogniser, save_trainable
from clipstr.teacher import TeacherConfig
from clipstr.training import Recipe, SoftLabelSettings
from clipstr.training.run.checkpoint import load_checkpoint
from clipstr.training.tasks.objective import Learner, make_batch, soft_label_loss
from clipstr.training.tasks.recognition import Recognition
from clipstr.training.tasks.soft_labels import Labeller, new_labeller
from clipstr.training.tasks.task import compile_blocks
from runs import STUDENT, Watcher, bars_recipe, new_trainer, run

CHARSET = Charset("abc")
WIDER = replace(STUDENT, width=64, encoder_heads=4)


def tokens_of(*texts: str) -> torch.Tensor:
    return make_batch(torch.zeros(len(texts), 3, 32, 128), list(texts), CHARSET).tokens


def randomly(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def better(folder: Path, config: StudentConfig = WIDER, *, seed: int = 5) -> Recogniser:
    """A recogniser whose weights lie in ``folder``."""
    torch.manual_seed(seed)
    model = Recogniser(config)
    with torch.no_grad():
        model.head.weight.mul_(20)  # so that it is sure of something
    save_recogniser(model, folder, name="better", source={})
    return model.eval()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("better")
    better(folder)
    return folder


def taught(crops: Path, model: Path, *, weight: float = 0.5, **optimisation: object) -> Recipe:
    recipe = bars_recipe(crops, **optimisation)
    return replace(recipe, soft_labels=SoftLabelSettings(model=str(model), weight=weight))


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_the_loss_is_the_mean_divergence_at_each_character_and_end(temperature: float) -> None:
    logits, labels = randomly(2, 2, 3, 4)
    expected = []
    for word, position in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]:
        p = (labels[word, position] / temperature).softmax(-1)
        q = (logits[word, position] / temperature).softmax(-1)
        expected.append(float((p * (p / q).log()).sum()) * temperature**2)
    found = soft_label_loss(logits, labels, tokens_of("ab", "c"), CHARSET, temperature=temperature)
    assert float(found) == pytest.approx(sum(expected) / 5, rel=1e-5)


def test_padding_never_changes_the_loss() -> None:
    logits, labels = randomly(2, 2, 3, 4)
    tokens = tokens_of("ab", "c")
    before = soft_label_loss(logits, labels, tokens, CHARSET, temperature=2.0)
    for changed in (logits, labels):
        changed[1, 2] = torch.tensor([90.0, -9.0, 0.0, 3.0])  # behind the end of the shorter word
    assert torch.equal(soft_label_loss(logits, labels, tokens, CHARSET, temperature=2.0), before)


def test_sure_soft_labels_at_temperature_1_are_the_labels_themselves() -> None:
    """Then the divergence is the cross-entropy, and so are its gradients."""
    tokens = tokens_of("ab", "c")
    learner = Learner(
        Recogniser(STUDENT),
        ctc_weight=0.0,
        label_smoothing=0.0,
        soft_labels=SoftLabelSettings(temperature=1.0),
    )
    batch = make_batch(randomly(2, 3, 32, 128), ["ab", "c"], CHARSET)
    sure = 1e4 * torch.nn.functional.one_hot(tokens[:, 1:].clamp(max=3), 4).float()
    losses = learner(batch._replace(soft_labels=sure))
    torch.testing.assert_close(losses["soft labels"], losses["recognition"], rtol=1e-5, atol=1e-5)


def test_gradients_are_as_large_at_any_high_temperature() -> None:
    """What the square of the temperature is for: at high ones they are those of the logits' distance."""
    labels, tokens = randomly(2, 3, 4), tokens_of("ab", "c")
    gradients = []
    for temperature in (20.0, 80.0):
        logits = torch.zeros(2, 3, 4, requires_grad=True)
        soft_label_loss(logits, labels, tokens, CHARSET, temperature=temperature).backward()
        gradients.append(logits.grad)
    torch.testing.assert_close(gradients[0], gradients[1], rtol=0.05, atol=2e-3)
    distance = (labels - labels.mean(-1, keepdim=True)) / 4 / 5
    torch.testing.assert_close(-gradients[1][0], distance[0], rtol=0.05, atol=2e-3)


def test_the_total_is_shared_between_labels_and_soft_labels(crops: Path, model: Path, tmp_path: Path) -> None:
    recipe = taught(crops, model, weight=0.75, samples=16, ctc_weight=2.0)
    recipe = replace(recipe, run=replace(recipe.run, log_every=1))
    watcher, _ = run(recipe, tmp_path / "run")
    for losses in watcher.losses:
        assert losses["soft labels"] > 0
        expected = 0.25 * losses["recognition"] + 0.75 * losses["soft labels"] + 2 * losses["ctc"]
        assert losses["total"] == pytest.approx(expected, rel=1e-5)
    lines = [json.loads(line) for line in (tmp_path / "run" / "losses.jsonl").read_text().splitlines()]
    assert [line["losses"] for line in lines if "losses" in line] == watcher.losses


def test_a_labeller_says_what_its_model_says_of_the_same_pictures_and_tokens(tmp_path: Path) -> None:
    known = better(tmp_path)
    labeller = new_labeller(SoftLabelSettings(model=str(tmp_path)), STUDENT.form)
    assert labeller is not None
    images, tokens = randomly(2, 3, 32, 128), tokens_of("ab", "c")
    found = labeller.labels(images, tokens)
    assert torch.equal(found, known(images, tokens[:, :-1]).logits)
    assert not found.requires_grad


def test_another_order_of_the_alphabet_is_no_other_alphabet() -> None:
    torch.manual_seed(0)
    mine = Recogniser(replace(WIDER, characters="cab")).eval()
    labeller = Labeller(mine, STUDENT.form, name="better")
    images = randomly(2, 3, 32, 128)
    theirs = make_batch(images, ["ab", "c"], mine.config.charset).tokens
    expected = mine(images, theirs[:, :-1]).logits
    found = labeller.labels(images, tokens_of("ab", "c"))
    torch.testing.assert_close(found, expected[..., [0, 2, 3, 1]])  # the end, a, b, c
    assert labeller.notes == ["soft labels by 'better'"]


def test_a_letter_in_one_case_is_as_likely_as_both_and_punctuation_is_left_out() -> None:
    torch.manual_seed(0)
    mine = Recogniser(replace(WIDER, characters="aAbB-")).eval()
    labeller = Labeller(mine, replace(STUDENT, characters="ab").form, name="better")
    assert labeller.notes == ["soft labels by 'better', whose characters - count nothing"]
    images = randomly(1, 3, 32, 128)
    chances = mine(images, torch.tensor([[6, 1]])).logits.softmax(-1)[0]  # begin, a
    tokens = torch.tensor([[3, 1, 0]])  # begin, a, end
    found = labeller.labels(images, tokens).softmax(-1)[0]
    end, a, capital_a, b, capital_b, dash = chances.unbind(-1)
    expected = torch.stack([end, a + capital_a, b + capital_b], -1) / (1 - dash)[:, None]
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    ("mine", "message"),
    [
        ({"characters": "ab"}, r"soft_labels\.model = .*: it cannot read 'c'"),
        ({"max_length": 1}, r"lower student\.max_length from 2"),
        ({"image_width": 64}, "both must see the same pictures"),
        ({"image_mean": 0.4}, "both must see the same pictures"),
    ],
)
def test_a_model_that_cannot_give_labels_is_told_before_training(
    crops: Path, tmp_path: Path, mine: dict[str, object], message: str
) -> None:
    better(tmp_path / "better", replace(WIDER, **mine))  # type: ignore[arg-type]
    with pytest.raises(RecipeError, match=message):
        Recognition(taught(crops, tmp_path / "better"))


def test_a_case_that_the_model_does_not_tell_apart_cannot_be_learned_from_it() -> None:
    model = Recogniser(replace(TINY, characters=ALPHABETS["36"]))
    with pytest.raises(RecipeError, match="it cannot read 'ABCDEFGHIJKLMNOPQRSTUVWXYZ"):
        Labeller(model, replace(TINY, characters=ALPHABETS["94"]).form, name="better")


def test_what_is_no_model_with_weights_is_an_error(crops: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nowhere"):
        Recognition(taught(crops, tmp_path / "nowhere"))
    with pytest.raises(ModelError, match="export it with --trainable"):
        Recognition(taught(crops, Path("full")))


def test_weights_in_8_bits_give_labels_too(tmp_path: Path) -> None:
    known = better(tmp_path / "whole")
    _, config = load_recogniser(tmp_path / "whole")
    (tmp_path / "small").mkdir()
    save_trainable(known, tmp_path / "small")
    config.with_files(tmp_path / "small", ["trainable.safetensors"]).save(tmp_path / "small")
    images, tokens = randomly(2, 3, 32, 128), tokens_of("ab", "c")
    whole, small = (
        new_labeller(SoftLabelSettings(model=str(tmp_path / name)), STUDENT.form)
        for name in ("whole", "small")
    )
    assert whole is not None
    assert small is not None
    torch.testing.assert_close(small.labels(images, tokens), whole.labels(images, tokens), rtol=0.1, atol=0.1)


def test_a_checkpoint_and_a_model_hold_nothing_of_who_gave_the_labels(
    crops: Path, model: Path, tmp_path: Path
) -> None:
    run(taught(crops, model, samples=16), tmp_path / "taught")
    run(bars_recipe(crops, samples=16), tmp_path / "plain")
    states = [load_checkpoint(tmp_path / name / "last.ckpt").learner for name in ("taught", "plain")]
    assert states[0].keys() == states[1].keys()
    assert not all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_who_gives_the_labels_changes_neither_first_weights_nor_samples(crops: Path, model: Path) -> None:
    """So that runs with and without it can be compared."""
    made = []
    for recipe in (taught(crops, model), bars_recipe(crops)):
        torch.manual_seed(0)
        made.append(Recognition(recipe).learner.state_dict())
    assert all(torch.equal(value, made[1][name]) for name, value in made[0].items())


def test_a_run_resumes_to_the_same_weights(crops: Path, model: Path, tmp_path: Path) -> None:
    recipe = taught(crops, model)
    whole, _ = run(recipe, tmp_path / "whole")
    first, _ = run(recipe, tmp_path / "parts", stop_after=5)
    second, _ = run(recipe, tmp_path / "parts", resume=True)
    assert first.losses + second.losses == whole.losses


def test_a_step_in_parts_is_the_same_step(crops: Path, model: Path, tmp_path: Path) -> None:
    recipe = taught(crops, model)
    recipe = replace(recipe, student=replace(STUDENT, stem="patch"))  # batch norms see their part alone
    whole, _ = run(recipe, tmp_path / "whole")
    parts, _ = run(
        replace(recipe, optimisation=replace(recipe.optimisation, accumulate=4)), tmp_path / "parts"
    )
    for mine, theirs in zip(parts.losses, whole.losses, strict=True):
        assert mine == pytest.approx(theirs, abs=1e-4)


def test_soft_labels_alone_draw_a_run_to_what_the_better_model_says(
    crops: Path, model: Path, tmp_path: Path
) -> None:
    recipe = taught(crops, model, weight=1.0, samples=960, batch_size=16, learning_rate=3e-3, ctc_weight=0.0)
    recipe = replace(recipe, run=replace(recipe.run, validate_every=960))
    watcher, _ = run(recipe, tmp_path / "run")
    told = [losses["soft labels"] for losses in watcher.losses]
    assert told[-1] < told[0] / 3


@pytest.mark.parametrize("encoder", ["student", "clip"])
def test_clip_may_teach_beside_soft_labels(crops: Path, model: Path, tmp_path: Path, encoder: str) -> None:
    described = clips.architecture(tmp_path)
    save_file(clips.weights(described), tmp_path / "w.safetensors")
    clip = TeacherConfig(
        weights=str(tmp_path / "w.safetensors"),
        architecture=str(tmp_path / "clip.json"),
        positions="interpolate",
    )
    recipe = taught(crops, model, samples=16, ctc_weight=0.0)
    watcher, _ = run(replace(recipe, teacher=clip, encoder=encoder), tmp_path / "run")  # type: ignore[arg-type]
    losses = watcher.losses[-1]
    expected = 0.5 * losses["recognition"] + 0.5 * losses["soft labels"] + losses.get("distillation", 0.0)
    assert losses["total"] == pytest.approx(expected, rel=1e-5)
    assert ("distillation" in losses) == (encoder == "student")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_computes_in_the_precision_of_the_run(crops: Path, model: Path, dtype: torch.dtype) -> None:
    """Its matrices are cast once; autocast would do it for every batch."""
    task = Recognition(taught(crops, model))
    task.place(torch.device("cpu"), dtype)
    assert task.labeller is not None
    matrices = [m for m in task.labeller.model.modules() if isinstance(m, (nn.Linear, nn.Conv2d))]
    assert len(matrices) > 20
    assert {parameter.dtype for matrix in matrices for parameter in matrix.parameters()} == {dtype}
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        labels = task.labeller.labels(randomly(2, 3, 32, 128), tokens_of("ab", "c"))
    assert labels.dtype == torch.float32
    assert labels.isfinite().all()


def test_its_blocks_are_compiled_as_the_students_are_in_one_graph(
    crops: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the texts' lengths: one graph for all of its blocks, and one for the student's."""
    graphs: list[torch.fx.GraphModule] = []

    def noted(graph: torch.fx.GraphModule, _: list[torch.Tensor]) -> Callable[..., Any]:
        graphs.append(graph)
        return graph.forward

    compiled = partial(compile_blocks, backend=noted)
    monkeypatch.setattr("clipstr.training.tasks.recognition.compile_blocks", compiled)
    recipe = taught(crops, model, ctc_weight=0.0)
    task = Recognition(replace(recipe, run=replace(recipe.run, compile=True)))
    for texts in (["a", "b"], ["ab", "c"]):
        inputs = task.inputs(randomly(2, 3, 32, 128), texts, torch.tensor(1.0), 0.0)
        task.learner(*inputs)["total"].backward()
    assert len(graphs) == 2


def test_the_plan_tells_who_gives_the_labels(crops: Path, model: Path, tmp_path: Path) -> None:
    assert new_trainer(taught(crops, model), tmp_path, Watcher()).notes[0] == "soft labels by 'better'"
