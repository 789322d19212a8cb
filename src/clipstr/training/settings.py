"""Every choice of a run that is neither the model's nor the teacher's: data, optimisation, course."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from clipstr.errors import RecipeError
from clipstr.synth.config import Camera, Layout, Looks, Scene, SynthConfig, WordShares

__all__ = [
    "DataSettings",
    "Optimisation",
    "RunSettings",
    "SourceSettings",
    "StartSettings",
    "SyntheticSettings",
]

Augmentation = Literal["none", "camera", "rand"]
"""`clipstr.data.AUGMENTATIONS` by name; "rand" is the paper's (RandAugment, section 4.2)."""


Precision = Literal["auto", "32-true", "bf16-mixed", "16-mixed"]


def _choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise RecipeError(f"{name} is {value!r}; it can be {', '.join(choices[:-1])} or {choices[-1]}")


def _share(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise RecipeError(f"{name} is {value}; it is a share, from 0 to below 1")


@dataclass(frozen=True, kw_only=True)
class SourceSettings:
    """Labelled crops, mixed as one: all of its paths' crops once, in random order, then again."""

    paths: tuple[str, ...] = ()  # files or folders; every data set there is part of the source
    weight: float = 1.0  # of its samples beside the other sources' and the synthetic ones
    augment: Augmentation = "none"

    def __post_init__(self) -> None:
        _choice("a source's augment", self.augment, ("none", "camera", "rand"))
        if not self.paths:
            raise RecipeError("a source needs paths: name its files or folders")
        if self.weight <= 0:
            raise RecipeError(f"a source's weight is {self.weight}; it must be above 0")


@dataclass(frozen=True, kw_only=True)
class SyntheticSettings:
    """Rendered words: how many, from which material, how hard when, and all settings of the renderer."""

    weight: float = 1.0  # of its samples beside the sources'; 0: nothing is rendered
    augment: Augmentation = "none"  # beside what the renderer itself does
    fonts: tuple[str, ...] = ()  # font folders; empty: the system's
    words: str = ""  # a word list; empty: ours and the system's
    backgrounds: str = ""  # a folder of pictures to put behind words; empty: made-up things
    easy_until: float = 0.1  # share of the run with the easiest renderings only
    hard_from: float = 0.5  # share of the run from which renderings are as hard as they come
    easiest: float = 0.0  # the renderings' difficulty at the start, 0 to 1
    mildest: float = SynthConfig.mildest  # a rendering's own difficulty, at least, as a share of the run's
    shares: WordShares = field(default_factory=WordShares)
    layout: Layout = field(default_factory=Layout)
    looks: Looks = field(default_factory=Looks)
    scene: Scene = field(default_factory=Scene)
    camera: Camera = field(default_factory=Camera)

    def __post_init__(self) -> None:
        _choice("data.synthetic.augment", self.augment, ("none", "camera", "rand"))
        if self.weight < 0:
            raise RecipeError(f"data.synthetic.weight is {self.weight}; it must be 0 or more")
        if not 0 <= self.easy_until <= self.hard_from <= 1:
            raise RecipeError(
                "data.synthetic.easy_until and hard_from are shares of the run, 0 to 1, in this order"
            )

    def difficulty(self, progress: float) -> float:
        """How hard renderings are at ``progress`` (0 to 1) of the run: easy ones first, then a ramp.

        Cross-entropy alone on hard renderings stays a language model for a hundred thousand samples.
        """
        ramp = self.hard_from - self.easy_until
        risen = (
            min(max((progress - self.easy_until) / ramp, 0.0), 1.0)
            if ramp
            else float(progress >= self.hard_from)
        )
        return self.easiest + (1.0 - self.easiest) * risen


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Where the samples come from."""

    sources: Mapping[str, SourceSettings] = field(default_factory=dict)  # by any name
    synthetic: SyntheticSettings = field(default_factory=SyntheticSettings)
    validation: tuple[str, ...] = ()  # files or folders; every data set there is a validation set
    unknown: Literal["delete", "drop"] = "delete"  # characters outside the alphabet, or labels with them
    workers: int = 1  # processes that prepare samples, beside each training process
    seed: int = 0

    def __post_init__(self) -> None:
        _choice("data.unknown", self.unknown, ("delete", "drop"))
        if not self.sources and not self.synthetic.weight:
            raise RecipeError(
                "there is nothing to train on: data.synthetic.weight is 0 and no source is named"
            )
        if self.workers < 0:
            raise RecipeError(f"data.workers is {self.workers}; 0 prepares samples in the training process")


@dataclass(frozen=True, kw_only=True)
class Optimisation:
    """How the weights move. The defaults are the paper's where it names them (section 4.2)."""

    samples: int = 1_000_000  # how many samples the run sees
    epochs: float = 0.0  # if above 0: passes over all sources, in the place of samples
    batch_size: int = 320  # words a step, of all processes together
    accumulate: int = 1  # parts that a process takes its words of a step in, to need less memory
    optimiser: Literal["adamw", "muon"] = "adamw"  # muon learns from fewer samples: docs/training.md
    learning_rate: float = 1.4e-3  # at its highest
    scaling: Literal["none", "authors"] = "none"  # authors: times sqrt(processes) x words of each / 256
    warm_up: float = 0.075  # share of the run in which the learning rate rises
    weight_decay: float = 0.0  # on matrices only
    beta2: float = 0.999  # of AdamW's second moment
    gradient_clip: float = 20.0  # largest norm of the gradient
    average: float = 0.0  # decay of a moving average of the weights, which is judged and kept; 0: none
    ctc_weight: float = 0.0  # of a CTC loss on the encoder's columns, dropped after training
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        for name in ("samples", "batch_size", "accumulate", "learning_rate", "gradient_clip"):
            if getattr(self, name) <= 0:
                raise RecipeError(f"optimisation.{name} is {getattr(self, name)}; it must be above 0")
        if self.epochs < 0:
            raise RecipeError(f"optimisation.epochs is {self.epochs}; it must be 0 or more")
        for name in ("warm_up", "average", "label_smoothing", "beta2"):
            _share(f"optimisation.{name}", getattr(self, name))
        _choice("optimisation.optimiser", self.optimiser, ("adamw", "muon"))
        _choice("optimisation.scaling", self.scaling, ("none", "authors"))

    def peak(self, processes: int) -> float:
        """The highest learning rate with so many ``processes``.

        The authors' rule multiplies it by the square root of their number and by the words that each
        takes over 256 (their code, after PARSeq's).
        """
        if self.scaling == "none":
            return self.learning_rate
        return self.learning_rate * math.sqrt(processes) * (self.batch_size / processes) / 256


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """How the run is carried out; none of it should change what is learned."""

    precision: Precision = "auto"  # auto: bf16-mixed where the device is made for it, or else 32-true
    compile: bool = False  # torch.compile the recogniser, which pays after some minutes
    devices: int = 1  # GPUs of this machine, or processes on a CPU; 0: all GPUs. torchrun decides it itself
    validate_every: int = 50_000  # samples
    checkpoint_every: float = 120.0  # seconds
    log_every: int = 20  # steps
    journals: tuple[str, ...] = ("tensorboard",)  # or wandb, mlflow
    threads: int = 0  # of PyTorch on the CPU; 0: as it likes
    seed: int = 0  # of the first weights and of dropout

    def __post_init__(self) -> None:
        _choice("run.precision", self.precision, get_args(Precision))
        for journal in self.journals:
            _choice("a journal in run.journals", journal, ("tensorboard", "wandb", "mlflow"))
        if min(self.validate_every, self.checkpoint_every, self.log_every) <= 0:
            raise RecipeError("run.validate_every, checkpoint_every and log_every must be above 0")
        if self.devices < 0 or self.threads < 0:
            raise RecipeError("run.devices and run.threads must be 0 or more")


@dataclass(frozen=True, kw_only=True)
class StartSettings:
    """From which weights a run begins."""

    model: str = ""  # an embedded model's name or a model's folder; empty: from random weights
