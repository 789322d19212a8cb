"""The losses of recognition against what they are by definition."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from clipstr.charset import Charset
from clipstr.errors import CharsetError
from clipstr.student import TINY, Recogniser
from clipstr.training.tasks.objective import CtcHead, Learner, ctc_loss, make_batch, recognition_loss

CHARSET = Charset("abc")
SMALL = replace(TINY, width=48, encoder_heads=2, decoder_heads=2, characters="abc")


def test_tokens_are_begin_characters_end_and_padding() -> None:
    batch = make_batch(torch.zeros(2, 3, 32, 128), ["ab", "c"], CHARSET)
    assert batch.tokens.tolist() == [[4, 1, 2, 0], [4, 3, 0, 5]]


def test_a_character_outside_the_alphabet_is_an_error() -> None:
    with pytest.raises(CharsetError, match="'z'"):
        make_batch(torch.zeros(1, 3, 32, 128), ["az"], CHARSET)


def test_the_recognition_loss_is_the_mean_negative_log_probability_of_each_next_token() -> None:
    tokens = make_batch(torch.zeros(2, 3, 32, 128), ["ab", "c"], CHARSET).tokens
    logits = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    chances = logits.log_softmax(-1)
    wanted = [(0, 0, 1), (0, 1, 2), (0, 2, 0), (1, 0, 3), (1, 1, 0)]
    expected = -torch.stack([chances[place] for place in wanted]).mean()
    torch.testing.assert_close(recognition_loss(logits, tokens, CHARSET), expected)


def test_padding_never_changes_the_recognition_loss() -> None:
    tokens = make_batch(torch.zeros(2, 3, 32, 128), ["ab", "c"], CHARSET).tokens
    logits = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    changed = logits.clone()
    changed[1, 2] = 99.0  # the prediction behind the end of the shorter word
    torch.testing.assert_close(
        recognition_loss(changed, tokens, CHARSET), recognition_loss(logits, tokens, CHARSET)
    )


def test_the_ctc_loss_sums_over_all_alignments() -> None:
    batch = make_batch(torch.zeros(1, 3, 32, 128), ["a"], CHARSET)
    scores = torch.randn(1, 2, 4, generator=torch.Generator().manual_seed(0))
    p = scores[0].softmax(-1)
    spelled = p[0, 1] * p[1, 0] + p[0, 0] * p[1, 1] + p[0, 1] * p[1, 1]  # a-, -a, aa
    torch.testing.assert_close(ctc_loss(scores, batch, CHARSET), -spelled.log())


def test_heads_alone_learn_from_their_losses_and_the_encoder_does_not() -> None:
    torch.manual_seed(0)
    student = Recogniser(SMALL)
    learner = Learner(student, ctc_weight=1.0, label_smoothing=0.0)
    images = torch.randn(2, 3, 32, 128)
    gradients = {}
    for alone in (False, True):
        learner.zero_grad()
        learner(make_batch(images, ["ab", "c"], CHARSET, heads_alone=alone))["ctc"].backward()
        gradients[alone] = sum(float(p.grad.norm()) for p in student.parameters() if p.grad is not None)
        assert learner.heads["ctc"].classes.weight.grad.norm() > 0
    assert gradients[False] > 0
    assert gradients[True] == 0


def test_a_word_too_long_for_the_columns_counts_nothing() -> None:
    batch = make_batch(torch.zeros(1, 3, 32, 128), ["aaa"], CHARSET)
    assert ctc_loss(torch.zeros(1, 2, 4), batch, CHARSET) == 0


def test_the_ctc_head_scores_columns_and_not_rows() -> None:
    rows, columns = SMALL.grid
    head = CtcHead(grid=SMALL.grid, width=SMALL.width, num_classes=4)
    tokens = torch.zeros(1, rows * columns, SMALL.width)
    tokens[0, 3] = torch.randn(SMALL.width)  # first row, fourth column
    scores = head(tokens)
    different = (scores[0] - scores[0, 0]).abs().amax(-1) > 1e-6
    assert scores.shape == (1, columns, 4)
    assert different.nonzero().flatten().tolist() == [3]


def test_the_total_is_the_weighted_sum_of_its_terms_and_trains_every_weight() -> None:
    torch.manual_seed(0)
    learner = Learner(Recogniser(SMALL), ctc_weight=0.5, label_smoothing=0.0)
    batch = make_batch(torch.randn(2, 3, 32, 128), ["ab", "c"], CHARSET)
    losses = learner(batch)
    torch.testing.assert_close(losses["total"], losses["recognition"] + 0.5 * losses["ctc"])
    losses["total"].backward()
    idle = [name for name, p in learner.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    assert idle == []


def test_label_smoothing_is_pytorchs() -> None:
    tokens = make_batch(torch.zeros(1, 3, 32, 128), ["a"], CHARSET).tokens
    logits = torch.randn(1, 2, 4, generator=torch.Generator().manual_seed(0))
    expected = functional.cross_entropy(logits[0], torch.tensor([1, 0]), label_smoothing=0.1)
    torch.testing.assert_close(recognition_loss(logits, tokens, CHARSET, label_smoothing=0.1), expected)
