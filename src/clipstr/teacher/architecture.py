"""What a CLIP is built of, in OpenCLIP's own description, and whether it can teach."""

from __future__ import annotations

import copy
import difflib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import open_clip
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from open_clip.model import CLIPTextCfg, CLIPVisionCfg, CustomTextCLIP

from clipstr.errors import TeacherError
from clipstr.teacher.attention import quicken
from clipstr.teacher.config import TeacherConfig

__all__ = ["Architecture", "architecture_in", "named_architecture"]


@dataclass(frozen=True)
class Architecture:
    """OpenCLIP's description of a model (``model_cfg``) and of its pictures (``preprocess_cfg``)."""

    name: str
    model: dict[str, Any]
    mean: tuple[float, ...] = OPENAI_DATASET_MEAN  # of the colours, subtracted from values of 0 to 1
    deviation: tuple[float, ...] = OPENAI_DATASET_STD  # divided by, after that

    def __post_init__(self) -> None:
        vision, text = self.vision, self.text
        unfit = None
        if not self.of_timm and (not isinstance(vision.layers, int) or vision.attentional_pool):
            unfit = "its image encoder has no stages of tokens"
        elif text.hf_model_name or text.no_causal_mask or text.embed_cls:
            unfit = "its text encoder is not causal"
        elif text.hf_tokenizer_name:
            unfit = f"its text encoder reads the tokens of {text.hf_tokenizer_name} and not CLIP's"
        elif "multimodal_cfg" in self.model:
            unfit = "it is a captioner"
        if unfit:
            raise TeacherError(
                f"{self.name} cannot teach: {unfit}; take a CLIP such as {TeacherConfig().architecture}"
            )

    @property
    def vision(self) -> CLIPVisionCfg:
        """The image encoder's numbers."""
        return CLIPVisionCfg(**self.model["vision_cfg"])

    @property
    def text(self) -> CLIPTextCfg:
        """The text encoder's numbers."""
        return CLIPTextCfg(**self.model["text_cfg"])

    @property
    def of_timm(self) -> bool:
        """Whether its image encoder is one of timm's, which are fitted to pictures after they are built."""
        return bool(self.vision.timm_model_name)

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of its pictures in pixels."""
        return _pair(self.vision.image_size)

    @property
    def patch_size(self) -> tuple[int, int]:
        """Height and width in pixels of what is under one image token."""
        return _pair(self.vision.patch_size)

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of image tokens."""
        (height, width), (patch_height, patch_width) = self.image_size, self.patch_size
        return height // patch_height, width // patch_width

    def for_pictures(self, height: int, width: int) -> Architecture:
        """The same model for pictures of another size; raises `TeacherError` if patches do not fit it."""
        if self.of_timm:
            return self
        patch_height, patch_width = self.patch_size
        if height % patch_height or width % patch_width:
            raise TeacherError(
                f"{self.name} cuts pictures into patches of {patch_height}x{patch_width} pixels, and the "
                f"student's {height}x{width} do not divide by them: take a teacher with other patches, or "
                "change student.image_height and student.image_width"
            )
        model = copy.deepcopy(self.model)
        model["vision_cfg"]["image_size"] = [height, width]
        return replace(self, model=model)

    def build(self) -> CustomTextCLIP:
        """The model with first weights; raises `TeacherError` if the description makes none."""
        wanted = copy.deepcopy({key: value for key, value in self.model.items() if key != "custom_text"})
        wanted["vision_cfg"]["timm_model_pretrained"] = False  # its weights come from our file
        try:
            model = CustomTextCLIP(**wanted)
        except (AssertionError, RuntimeError, TypeError, ValueError) as error:
            raise TeacherError(f"{self.name} describes no model that OpenCLIP can build: {error}") from error
        quicken(model)
        return model

    def to_dict(self) -> dict[str, Any]:
        """What stands in ``open_clip_config.json``."""
        preprocess = {"mean": list(self.mean), "std": list(self.deviation), "resize_mode": "squash"}
        return {
            "model_cfg": self.model | {"custom_text": True},
            "preprocess_cfg": preprocess | {"interpolation": "bicubic", "size": list(self.image_size)},
        }


def named_architecture(name: str) -> Architecture:
    """OpenCLIP's architecture ``name``, or that in the JSON file ``name``. Raises `TeacherError`."""
    if Path(name).suffix == ".json":
        return architecture_in(Path(name))
    model = open_clip.get_model_config(name) if ":" not in name else None
    if model is None:
        near = difflib.get_close_matches(name, open_clip.list_models(), n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "`open_clip.list_models()` lists them"
        raise TeacherError(f"OpenCLIP knows no architecture {name!r}: {hint}")
    return Architecture(name, model)


def architecture_in(path: Path) -> Architecture:
    """The architecture in an OpenCLIP JSON file, with or without ``preprocess_cfg``."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        model = values.get("model_cfg", values)
        preprocess = values.get("preprocess_cfg", {})
        return Architecture(
            str(path),
            model,
            mean=tuple(preprocess.get("mean", OPENAI_DATASET_MEAN)),
            deviation=tuple(preprocess.get("std", OPENAI_DATASET_STD)),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise TeacherError(f"{path} is no description of an OpenCLIP model: {error}") from error


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    if isinstance(size, int):
        return size, size
    height, width = size
    return height, width
