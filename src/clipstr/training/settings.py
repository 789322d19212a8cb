"""Every choice of a run that is neither the model's nor the teacher's: data, optimisation, course."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from clipstr.errors import RecipeError
from clipstr.settings import Journals, Texts, section, sections, setting, settings
from clipstr.synth.config import MILDEST, Camera, Layout, Looks, Scene, WordShares

__all__ = [
    "DataSettings",
    "Optimisation",
    "RunSettings",
    "SoftLabelSettings",
    "SourceSettings",
    "StartSettings",
    "SyntheticSettings",
]

Augmentation = Literal["none", "camera", "rand"]
"""`clipstr.data.AUGMENTATIONS` by name; "rand" is the paper's (RandAugment, section 4.2)."""


@settings(frozen=True, kw_only=True)
class SourceSettings:
    """Labelled crops, mixed as one: all of its paths' crops once, in random order, then again."""

    paths: Texts = setting((), "files or folders; every data set there is part of the source")
    weight: float = setting(
        1.0,
        "how many samples it gives, in proportion to the other weights",
        above=0,
    )
    augment: Augmentation = setting("none", "what is done to its crops")

    def __post_init__(self) -> None:
        if not self.paths:
            raise RecipeError("a source needs paths: name its files or folders")


@settings(frozen=True, kw_only=True)
class SyntheticSettings:
    """Rendered words: how many, from which material, how hard when, and all settings of the renderer."""

    weight: float = setting(
        1.0, "how many samples are rendered, in proportion to the sources' weights; 0: none", least=0
    )
    augment: Augmentation = setting("none", "what is done beside what the renderer itself does")
    fonts: Texts = setting((), "font folders; empty: the system's")
    words: str = setting("", "a word list; empty: ours and the system's")
    texts: str = setting("", "a list of texts drawn as they are, such as labels of real crops; empty: none")
    backgrounds: str = setting("", "a folder of pictures to put behind words; empty: made-up things")
    easy_until: float = setting(0.1, "share of the run with the easiest renderings only", least=0, most=1)
    hard_from: float = setting(
        0.5, "share of the run from which renderings are as hard as they come", least=0, most=1
    )
    easiest: float = setting(0.0, "the renderings' difficulty at the start", least=0, most=1)
    mildest: float = setting(
        MILDEST, "a rendering's own difficulty, at least, as a share of the run's", least=0, most=1
    )
    unread: float = setting(
        0.0,
        "rate of texts that may keep punctuation the alphabet lacks, which is not in their label",
        least=0,
        most=1,
    )
    empty: float = setting(
        0.0, "rate of renderings with nothing to read, whose label is empty", least=0, most=1
    )
    shares: WordShares = section(WordShares)
    layout: Layout = section(Layout)
    looks: Looks = section(Looks)
    scene: Scene = section(Scene)
    camera: Camera = section(Camera)

    def __post_init__(self) -> None:
        if self.easy_until > self.hard_from:
            raise RecipeError(
                f"easy_until is {self.easy_until} and hard_from {self.hard_from}: shares of the run, "
                "in this order"
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


@settings(frozen=True, kw_only=True)
class DataSettings:
    """Where the samples come from."""

    sources: Mapping[str, SourceSettings] = sections("labelled crops, by any name")
    synthetic: SyntheticSettings = section(SyntheticSettings)
    validation: Texts = setting((), "files or folders; every data set there is a validation set")
    unknown: Literal["delete", "drop"] = setting(
        "delete", "what happens to characters outside the alphabet, or to labels with them"
    )
    workers: int = setting(
        1, "processes that prepare samples, beside each training process; 0: none", least=0, most=1024
    )
    seed: int = setting(0, "another seed, other samples in another order", least=0, most=2**63 - 1)

    def __post_init__(self) -> None:
        if not self.sources and not self.synthetic.weight:
            raise RecipeError("there is nothing to train on: synthetic.weight is 0 and no source is named")


@settings(frozen=True, kw_only=True)
class Optimisation:
    """How the weights move. The defaults are the paper's where it names them (section 4.2)."""

    samples: int = setting(1_000_000, "how many samples the run sees", least=1, most=10**15)
    epochs: float = setting(
        0.0, "if above 0: passes over all sources, in the place of samples", least=0, most=10**9
    )
    batch_size: int = setting(320, "words a step, of all processes together", least=1, most=2**20)
    accumulate: int = setting(
        1, "parts that a process takes its words of a step in, to need less memory", least=1, most=2**20
    )
    optimiser: Literal["adamw", "muon"] = setting(
        "adamw", "what moves the weights; muon learns from fewer samples: docs/training.md"
    )
    learning_rate: float = setting(1.4e-3, "the learning rate at its highest", above=0, most=100)
    scaling: Literal["none", "authors"] = setting(
        "none",
        "of the learning rate; authors: times sqrt(processes) x words of each / 256",
    )
    schedule: Literal["one-cycle", "constant", "decay"] = setting(
        "one-cycle",
        "course of the learning rate; constant: a run without an end, of which decay makes a model",
    )
    decay_from: float = setting(
        0.0, "share of the run until which a rate that decays stays at its highest", least=0, below=1
    )
    warm_up: float = setting(0.075, "share of the run in which the learning rate rises", least=0, below=1)
    head_warm_up: float = setting(
        0.0,
        "share of a run that starts from a model in which losses of new heads teach the heads alone",
        least=0,
        below=1,
    )
    weight_decay: float = setting(0.0, "weight decay, of matrices only", least=0, most=100)
    beta2: float = setting(0.999, "decay of AdamW's second moment", least=0, below=1)
    gradient_clip: float = setting(20.0, "largest norm of the gradient", above=0)
    average: float = setting(
        0.0,
        "decay of a moving average of the weights (EMA), which is judged and kept; 0: none",
        least=0,
        below=1,
    )
    ctc_weight: float = setting(
        0.0, "weight of a CTC loss on the encoder's columns, dropped after training", least=0
    )
    label_smoothing: float = setting(
        0.0,
        "label smoothing: the share of the probability that is spread over all characters",
        least=0,
        below=1,
    )

    def peak(self, processes: int) -> float:
        """The highest learning rate with so many ``processes``.

        The authors' rule multiplies it by the square root of their number and by the words that each
        takes over 256 (their code, after PARSeq's).
        """
        if self.scaling == "none":
            return self.learning_rate
        return self.learning_rate * math.sqrt(processes) * (self.batch_size / processes) / 256


@settings(frozen=True, kw_only=True)
class RunSettings:
    """How the run is carried out; none of it should change what is learned."""

    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = setting(
        "auto",
        "of products; auto: bf16-mixed where the device is made for it, or else 32-true",
    )
    compile: bool = setting(False, "torch.compile the recogniser, which pays after some minutes")
    devices: int = setting(
        1,
        "GPUs of this machine, or processes on a CPU; 0: all GPUs. torchrun decides it itself",
        least=0,
        most=1024,
    )
    validate_every: int = setting(
        50_000, "how often the model is judged", unit="samples", least=1, most=10**15
    )
    checkpoint_every: float = setting(120.0, "how often a checkpoint is written", unit="seconds", above=0)
    log_every: int = setting(20, "how often losses are written down", unit="steps", least=1, most=10**9)
    journals: Journals = setting(("tensorboard",), "where the run is written down for people to look at")
    threads: int = setting(0, "threads of PyTorch on the CPU; 0: as it likes", least=0, most=1024)
    seed: int = setting(0, "another seed, other first weights and other dropout", least=0, most=2**63 - 1)


@settings(frozen=True, kw_only=True)
class StartSettings:
    """From which weights a run begins."""

    model: str = setting("", "an embedded model's name or a model's folder; empty: from random weights")


@settings(frozen=True, kw_only=True)
class SoftLabelSettings:
    """A better recogniser whose readings are learned beside the labels (Hinton et al. 2015).

    At every position the recogniser learns how likely the better one finds each character, told the same
    characters before: (1 - weight) x the loss of the labels + weight x temperature^2 x the KL divergence.
    """

    model: str = setting(
        "", "a model that is better, with weights to train on, by name or folder; empty: labels alone"
    )
    weight: float = setting(0.5, "share of the soft labels; the rest is the labels'", least=0, most=1)
    temperature: float = setting(
        2.0, "what both models' logits are divided by; more: unlikely characters say more", above=0, most=100
    )
