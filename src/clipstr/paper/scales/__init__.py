"""How large the trainings of a table are: smoke (a minute), small (an evening), full (the paper's)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clipstr.errors import InputError

__all__ = ["SCALES", "Scale", "scale_named"]

_HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Scale:
    """A size of experiment: its recipes, its teacher, how often each training is made, and its test sets.

    ``teacher`` is None where OpenAI's CLIP teaches; ``tests`` is how many words of each kind are rendered
    where no test sets are named, 0 where they must be.
    """

    name: str
    seeds: int
    tests: int
    own_teacher: bool
    about: str

    @property
    def recipe(self) -> Path:
        """The recipe of the recognisers."""
        return _HERE / f"{self.name}.toml"

    @property
    def teacher_recipe(self) -> Path:
        """The recipe of a teacher of one's own."""
        return _HERE / f"{self.name}-teacher.toml"

    def architecture(self, *, coarse: bool) -> str:
        """The teacher's architecture: a file, or one of OpenCLIP's names; ``coarse`` has larger patches."""
        if not self.own_teacher:
            return "ViT-B-32-quickgelu" if coarse else "ViT-B-16-quickgelu"
        return str(_HERE / f"{self.name}-clip{'-coarse' if coarse else ''}.json")


SCALES: tuple[Scale, ...] = (
    Scale(
        name="smoke",
        seeds=1,
        tests=32,
        own_teacher=True,
        about="a recogniser of 0.3 M parameters for 256 words, taught by a CLIP that saw 128: it shows that "
        "the command works, and nothing about the method",
    ),
    Scale(
        name="small",
        seeds=3,
        tests=1000,
        own_teacher=True,
        about="`tiny` (4.3 M parameters) with Muon for 48,000 words, taught by a CLIP of 24 M parameters "
        "that saw 300,000 such words; the paper: 31.1 M parameters, 72 million words of MJ and ST, OpenAI's "
        "CLIP",
    ),
    Scale(
        name="full",
        seeds=1,
        tests=0,
        own_teacher=False,
        about="the paper's protocol: MJ and ST, five epochs, OpenAI's CLIP; where the paper is silent, the "
        "authors' code",
    ),
)
"""The scales, the smallest first."""


def scale_named(name: str) -> Scale:
    """The scale called ``name``; raises `InputError` for one that there is not."""
    for scale in SCALES:
        if scale.name == name:
            return scale
    raise InputError(f"there is no scale {name!r}: there are {', '.join(scale.name for scale in SCALES)}")
