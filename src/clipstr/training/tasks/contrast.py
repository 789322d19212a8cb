"""Training a teacher: a CLIP of word pictures and their spelled-out labels."""

from __future__ import annotations

import math
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from clipstr.charset import Charset
from clipstr.data import LabelRule, Source, labels_of
from clipstr.errors import DataError, ImageError, RecipeError
from clipstr.imaging import load_image
from clipstr.teacher.architecture import Architecture, named_architecture
from clipstr.teacher.contrast import contrastive_loss
from clipstr.teacher.inputs import InputConversion
from clipstr.teacher.tokens import LabelTokens
from clipstr.teacher.weights import save_clip
from clipstr.training.observer import Validation
from clipstr.training.recipe import TeacherRecipe
from clipstr.training.samples.validation import validation_sets
from clipstr.training.tasks.objective import Batch, CtcHead, ctc_loss, make_batch
from clipstr.training.tasks.task import compile_blocks

__all__ = ["Contrast"]

_BATCH = 256  # pictures or labels at a time in validation
_HIGHEST_SCALE = math.log(100)  # CLIP's bound on the logarithm of the inverse temperature


class ContrastiveLearner(nn.Module):
    """A CLIP in training: from pictures and their texts to the losses by name."""

    def __init__(self, architecture: Architecture, charset: Charset, *, ctc_weight: float) -> None:
        super().__init__()
        self.charset, self.ctc_weight = charset, ctc_weight
        self.clip = architecture.build()
        self._causal = self.clip.text.attn_mask
        # It is cut to each batch's length below: as a buffer, processes would exchange it in unequal sizes.
        del self.clip.text.attn_mask
        self._last = [int(architecture.vision.layers) - 1]
        self.heads = nn.ModuleDict()
        if ctc_weight:
            width, classes = architecture.vision.width, charset.num_classes
            self.heads["ctc"] = CtcHead(grid=architecture.grid, width=width, num_classes=classes)

    def forward(
        self, batch: Batch, ids: Int[Tensor, "texts context"], which: Int[Tensor, " batch"]
    ) -> dict[str, Tensor]:
        """The losses of a ``batch`` whose texts are ``ids[which]``, each text given once.

        "total" is the one to minimise. A word that stands on several pictures is right for all of them.
        """
        # PyTorch's fused attention is slower backwards than plain products on CPUs.
        with nullcontext() if ids.is_cuda else sdpa_kernel(SDPBackend.MATH):
            seen = self.clip.visual.forward_intermediates(batch.images, indices=self._last, output_fmt="NLC")
            texts = functional.normalize(self.encode_texts(ids).float(), dim=-1)
        pictures = functional.normalize(seen["image_features"].float(), dim=-1)
        scale = self.clip.logit_scale.clamp(max=_HIGHEST_SCALE).exp()
        same = which[:, None] == torch.arange(len(ids), device=which.device)
        to_text, to_image = contrastive_loss(scale * pictures @ texts.T, same)
        losses = {"image to text": to_text, "text to image": to_image, "total": (to_text + to_image) / 2}
        if "ctc" in self.heads:
            losses["ctc"] = ctc_loss(self.heads["ctc"](seen["image_intermediates"][0]), batch, self.charset)
            losses["total"] = losses["total"] + self.ctc_weight * losses["ctc"]
        return losses

    def encode_texts(self, ids: Int[Tensor, "texts context"]) -> Float[Tensor, "texts dim"]:
        """The global embeddings of token ``ids`` in a context of any length up to the encoder's."""
        length = ids.shape[1]
        # OpenCLIP adds its mask for the full context whatever the length is.
        self.clip.text.attn_mask = self._causal.to(ids.device)[:length, :length]
        embeddings: Tensor = self.clip.text(ids)
        return embeddings


class Contrast:
    """The `Task` of a `TeacherRecipe`: retrieval judges it, an OpenCLIP folder is its file."""

    def __init__(self, recipe: TeacherRecipe) -> None:
        self.recipe = recipe
        settings = recipe.clip
        self.form = settings.form
        self.architecture = named_architecture(settings.architecture).for_pictures(
            settings.image_height, settings.image_width
        )
        if self.architecture.of_timm:
            raise RecipeError(
                f"clip.architecture is {settings.architecture}, whose image encoder is timm's: "
                "only OpenCLIP's own Vision Transformers can be trained for pictures of words"
            )
        self.learner = ContrastiveLearner(
            self.architecture, self.form.charset, ctc_weight=recipe.optimisation.ctc_weight
        )
        self.model = self.clip = self.learner.clip
        if recipe.run.compile:
            compile_blocks(self.clip.visual.transformer.resblocks)
        self._convert = InputConversion(self.form.preprocessing, self.architecture)
        context = self.architecture.text.context_length
        if settings.max_length + 2 > context:
            raise RecipeError(
                f"clip.max_length is {settings.max_length}, and with start and end that is more than the "
                f"{context} tokens that {settings.architecture} holds: lower it to {context - 2}"
            )
        self.tokens = LabelTokens(tokens=settings.tokens, case=settings.case, context_length=context)
        self._rule = LabelRule(self.form.charset, self.form.max_length)
        judges = validation_sets(recipe.data, self._rule)
        self.sets, self.notes = judges.sets, judges.notes
        self._device = torch.device("cpu")

    def place(self, device: torch.device, dtype: torch.dtype) -> None:
        """Remembers where validation belongs."""
        self._device = device

    def inputs(
        self, images: Tensor, texts: list[str], share: Tensor, progress: float
    ) -> tuple[Batch, Tensor, Tensor]:
        """Pictures as CLIP wants them, its tokens of the batch's different words, and whose is which."""
        words = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        which = torch.tensor([words[text] for text in texts], device=images.device)
        batch = make_batch(self._convert(images), texts, self.form.charset)
        return batch, self.tokens.batch(list(words)).to(images.device), which

    def validate(self) -> Validation:
        """The share of pictures whose own label is the nearest among all labels of their set, by set."""
        if not self.sets:
            return Validation(accuracy={})
        was_training = self.learner.training
        self.learner.eval()
        with torch.compiler.set_stance("force_eager"):  # pictures come in other numbers than in a step
            counted = {name: self._retrieval(dataset) for name, dataset in self.sets.items()}
        self.learner.train(was_training)
        right, total = (sum(counts) for counts in zip(*counted.values(), strict=True))
        shares = {name: found / of for name, (found, of) in counted.items()}
        return Validation(accuracy=shares | {"mean": right / total})

    @torch.no_grad()
    def _retrieval(self, dataset: Source) -> tuple[int, int]:
        """How many pictures find their label, and of how many."""
        kept = self._rule.apply_all(labels_of(dataset))
        words = list(dict.fromkeys(kept.texts))
        texts = torch.cat([self._texts(words[at : at + _BATCH]) for at in range(0, len(words), _BATCH)])
        pictures = [(self._pixels(dataset, i), t) for i, t in zip(kept.indices, kept.texts, strict=True)]
        readable = [(pixels, text) for pixels, text in pictures if pixels is not None]
        right = 0
        for at in range(0, len(readable), _BATCH):
            part = readable[at : at + _BATCH]
            nearest = (self._pictures(np.stack([pixels for pixels, _ in part])) @ texts.T).argmax(1)
            right += sum(words[int(n)] == text for n, (_, text) in zip(nearest, part, strict=True))
        return right, len(kept)

    def _pixels(self, dataset: Source, index: int) -> np.ndarray | None:
        try:
            return self.form.preprocessing.resize(load_image(dataset.image_bytes(index)))
        except (ImageError, DataError):  # damaged, or missing in its set
            return None

    def _pictures(self, pixels: np.ndarray) -> Tensor:
        images = torch.from_numpy(self.form.preprocessing.normalise(pixels)).to(self._device)
        return functional.normalize(self.clip.visual(self._convert(images)), dim=-1)

    def _texts(self, words: list[str]) -> Tensor:
        ids = self.tokens.batch(words).to(self._device)
        return functional.normalize(self.learner.encode_texts(ids), dim=-1)

    def save(self, folder: Path, source: dict[str, Any]) -> None:
        """The CLIP in OpenCLIP's format."""
        save_clip(self.clip, self.architecture, folder, source=source)
