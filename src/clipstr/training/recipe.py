"""A training recipe: every choice of a run, from a TOML file, validated before anything starts."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, get_type_hints

from clipstr.charset import ALPHABETS, Charset
from clipstr.distil import Distillation
from clipstr.errors import InputError, RecipeError
from clipstr.imaging import Preprocessing
from clipstr.student import SIZES, StudentConfig
from clipstr.teacher import TeacherConfig

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = [
    "ClipSettings",
    "DataSettings",
    "Optimisation",
    "Recipe",
    "RunSettings",
    "TeacherRecipe",
    "load_recipe",
    "load_teacher_recipe",
]

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """Where the samples come from."""

    synthetic_share: float = 1.0  # share of rendered samples; the rest are real crops
    real: tuple[str, ...] = ()  # folders; every data.mdb below them is a source, all crops alike likely
    validation: tuple[str, ...] = ()  # folders; every data.mdb below them is a validation set
    fonts: tuple[str, ...] = ()  # extra font folders for the renderer
    words: str = ""  # a word list for the renderer; empty: the system's
    easy_until: float = 0.1  # share of the run with the easiest renderings only
    hard_from: float = 0.5  # share of the run from which renderings are as hard as they come
    easiest: float = 0.0  # the renderings' difficulty at the start, 0 to 1
    workers: int = 1  # processes that prepare samples
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.synthetic_share <= 1:
            raise RecipeError(f"data.synthetic_share is {self.synthetic_share}; it is a share, 0 to 1")
        if self.synthetic_share < 1 and not self.real:
            raise RecipeError("data.synthetic_share is below 1 but data.real names no folder of real crops")
        if not 0 <= self.easy_until <= self.hard_from <= 1:
            raise RecipeError("data.easy_until and data.hard_from are shares of the run, in this order")
        if self.workers < 0:
            raise RecipeError(f"data.workers is {self.workers}; 0 prepares samples in the training process")

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
class Optimisation:
    """How the weights move. The defaults are the paper's where it names them (section 4.2)."""

    samples: int = 1_000_000  # how many samples the run sees
    batch_size: int = 320  # words a step
    learning_rate: float = 1.4e-3  # at its highest
    warm_up: float = 0.075  # share of the run in which the learning rate rises
    weight_decay: float = 0.0  # on matrices only
    beta2: float = 0.999  # AdamW's second moment
    gradient_clip: float = 20.0  # largest norm of the gradient
    ctc_weight: float = 0.0  # of a CTC loss on the encoder's columns, dropped after training
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        positive = ("samples", "batch_size", "learning_rate", "gradient_clip")
        for name in positive:
            if getattr(self, name) <= 0:
                raise RecipeError(f"optimisation.{name} is {getattr(self, name)}; it must be above 0")
        if not 0 <= self.warm_up < 1:
            raise RecipeError(f"optimisation.warm_up is {self.warm_up}; it is a share of the run, 0 to 1")


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """How the run is carried out; none of it should change what is learned."""

    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "bf16-mixed"
    compile: bool = False  # torch.compile the recogniser, which pays after some minutes
    validate_every: int = 50_000  # samples
    checkpoint_every: float = 120.0  # seconds
    log_every: int = 20  # steps
    threads: int = 0  # of PyTorch on the CPU; 0: as it likes
    seed: int = 0  # of the first weights

    def __post_init__(self) -> None:
        if self.precision not in ("32-true", "bf16-mixed", "16-mixed"):
            raise RecipeError(
                f"run.precision is {self.precision!r}; it can be 32-true, bf16-mixed or 16-mixed"
            )
        if min(self.validate_every, self.checkpoint_every, self.log_every) <= 0:
            raise RecipeError("run.validate_every, checkpoint_every and log_every must be above 0")


@dataclass(frozen=True, kw_only=True)
class ClipSettings:
    """The teacher that a run trains, and what it is told."""

    architecture: str = "ViT-S-16"  # of OpenCLIP, or a JSON file in its format
    characters: str = ALPHABETS["36"]
    max_length: int = 25  # characters of the longest word
    image_height: int = 32  # pixels
    image_width: int = 128  # pixels
    tokens: Literal["characters", "words"] = "characters"  # what one text token stands for
    case: Literal["fold", "keep"] = "fold"  # whether A and a are the same token

    def __post_init__(self) -> None:
        Charset(self.characters)
        TeacherConfig(tokens=self.tokens, case=self.case)
        if self.max_length < 1:
            raise RecipeError(f"clip.max_length is {self.max_length}; it must be at least 1")

    @property
    def charset(self) -> Charset:
        """The alphabet."""
        return Charset(self.characters)

    @property
    def preprocessing(self) -> Preprocessing:
        """How samples are prepared."""
        return Preprocessing(height=self.image_height, width=self.image_width)


@dataclass(frozen=True, kw_only=True)
class TeacherRecipe:
    """A whole run that trains a teacher."""

    name: str = "teacher"
    clip: ClipSettings = field(default_factory=ClipSettings)
    data: DataSettings = field(default_factory=DataSettings)
    optimisation: Optimisation = field(default_factory=Optimisation)
    run: RunSettings = field(default_factory=RunSettings)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A whole run that trains a recogniser."""

    name: str = "recogniser"
    size: str = "base"  # of `clipstr.student.SIZES`; [student] changes single settings of it
    encoder: Literal["student", "clip"] = "student"  # "clip": the teacher's own, frozen (table 7, last row)
    prompts: int = 16  # learned tokens in a frozen CLIP encoder
    student: StudentConfig = field(default_factory=StudentConfig)
    teacher: TeacherConfig = field(default_factory=TeacherConfig)  # without weights there is none
    distillation: Distillation = field(default_factory=Distillation)
    data: DataSettings = field(default_factory=DataSettings)
    optimisation: Optimisation = field(default_factory=Optimisation)
    run: RunSettings = field(default_factory=RunSettings)

    def __post_init__(self) -> None:
        if self.encoder not in ("student", "clip"):
            raise RecipeError(f"encoder is {self.encoder!r}; it can be student or clip")
        if self.encoder == "clip" and (not self.teacher.weights or self.optimisation.ctc_weight):
            raise RecipeError(
                "encoder = 'clip' needs teacher.weights, and optimisation.ctc_weight = 0: "
                "a CTC loss is for the student's own columns"
            )
        if self.prompts < 0:
            raise RecipeError(f"prompts is {self.prompts}; it must be 0 or more")


def load_recipe(path: Path) -> Recipe:
    """The recipe in the TOML file ``path``.

    Folders in it are relative to the working directory. Raises `RecipeError` naming what is wrong
    and, for an unknown key, the nearest known one.
    """
    return _load(path, recipe_from_dict)


def load_teacher_recipe(path: Path) -> TeacherRecipe:
    """The recipe of a teacher in the TOML file ``path``, under the same rules as `load_recipe`."""
    return _load(path, lambda values: _build(TeacherRecipe, values, "", TeacherRecipe()))


def _load(path: Path, build: Callable[[dict[str, Any]], T]) -> T:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: is no TOML: {error}") from error
    try:
        return build(values)
    except InputError as error:
        raise RecipeError(f"{path}: {error}") from error


def recipe_from_dict(values: dict[str, Any]) -> Recipe:
    """The recipe that nested plain values describe; raises `RecipeError`."""
    size = values.get("size", "base")
    if size not in SIZES:
        raise RecipeError(f"size is {size!r}; there are {', '.join(sorted(SIZES))}")
    return _build(Recipe, values, "", Recipe(size=size, student=SIZES[size]))


def _build(kind: type[T], values: dict[str, Any], place: str, default: T) -> T:
    """``default`` with ``values`` put in, checked key by key and type by type."""
    names = [item.name for item in fields(kind)]  # type: ignore[arg-type]
    hints = get_type_hints(kind)
    changes: dict[str, Any] = {}
    for key, value in values.items():
        where = f"{place}{key}"
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1)
            hint = f"; did you mean {place}{near[0]}?" if near else f"; there are {', '.join(names)}"
            raise RecipeError(f"unknown key {where}{hint}")
        current = getattr(default, key)
        if is_dataclass(current):
            if not isinstance(value, dict):
                raise RecipeError(f"{where} is a section: write [{where}] and its keys below")
            changes[key] = _build(type(current), value, f"{where}.", current)
        else:
            changes[key] = _checked(value, hints[key], where)
    kept = {name: getattr(default, name) for name in names if name not in changes}
    return kind(**kept, **changes)


def _checked(value: Any, hint: Any, where: str) -> Any:
    """``value`` if its type is the field's, with integers taken as numbers and lists as tuples."""
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    for kind, plural in ((str, "texts"), (int, "whole numbers")):
        if hint == tuple[kind, ...]:  # type: ignore[valid-type]
            if isinstance(value, list) and all(type(item) is kind for item in value):
                return tuple(value)
            raise RecipeError(f"{where} is {value!r}; it must be a list of {plural}")
    if hint in (int, float, str, bool) and (
        not isinstance(value, hint) or (hint is int and isinstance(value, bool))
    ):
        raise RecipeError(f"{where} is {value!r}; it must be of type {hint.__name__}")
    return value
