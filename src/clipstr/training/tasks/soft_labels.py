"""Soft labels: how likely a better recogniser finds each character at every position of a label."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from clipstr.charset import Charset
from clipstr.errors import RecipeError
from clipstr.form import WordForm
from clipstr.models import find_model
from clipstr.student import Recogniser
from clipstr.student.encoder import Encoder
from clipstr.student.storage import load_recogniser
from clipstr.teacher.clip import cast_matrices
from clipstr.training.settings import SoftLabelSettings

__all__ = ["Labeller", "new_labeller"]


def new_labeller(settings: SoftLabelSettings, form: WordForm) -> Labeller | None:
    """What gives soft labels to a recogniser of words of this ``form``; None where the recipe names nobody.

    Raises `RecipeError` for a model that cannot, and a `ModelError` for what is no model with weights.
    """
    if not settings.model:
        return None
    model, config = load_recogniser(find_model(settings.model))
    try:
        return Labeller(model, form, name=config.name)
    except RecipeError as error:
        raise RecipeError(f"soft_labels.model = {settings.model!r}: {error}") from error


class Labeller:
    """A frozen recogniser that says of pictures with known texts how it would read on at each position.

    It sees the same pictures as who learns from it, and is told the same characters. Its alphabet may be
    another: a character of the learner's ``form`` is as likely as all those together that the form writes so
    (A and a, where there is one case), and what the form cannot write is left out. Raises `RecipeError` if
    the model sees other pictures, or lacks characters or positions of the form.
    """

    def __init__(self, model: Recogniser, form: WordForm, *, name: str) -> None:
        self.model = model.eval().requires_grad_(False)
        mine, theirs = model.config.form, form
        if mine.preprocessing != theirs.preprocessing:
            raise RecipeError(
                f"it sees {mine.preprocessing}, and who learns from it {theirs.preprocessing}: "
                "both must see the same pictures"
            )
        if mine.max_length < theirs.max_length:
            raise RecipeError(
                f"it reads words of up to {mine.max_length} characters: lower student.max_length "
                f"from {theirs.max_length}, or take another model"
            )
        groups = _same_characters(mine.charset, theirs.charset)
        missing = "".join(character for character, known in groups.items() if not known)
        if missing:
            raise RecipeError(f"it cannot read {missing!r}: change student.characters, or take another model")
        used = set("".join(groups.values()))
        left = "".join(character for character in mine.charset.characters if character not in used)
        self.notes = [f"soft labels by {name!r}"]
        if left:
            self.notes = [f"soft labels by {name!r}, whose characters {left} count nothing"]
        classes = [[mine.charset.end], *(mine.charset.encode(known) for known in groups.values())]
        self._classes, self._hidden = _padded(classes)
        tokens = [known[0] for known in classes]
        self._tokens = torch.tensor([*tokens, mine.charset.begin, mine.charset.padding])

    @property
    def blocks(self) -> Iterable[nn.Module]:
        """The encoder's blocks, which are alike."""
        assert isinstance(self.model.encoder, Encoder)
        blocks: nn.Sequential = self.model.encoder.blocks
        return blocks

    def to(self, device: torch.device, dtype: torch.dtype) -> Labeller:
        """This labeller on ``device``, its matrices in the ``dtype`` of the autocast it will run under."""
        self.model.to(device)
        cast_matrices(self.model, dtype)
        self._classes, self._hidden = self._classes.to(device), self._hidden.to(device)
        self._tokens = self._tokens.to(device)
        return self

    @torch.no_grad()
    def labels(
        self, images: Float[Tensor, "batch 3 height width"], tokens: Int[Tensor, "batch length"]
    ) -> Float[Tensor, "batch length-1 num_classes"]:
        """The logits of the learner's classes for all of the learner's ``tokens`` but the first."""
        logits = self.model(images, self._tokens[tokens[:, :-1]]).logits.float()
        return torch.logsumexp(logits[..., self._classes] + self._hidden, -1)


def _same_characters(known: Charset, written: Charset) -> dict[str, str]:
    """The ``known`` characters that are each one of ``written``, itself first where it is known."""
    return {
        character: (character if character in known else "")
        + "".join(c for c in known.characters if c != character and written.in_its_case(c) == character)
        for character in written.characters
    }


def _padded(classes: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """``classes`` as a table of equal rows, and what to add to its logits: -inf where a row is filled up."""
    most = max(map(len, classes))
    table = torch.tensor([[*row, *[row[0]] * (most - len(row))] for row in classes])
    counts = torch.tensor([len(row) for row in classes])
    filled = torch.arange(most) >= counts[:, None]
    return table, torch.zeros(table.shape).masked_fill(filled, -torch.inf)
