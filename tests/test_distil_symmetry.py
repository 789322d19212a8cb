"""The pairing, the projections and the whole distillation loss, beside the authors' numbers."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import golden
from clipstr.distil import (
    AdaptiveAlignment,
    Distillation,
    GlobalAlignment,
    Pair,
    PairSizes,
    SymmetricalDistillation,
    pairs_of,
)
from clipstr.distil.losses import consistency, consistency_within_words, cosine, inter, intra, kl, l1
from clipstr.errors import InputError
from clipstr.form import Preprocessing
from clipstr.stages import Stage
from clipstr.student import BASE
from clipstr.teacher import Teacher, TeacherConfig
from clipstr.training.tasks.objective import Learner, make_batch
from clipstr.training.tasks.recognition import pair_sizes

direct = partial(consistency, block_rows=None)

LABELS = ["table", "2023", "antique", "g7"]


def test_the_default_pairs_are_equation_3() -> None:
    pairs = pairs_of(Distillation())
    assert [(p.student, p.teacher) for p in pairs] == [
        *((Stage("encoder", i), Stage("image", i)) for i in (1, 2, 3)),
        ("encoder 4", "text 4"),
        *((Stage("decoder", i), f"text {4 - i}") for i in (1, 2, 3)),
    ]
    assert [p.module for p in pairs] == ["adaptive"] * 3 + ["global"] + ["adaptive"] * 3


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        (
            Distillation(decoder_stages=(), bridge="image"),
            ["encoder 1 ~ image 1", "encoder 2 ~ image 2", "encoder 3 ~ image 3", "encoder 4 ~ image 4"],
        ),
        (
            Distillation(encoder_stages=(), bridge="none"),
            ["decoder 1 ~ text 3", "decoder 2 ~ text 2", "decoder 3 ~ text 1"],
        ),
        (
            Distillation(encoder_stages=(), bridge="none", decoder_stages=(1, 3)),
            ["decoder 1 ~ text 3", "decoder 3 ~ text 1"],
        ),
        (
            Distillation(encoder_stages=(), bridge="none", decoder_stages=(1, 4)),
            ["decoder 1 ~ text 3", "decoder 4 ~ text 0"],
        ),
        (Distillation(encoder_stages=(2,), decoder_stages=()), ["encoder 2 ~ image 2", "encoder 4 ~ text 4"]),
    ],
    ids=["image only", "text only", "two layers", "the last layer", "one layer and the bridge"],
)
def test_the_ablations_of_the_paper_are_configuration(settings: Distillation, names: list[str]) -> None:
    assert [pair.name for pair in pairs_of(settings)] == names


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"loss": "l2"}, "Distillation.loss is 'l2'; it must be consistency"),
        ({"bridge": "both"}, "Distillation.bridge"),
        ({"padding": "no"}, "Distillation.padding"),
        (
            {"encoder_stages": (1, 4)},
            r"Distillation: encoder_stages is \[1, 4\]; it must be rising numbers of 1 to 3",
        ),
        ({"decoder_stages": (2, 1)}, "rising numbers of 1 to 4"),
        ({"tau": 0.0}, "Distillation.tau is 0.0; it must be a number above 0"),
        ({"inter_weight": -1.0}, "it must be a number of at least 0"),
        ({"rows": "word", "loss": "l1"}, "Distillation: rows = 'word' means nothing to the loss 'l1'"),
    ],
)
def test_settings_that_mean_nothing_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(Distillation(), **change)  # type: ignore[arg-type]


def test_an_adaptive_alignment_is_equation_1() -> None:
    torch.manual_seed(0)
    module = AdaptiveAlignment(
        PairSizes(student_width=6, teacher_width=10, student_tokens=5, teacher_tokens=3)
    )
    assert module.tokens is not None
    assert torch.allclose(module.tokens, torch.full((3, 5), 0.2))
    student, teacher = torch.randn(2, 5, 6), torch.randn(2, 3, 10)
    aligned = module(student, teacher)
    with torch.no_grad():
        mean = student.numpy().mean(1, keepdims=True).repeat(3, axis=1)
        projected = mean @ module.project.weight.numpy().T + module.project.bias.numpy()
    for ours, rows in ((aligned.student, projected), (aligned.teacher, teacher.numpy())):
        centred = rows - rows.mean(-1, keepdims=True)
        normed = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
        expected = normed / np.linalg.norm(normed, axis=-1, keepdims=True)
        assert np.allclose(ours.detach().numpy(), expected, atol=1e-5)


def test_a_global_alignment_is_equation_2() -> None:
    torch.manual_seed(0)
    module = GlobalAlignment(PairSizes(student_width=6, teacher_width=10))
    student, teacher = torch.randn(4, 5, 6), torch.randn(4, 10)
    aligned = module(student, teacher)
    with torch.no_grad():
        hidden = student[:, 0].numpy() @ module.hidden.weight.numpy().T + module.hidden.bias.numpy()
        centred = hidden - hidden.mean(-1, keepdims=True)
        normed = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
        projected = np.maximum(normed, 0) @ module.project.weight.numpy().T + module.project.bias.numpy()
    for ours, rows in ((aligned.student, projected), (aligned.teacher, teacher.numpy())):
        expected = rows / np.linalg.norm(rows, axis=-1, keepdims=True)
        assert np.allclose(ours.detach().numpy(), expected, atol=1e-5)


def sizes(pair: Pair) -> PairSizes:
    if pair.module == "global":
        return PairSizes(student_width=6, teacher_width=5)
    if pair.textual:
        return PairSizes(student_width=6, teacher_width=7)
    return PairSizes(student_width=6, teacher_width=8, student_tokens=4, teacher_tokens=3)


def flows(batch: int = 3, positions: int = 5) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    student = {Stage("encoder", i): normal(batch, 4, 6) for i in (1, 2, 3, 4)}
    student |= {Stage("decoder", i): normal(batch, positions, 6) for i in (1, 2, 3, 4)}
    teacher = {Stage("image", i): normal(batch, 3, 8) for i in (1, 2, 3)} | {
        Stage("image", 4): normal(batch, 5)
    }
    teacher |= {Stage("text", i): normal(batch, positions + 1, 7) for i in (0, 1, 2, 3)}
    return student, teacher | {Stage("text", 4): normal(batch, 5)}


def whole(**settings: object) -> SymmetricalDistillation:
    torch.manual_seed(2)
    return SymmetricalDistillation(Distillation(**settings), sizes)  # type: ignore[arg-type]


READABLE = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 1, 0, 0, 0]]).bool()


@torch.no_grad()
def test_padding_never_changes_the_loss() -> None:
    student, teacher = flows()
    changed_student, changed_teacher = dict(student), dict(teacher)
    for i in (1, 2, 3):
        changed_student[Stage("decoder", i)] = student[Stage("decoder", i)].masked_fill(
            ~READABLE[..., None], 9.0
        )
        changed = teacher[Stage("text", i)].clone()
        changed[:, 1:][~READABLE] = torch.linspace(-9, 9, 7)
        changed_teacher[Stage("text", i)] = changed
    for rows in ("batch", "word"):
        distillation = whole(rows=rows)
        before = distillation(student, teacher, READABLE)
        after = distillation(changed_student, changed_teacher, READABLE)
        assert {name: v.item() for name, v in before.items()} == {name: v.item() for name, v in after.items()}
    including = whole(padding="include")
    before = including(student, teacher, READABLE)
    after = including(changed_student, changed_teacher, READABLE)
    assert before["decoder 1 ~ text 3"].item() != pytest.approx(after["decoder 1 ~ text 3"].item(), rel=1e-3)


@torch.no_grad()
def test_a_position_meets_the_character_that_it_predicts() -> None:
    """The start token says nothing to anybody: whatever it is, the terms are the same."""
    student, teacher = flows()
    before = whole()(student, teacher, READABLE)
    teacher["text 3"] = teacher["text 3"].clone()
    teacher["text 3"][:, 0] = 100.0
    after = whole()(student, teacher, READABLE)
    assert float(before["decoder 1 ~ text 3"]) == float(after["decoder 1 ~ text 3"])


@torch.no_grad()
@pytest.mark.parametrize(
    ("settings", "oracle"),
    [
        ({"loss": "consistency"}, consistency),
        ({"loss": "intra", "intra_weight": 2.0}, lambda f, t: 2 * intra(f, t)),
        ({"loss": "inter", "inter_weight": 3.0, "tau": 0.1}, lambda f, t: 3 * inter(f, t, tau=0.1)),
        ({"loss": "l1"}, l1),
        ({"loss": "cosine"}, cosine),
        ({"loss": "kl", "kl_temperature": 0.5}, lambda f, t: kl(f, t, temperature=0.5)),
    ],
)
def test_every_loss_is_a_line_of_configuration(settings: dict[str, object], oracle: object) -> None:
    student, teacher = flows()
    distillation = whole(**settings)
    terms = distillation(student, teacher, READABLE)
    aligned = distillation.alignments[5](student["decoder 2"], teacher["text 2"][:, 1:])
    expected = oracle(aligned.student[READABLE], aligned.teacher[READABLE])  # type: ignore[operator]
    assert float(terms["decoder 2 ~ text 2"]) == pytest.approx(float(expected), abs=1e-5)


@torch.no_grad()
def test_rows_of_a_word_are_compared_within_it() -> None:
    student, teacher = flows()
    distillation = whole(rows="word")
    terms = distillation(student, teacher, READABLE)
    aligned = distillation.alignments[5](student["decoder 2"], teacher["text 2"][:, 1:])
    expected = consistency_within_words(*aligned, READABLE, intra_weight=5.0, inter_weight=0.1, tau=0.03)
    assert float(terms["decoder 2 ~ text 2"]) == pytest.approx(float(expected), abs=1e-6)
    aligned = distillation.alignments[3](student["encoder 4"], teacher["text 4"])
    assert float(terms["encoder 4 ~ text 4"]) == pytest.approx(float(direct(*aligned)), abs=1e-5)


def test_gradients_reach_the_student_and_the_projections_and_not_the_teacher() -> None:
    student, teacher = flows()
    for value in (*student.values(), *teacher.values()):
        value.requires_grad_()
    distillation = whole()
    torch.stack(list(distillation(student, teacher, READABLE).values())).sum().backward()
    assert all(parameter.grad is not None for parameter in distillation.parameters())
    assert student["encoder 1"].grad is not None
    assert student["decoder 4"].grad is None


def authors_names(distillation: SymmetricalDistillation) -> dict[str, str]:
    """Our parameters' names to those of the authors' checkpoint."""
    names = {}
    for number, pair in enumerate(distillation.pairs):
        stage = pair.student.number - 1
        if pair.module == "global":
            parts = {"hidden": "word_embed.0", "norm": "word_embed.1", "project": "word_embed.3"}
        else:
            kind = "" if pair.textual else "_vis"
            parts = {
                "project": f"align_head{kind}{stage}.0",
                "student_norm": f"align_head{kind}{stage}.1",
                "teacher_norm": f"norm_head{kind}{stage}",
            }
        for ours, theirs in parts.items():
            for leaf in ("weight", "bias"):
                names[f"alignments.{number}.{ours}.{leaf}"] = f"{theirs}.{leaf}"
        if pair.module == "adaptive" and not pair.textual:
            names[f"alignments.{number}.tokens"] = f"align_proj{stage}"
    return names


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Teacher:
    path = tmp_path_factory.mktemp("clip") / "clip.safetensors"
    save_file(golden.seeded_clip(), path)
    return Teacher(TeacherConfig(weights=str(path)), Preprocessing())


def test_the_whole_loss_and_its_gradients_are_the_authors(teacher: Teacher) -> None:
    distillation = SymmetricalDistillation(
        Distillation(padding="include"), partial(pair_sizes, BASE, teacher.sizes)
    )
    weights, names = golden.seeded_checkpoint(), authors_names(distillation)
    distillation.load_state_dict(
        {
            ours: weights[theirs].reshape(distillation.state_dict()[ours].shape)
            for ours, theirs in names.items()
        }
    )
    student = golden.golden_recogniser()
    learner = Learner(student, ctc_weight=0.0, label_smoothing=0.0, distillation=distillation).eval()
    images = torch.from_numpy(golden.seeded_images(4))
    guidance = teacher.guide(images, LABELS, distillation.wanted, padding=True)
    losses = learner(make_batch(images, LABELS, BASE.charset), guidance)
    expected = golden.golden_tensors()
    assert float(losses["total"].detach()) == pytest.approx(float(expected["training_loss"]), rel=1e-3)
    losses["total"].backward()
    ours = {theirs: name for name, theirs in names.items()}
    parameters = dict(student.named_parameters()) | dict(distillation.named_parameters())
    checked = [key for key in expected if key.startswith("grad_norm:")]
    assert len(checked) == 8
    for key in checked:
        name = key.removeprefix("grad_norm:")
        gradient = parameters[ours.get(name, name)].grad
        assert gradient is not None
        assert float(gradient.norm()) == pytest.approx(float(expected[key]), rel=1e-3), name


def test_a_padded_batch_and_its_cached_features_give_the_same_masked_loss(
    teacher: Teacher, tmp_path: Path
) -> None:
    distillation = SymmetricalDistillation(Distillation(), partial(pair_sizes, BASE, teacher.sizes))
    learner = Learner(
        golden.golden_recogniser(), ctc_weight=0.0, label_smoothing=0.0, distillation=distillation
    )
    images = torch.from_numpy(golden.seeded_images(4))
    batch = make_batch(images, LABELS, BASE.charset)
    with torch.no_grad():
        padded, cached = (
            learner.eval()(batch, teacher.guide(images, LABELS, distillation.wanted, padding=padding))
            for padding in (True, False)
        )
    assert float(padded["total"]) == pytest.approx(float(cached["total"]), rel=1e-4)
