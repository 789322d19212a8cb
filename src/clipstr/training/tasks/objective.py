"""What a recogniser is trained to do: the next character everywhere, and columns that spell the word."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from clipstr.charset import Charset
from clipstr.distil import SymmetricalDistillation
from clipstr.stages import Side, Stage
from clipstr.student import Features, Recogniser, Stages
from clipstr.student.config import NUM_STAGES
from clipstr.teacher import Guidance
from clipstr.training.settings import SoftLabelSettings

__all__ = ["Batch", "CtcHead", "Learner", "ctc_loss", "make_batch", "recognition_loss", "soft_label_loss"]


class Batch(NamedTuple):
    """A batch of labelled words: images (batch, 3, height, width) and token ids (batch, length).

    The tokens are begin, the characters, end, then padding to the longest. ``characters`` are those of all
    words one after the other (a CTC loss wants them so), ``lengths`` how many each word has, known without
    asking the device. ``share`` is how many characters the batch has in proportion to the average part of
    its step. With ``heads_alone`` the losses of training's own heads teach the heads and not the encoder.
    ``soft_labels`` are a better recogniser's logits (batch, length - 1, num_classes), if there is one.
    """

    images: Tensor
    tokens: Tensor
    characters: Tensor
    lengths: tuple[int, ...]
    share: Tensor | float = 1.0
    heads_alone: bool = False
    soft_labels: Tensor | None = None


def make_batch(
    images: Tensor,
    texts: list[str],
    charset: Charset,
    share: Tensor | float = 1.0,
    *,
    heads_alone: bool = False,
) -> Batch:
    """``texts`` as tokens beside their ``images``. Raises `CharsetError` for a character it lacks."""
    words = [charset.encode(text) for text in texts]
    longest = max(map(len, words))
    rows = [[charset.begin, *word, charset.end] + [charset.padding] * (longest - len(word)) for word in words]
    flat = [token for word in words for token in word]
    tokens, characters = (
        torch.tensor(values, dtype=torch.long).to(images.device, non_blocking=True) for values in (rows, flat)
    )
    return Batch(images, tokens, characters, tuple(map(len, words)), share, heads_alone)


def recognition_loss(
    logits: Float[Tensor, "batch positions num_classes"],
    tokens: Int[Tensor, "batch length"],
    charset: Charset,
    *,
    label_smoothing: float = 0.0,
) -> Float[Tensor, ""]:
    """The mean cross-entropy of each next character and of the end, padding left out.

    ``logits`` are those of all ``tokens`` but the last (so positions = length - 1).
    """
    return functional.cross_entropy(
        logits.float().flatten(0, 1),
        tokens[:, 1:].flatten(),
        ignore_index=charset.padding,
        label_smoothing=label_smoothing,
    )


def soft_label_loss(
    logits: Float[Tensor, "batch positions num_classes"],
    labels: Float[Tensor, "batch positions num_classes"],
    tokens: Int[Tensor, "batch length"],
    charset: Charset,
    *,
    temperature: float,
) -> Float[Tensor, ""]:
    """How far ``logits`` are from soft ``labels``, logits too, at the characters and the end of each word.

    The mean Kullback-Leibler divergence of the two distributions, both logits divided by ``temperature``,
    times its square: so its gradients are as large as those of the labels (Hinton, Vinyals and Dean 2015,
    "Distilling the knowledge in a neural network", section 2).
    """
    ours, theirs = ((each.float() / temperature).log_softmax(-1) for each in (logits, labels))
    divergence = functional.kl_div(ours, theirs, reduction="none", log_target=True).sum(-1)
    written = tokens[:, 1:] != charset.padding
    return temperature**2 * (divergence * written).sum() / written.sum()


class CtcHead(nn.Module):
    """Class scores for every column of image tokens, for a CTC loss beside the decoder's.

    It belongs to training alone: it makes the encoder find letters before the decoder can.
    """

    def __init__(self, *, grid: tuple[int, int], width: int, num_classes: int) -> None:
        super().__init__()
        self.grid = grid
        self.norm = nn.LayerNorm(width)
        self.classes = nn.Linear(width, num_classes)

    def forward(
        self, tokens: Float[Tensor, "batch tokens dim"]
    ) -> Float[Tensor, "batch columns num_classes"]:
        """The scores of each column; ``tokens`` are the grid's, row by row, without a class token."""
        columns = tokens.reshape(len(tokens), *self.grid, -1).mean(1)
        scores: Tensor = self.classes(self.norm(columns))
        return scores


def ctc_loss(
    scores: Float[Tensor, "batch columns num_classes"], batch: Batch, charset: Charset
) -> Float[Tensor, ""]:
    """The CTC loss of the columns' ``scores``, the end-of-text class standing for blank.

    Words too long for the columns count nothing.
    """
    columns = (scores.shape[1],) * len(scores)
    log_probabilities = scores.float().log_softmax(-1).transpose(0, 1)
    return functional.ctc_loss(
        log_probabilities,
        batch.characters,
        columns,  # type: ignore[arg-type]  # PyTorch takes plain numbers, too, and asks no device for them
        batch.lengths,  # type: ignore[arg-type]
        blank=charset.end,
        zero_infinity=True,
    )


class Learner(nn.Module):
    """A recogniser with all that only training needs around it: from a batch to the losses by name.

    The decoder sees the label's characters before each position, as teacher forcing has it.
    """

    def __init__(
        self,
        student: Recogniser,
        *,
        ctc_weight: float,
        label_smoothing: float,
        distillation: SymmetricalDistillation | None = None,
        soft_labels: SoftLabelSettings | None = None,
    ) -> None:
        super().__init__()
        self.student = student
        config = student.config
        self.heads = nn.ModuleDict()
        if ctc_weight:
            classes = config.charset.num_classes
            self.heads["ctc"] = CtcHead(grid=config.grid, width=config.width, num_classes=classes)
        if distillation is not None:
            self.heads["distillation"] = distillation
        self.distillation_weight = distillation.settings.weight if distillation else 0.0
        self.ctc_weight, self.label_smoothing = ctc_weight, label_smoothing
        self.soft_labels = soft_labels

    def forward(self, batch: Batch, guidance: Guidance | None = None) -> dict[str, Tensor]:
        """The losses of ``batch``; "total" is the one to minimise (equation 8).

        The others are its terms, unweighted: "recognition", "soft labels", "ctc", and each pair's with
        "distillation" for their sum. ``guidance`` is what the teacher says of the batch, if there is one.
        """
        charset = self.student.config.charset
        features = self.student(batch.images, batch.tokens[:, :-1])
        recognition = batch.share * recognition_loss(
            features.logits, batch.tokens, charset, label_smoothing=self.label_smoothing
        )
        losses, total = {"recognition": recognition}, recognition
        if self.soft_labels is not None and batch.soft_labels is not None:
            weight, temperature = self.soft_labels.weight, self.soft_labels.temperature
            losses["soft labels"] = batch.share * soft_label_loss(
                features.logits, batch.soft_labels, batch.tokens, charset, temperature=temperature
            )
            total = (1 - weight) * recognition + weight * losses["soft labels"]
        if "ctc" in self.heads:
            columns = features.encoder.stage4[:, 1:]
            scores = self.heads["ctc"](columns.detach() if batch.heads_alone else columns)
            losses["ctc"] = ctc_loss(scores, batch, charset)
            total = total + self.ctc_weight * losses["ctc"]
        if guidance is not None:
            ours = batch.tokens[:, 1:] != charset.padding  # the characters and the end, by position
            theirs = guidance.readable[:, 1 : ours.shape[1] + 1]  # start left out
            readable = ours[:, : theirs.shape[1]] & theirs
            stages = _stages(features)
            if batch.heads_alone:
                stages = {name: tokens.detach() for name, tokens in stages.items()}
            terms = self.heads["distillation"](stages, guidance.stages, readable)
            losses |= terms
            losses["distillation"] = torch.stack(list(terms.values())).sum()
            total = total + self.distillation_weight * losses["distillation"]
        return losses | {"total": total}


def _stages(features: Features) -> dict[Stage, Tensor]:
    """The student's stages by the names that pairs use."""
    sides: dict[Side, Stages] = {"encoder": features.encoder, "decoder": features.decoder}
    return {
        Stage(side, number): getattr(stages, f"stage{number}")
        for side, stages in sides.items()
        for number in range(1, NUM_STAGES + 1)
    }
