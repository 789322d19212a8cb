"""A training recipe: every choice of a run, from a TOML file, validated before anything starts."""

from __future__ import annotations

import difflib
import sys
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, get_type_hints

from clipstr.errors import InputError, RecipeError
from clipstr.student import SIZES, StudentConfig

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["DataSettings", "Optimisation", "Recipe", "RunSettings", "load_recipe"]

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
    threads: int = 0  # of PyTorch on the CPU; 0: as it likes
    seed: int = 0  # of the first weights

    def __post_init__(self) -> None:
        if self.precision not in ("32-true", "bf16-mixed", "16-mixed"):
            raise RecipeError(
                f"run.precision is {self.precision!r}; it can be 32-true, bf16-mixed or 16-mixed"
            )
        if self.validate_every <= 0 or self.checkpoint_every <= 0:
            raise RecipeError("run.validate_every and run.checkpoint_every must be above 0")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A whole run."""

    name: str = "recogniser"
    size: str = "base"  # of `clipstr.student.SIZES`; [student] changes single settings of it
    student: StudentConfig = field(default_factory=StudentConfig)
    data: DataSettings = field(default_factory=DataSettings)
    optimisation: Optimisation = field(default_factory=Optimisation)
    run: RunSettings = field(default_factory=RunSettings)


def load_recipe(path: Path) -> Recipe:
    """The recipe in the TOML file ``path``.

    Folders in it are relative to the working directory. Raises `RecipeError` naming what is wrong
    and, for an unknown key, the nearest known one.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: is no TOML: {error}") from error
    try:
        return recipe_from_dict(values)
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
    if hint == tuple[str, ...]:
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise RecipeError(f"{where} is {value!r}; it must be a list of texts")
    if hint in (int, float, str, bool) and (
        not isinstance(value, hint) or (hint is int and isinstance(value, bool))
    ):
        raise RecipeError(f"{where} is {value!r}; it must be of type {hint.__name__}")
    return value
