"""CLIP as one flow of features from picture to text: image stages 1 to 4, then text stages 4 to 1.

The paper's symmetrical distillation (section 3.2) reads the image encoder forwards and the text encoder
backwards. Stages are named by side and number: ``image 1`` .. ``image 3`` and ``text 1`` .. ``text 3`` are
tokens after the quarter points of the encoders, ``image 4`` and ``text 4`` the projected global embeddings
that CLIP aligned with each other, and ``text 0`` is what the text encoder starts from.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from open_clip.transformer import text_global_pool
from torch import Tensor, nn

from clipstr.errors import TeacherError
from clipstr.form import Preprocessing
from clipstr.stages import Stage
from clipstr.teacher.cache import TextCache, TextFeatures
from clipstr.teacher.config import NUM_STAGES, TeacherConfig, quarter_points
from clipstr.teacher.images import image_features, num_image_layers, prompted_features
from clipstr.teacher.inputs import InputConversion
from clipstr.teacher.tokens import LabelTokens
from clipstr.teacher.weights import load_clip

__all__ = ["GLOBAL_STAGE", "Guidance", "StageSize", "Teacher", "TeacherSizes", "cast_matrices"]

GLOBAL_STAGE = NUM_STAGES
"""The stage of either side that is one vector a sample: CLIP's projected global embedding."""
_STAGES = (
    *(Stage("image", n) for n in range(1, NUM_STAGES + 1)),
    *(Stage("text", n) for n in range(NUM_STAGES + 1)),
)
_NAMED: dict[str, Stage] = {stage: stage for stage in _STAGES}


class Guidance(NamedTuple):
    """What the teacher says of a batch.

    ``stages`` are by name, (batch, tokens, dim) or (batch, dim) for global ones. ``readable``
    (batch, text tokens) is true for start, the label's tokens and end, false for the padding behind.
    """

    stages: dict[Stage, Tensor]
    readable: Tensor


class StageSize(NamedTuple):
    """The shape of an image stage."""

    tokens: int  # with the class token
    width: int  # channels


@dataclass(frozen=True, kw_only=True)
class TeacherSizes:
    """The shapes of a teacher's stages."""

    image: dict[int, StageSize]  # of stages 1 to 3
    text_width: int  # channels of text stages 0 to 3
    embedding: int  # channels of the global embeddings


class Teacher:
    """A frozen CLIP that is asked for stages; no gradient reaches it, and it belongs to no checkpoint.

    Raises `TeacherError` if ``config`` cannot be met (see `load_clip`).
    """

    def __init__(self, config: TeacherConfig, preprocessing: Preprocessing) -> None:
        loaded = load_clip(config, height=preprocessing.height, width=preprocessing.width)
        self.config, self.clip, self.architecture = config, loaded.model, loaded.architecture
        text = self.architecture.text
        depths = {"image": num_image_layers(self.clip.visual), "text": text.layers}
        given = {"image": config.image_stages, "text": config.text_stages}
        self._layers = {side: given[side] or quarter_points(depth) for side, depth in depths.items()}
        for side, layers in self._layers.items():
            if layers[0] < 1 or layers[-1] > depths[side]:
                raise TeacherError(
                    f"teacher.{side}_stages is {list(layers)}, and the {side} encoder of "
                    f"{self.architecture.name} has layers 1 to {depths[side]}"
                )
        self.tokens = LabelTokens(tokens=config.tokens, case=config.case, context_length=text.context_length)
        self._causal = self.clip.text.attn_mask
        self._convert = InputConversion(preprocessing, self.architecture)
        self.cache = TextCache(limit=config.cache_mib << 20)
        blank = torch.zeros(1, 3, preprocessing.height, preprocessing.width)
        looked = self.image_stages(blank, range(1, GLOBAL_STAGE))
        self.sizes = TeacherSizes(
            image={stage: StageSize(*value.shape[1:]) for stage, value in looked.items()},
            text_width=text.width,
            embedding=self.architecture.model["embed_dim"],
        )

    def to(self, device: torch.device, dtype: torch.dtype = torch.float32) -> Teacher:
        """This teacher, moved to ``device``, its matrices in the ``dtype`` of its autocast."""
        self.clip.to(device)
        cast_matrices(self.clip, dtype)
        self._causal = self._causal.to(device)
        self.cache = TextCache(limit=self.cache.limit)  # what it held is of the old device and dtype
        return self

    @torch.no_grad()
    def image_stages(
        self, images: Float[Tensor, "batch 3 height width"], wanted: Collection[int]
    ) -> dict[int, Tensor]:
        """The ``wanted`` image stages of the student's own inputs, by number."""
        numbers = [stage for stage in sorted(wanted) if stage < GLOBAL_STAGE]
        layers = [self._layers["image"][stage - 1] for stage in numbers]
        features = image_features(
            self.clip.visual, self._convert(images), layers, embedding=GLOBAL_STAGE in wanted
        )
        stages = dict(zip(numbers, features.stages, strict=True))
        return stages if features.embedding is None else stages | {GLOBAL_STAGE: features.embedding}

    def prompted_stages(
        self, images: Float[Tensor, "batch 3 height width"], prompts: Float[Tensor, "batch prompts dim"]
    ) -> dict[int, Tensor]:
        """The tokens of image stages 1 to 3 and of the last layer (as 4) when ``prompts`` stand beside them.

        Gradients reach the prompts and nothing else.
        """
        found = prompted_features(self.clip.visual, self._convert(images), prompts, self._layers["image"])
        return dict(enumerate(found, start=1))

    @torch.no_grad()
    def text_stages(self, ids: Int[Tensor, "batch context"], wanted: Collection[int]) -> dict[int, Tensor]:
        """The ``wanted`` text stages of token ``ids``, by number.

        The context is that of ``ids``: the encoder is causal, so that a shorter one changes nothing.
        """
        text, length = self.clip.text, ids.shape[1]
        embedded = text.token_embedding(ids) + text.positional_embedding[:length]
        stages = {0: embedded} if 0 in wanted else {}
        numbers = [stage for stage in sorted(wanted) if 0 < stage < GLOBAL_STAGE]
        if not numbers and GLOBAL_STAGE not in wanted:
            return stages
        last, found = text.transformer.forward_intermediates(
            embedded,
            attn_mask=self._causal[:length, :length],
            indices=[self._layers["text"][stage - 1] - 1 for stage in numbers] or [0],
            stop_early=GLOBAL_STAGE not in wanted,
        )
        stages |= dict(zip(numbers, found, strict=False))
        if GLOBAL_STAGE in wanted:
            end = text_global_pool(text.ln_final(last), ids, text.pool_type, getattr(text, "eos_id", None))
            projection = text.text_projection
            stages[GLOBAL_STAGE] = projection(end) if isinstance(projection, nn.Module) else end @ projection
        return stages

    def guide(
        self,
        images: Float[Tensor, "batch 3 height width"],
        labels: Sequence[str],
        wanted: Collection[str],
        *,
        padding: bool = False,
    ) -> Guidance:
        """The stages named in ``wanted`` for a batch.

        Raises `TeacherError` for a label that does not fit, and for a stage that there is not.

        With ``padding`` the rows behind a label's end are what CLIP makes of padding there, as in the
        authors' code, and the cache is not used; otherwise they are zeros.
        """
        numbers: dict[str, set[int]] = {"image": set(), "text": set()}
        for name in wanted:
            if name not in _NAMED:
                raise TeacherError(f"a teacher has no stage {str(name)!r}; it has {', '.join(_STAGES)}")
            stage = _NAMED[name]
            numbers[stage.side].add(stage.number)
        stages: dict[Stage, Tensor] = {}
        if numbers["image"]:
            found = self.image_stages(images, numbers["image"])
            stages |= {Stage("image", number): value for number, value in found.items()}
        readable = torch.zeros(len(labels), 0, dtype=torch.bool, device=images.device)
        if numbers["text"]:
            features = (self._whole if padding else self._cached)(labels, numbers["text"], images.device)
            stages |= {Stage("text", number): value for number, value in features.stages.items()}
            readable = features.readable
        return Guidance(stages, readable)

    def _whole(self, labels: Sequence[str], wanted: set[int], device: torch.device) -> TextFeatures:
        """All rows of the batch's context, those of padding as CLIP makes them."""
        ids = self.tokens.batch(labels).to(device)
        ends = (ids == self.tokens.end).int().argmax(1)
        readable = torch.arange(ids.shape[1], device=device) <= ends[:, None]
        return TextFeatures(self.text_stages(ids, wanted), readable)

    def _cached(self, labels: Sequence[str], wanted: set[int], device: torch.device) -> TextFeatures:
        """The labels' own rows, computed for labels not seen of late and otherwise remembered."""
        unknown = self.cache.unknown(labels, wanted)
        if unknown:
            self.cache.add(unknown, self._whole(unknown, wanted, device))
        return self.cache.gather(labels, wanted)


def cast_matrices(model: nn.Module, dtype: torch.dtype) -> None:
    """Puts the matrices of the frozen ``model`` into the ``dtype`` of the autocast that it will run under.

    Autocast would make the same numbers, and cast all weights anew for every batch.
    """
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)) or hasattr(module, "in_proj_weight"):
            for parameter in module.parameters(recurse=False):
                parameter.data = parameter.data.to(dtype)
