"""From nothing to a packaged model with its card.

    python release/make.py train base --out runs/release --real TRAIN --validation VAL  # till it exits with 0
    python release/make.py package runs/release/base --out base --validation VAL --about release/base.md

docs/release.md tells how, on one H200 in chunks of ten minutes too.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer
from card import accuracy, card, measure, this_machine

from clipstr import Reader
from clipstr.charset import Charset
from clipstr.data import LabelRule
from clipstr.errors import ClipstrError, DataError, InputError, ModelFileError, UnfinishedError
from clipstr.evaluation.calibrating import calibrated
from clipstr.evaluation.calibration_report import write_calibration
from clipstr.experiments import Cell, Experiment
from clipstr.experiments import train as train_cell
from clipstr.export import export_model
from clipstr.export.compression import Precision
from clipstr.files import make_folder, write_text
from clipstr.models import CARD_FILE, ModelConfig, find_model
from clipstr.student.adaptation import adapt
from clipstr.student.storage import (
    TRAINABLE_FILE,
    WEIGHTS_FILE,
    load_recogniser,
    save_recogniser,
    save_trainable,
)
from clipstr.tensors import load_tensors, save_tensors

RECIPES = Path(__file__).resolve().parents[1] / "recipes" / "release"
MAY_LOSE = 0.003  # of the accuracy, by smaller weights
PRECISIONS: tuple[Precision, ...] = ("int8", "half", "float32")

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
)


class Size(str, Enum):
    """The recognisers that are released."""

    TINY = "tiny"
    BASE = "base"


@app.command()
def train(
    size: Annotated[Size, typer.Argument(help="Which recogniser.")],
    out: Annotated[Path, typer.Option(help="The folder of its trainings.")],
    real: Annotated[Path, typer.Option(exists=True, help="Real crops to train on.")],
    validation: Annotated[Path, typer.Option(exists=True, help="Real crops to choose the checkpoint on.")],
    more: Annotated[
        Path | None,
        typer.Option(exists=True, help="Where photos, codes and documents are, if not in ../shared/more."),
    ] = None,
    student: Annotated[float, typer.Option(help="Minutes that the recogniser learns.")] = 22.0,
    teacher: Annotated[float, typer.Option(help="Minutes that its teacher learns; 0: there is none.")] = 5.0,
    plain: Annotated[
        float, typer.Option(help="Minutes that one without a teacher learns, to compare; 0: there is none.")
    ] = 0.0,
    start: Annotated[
        str, typer.Option(help="Begin from this model, such as one that --keep brought to a fresh machine.")
    ] = "",
    stop_after: Annotated[float, typer.Option(help="Minutes of this call; call again to go on.")] = 1e6,
    keep: Annotated[
        Path | None, typer.Option(help="Put the best weights so far here, in half precision, with the logs.")
    ] = None,
    changes: Annotated[
        list[str] | None, typer.Option("--set", help="Change a value of every recipe: data.workers=15.")
    ] = None,
) -> None:
    """Train a teacher, the recogniser that it teaches, and one without: each in its folder below OUT.

    Exit status: 0 when all are finished, 3 when there is more to do: call it again with the same words.
    """
    shared = [f"data.sources.real.paths={real}", f"data.validation={validation}", *(changes or ())]
    begin = [f"start.model={start}", "size="] if start else []
    if more is not None:
        begin += [f"data.sources.{name}.paths={more / name}" for name in ("photos", "codes", "documents")]
    stages = _stages(size.value, out, shared, begin, {"teacher": teacher, "student": student, "plain": plain})
    experiment = Experiment(out)
    try:
        experiment.finish(stages, seconds=60 * stop_after)
    finally:
        if keep is not None:
            _keep(experiment, stages, keep, size.value)


def _stages(
    size: str, out: Path, shared: Sequence[str], own: Sequence[str], minutes: dict[str, float]
) -> list[Cell]:
    """The trainings that are to be made, in order; the recogniser's have changes of their ``own``."""
    taught, untaught = f"teacher.weights={out / 'teacher' / 'best'}", "teacher.weights="
    recogniser = (f"{size}.toml", [*shared, *own])
    wanted = {
        "teacher": ("teacher", ("teacher", "train"), ("teacher.toml", shared), []),
        "student": (size, ("train",), recogniser, [taught if minutes["teacher"] else untaught]),
        "plain": (f"{size}-plain", ("train",), recogniser, [untaught]),
    }
    return [
        _stage(
            folder, [*verb, str(RECIPES / recipe), *(f"--set={c}" for c in [*values, *more])], minutes[name]
        )
        for name, (folder, verb, (recipe, values), more) in wanted.items()
        if minutes[name]
    ]


def _stage(folder: str, command: list[str], minutes: float) -> Cell:
    """One training, for so many minutes."""
    arguments = [*command, "--max-time", f"{minutes}m"]
    return Cell(
        name=folder,
        folder=folder,
        key={"arguments": arguments},
        make=lambda turn: train_cell(arguments, turn, quiet=False),
    )


def _keep(experiment: Experiment, stages: Sequence[Cell], target: Path, size: str) -> None:
    """Copies what a release needs: the logs of every stage, and the best recogniser in half precision."""
    for stage in stages:
        folder, place = experiment.place(stage), target / stage.name
        for path in folder.glob("*.json*"):
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)
        best = folder / "best"
        if stage.name == size and (best / WEIGHTS_FILE).exists():
            halved(best, place / "best")


def halved(model: Path, target: Path) -> None:
    """Copies the recogniser in the folder ``model`` to ``target``, its weights in half precision."""
    weights = load_tensors(model / WEIGHTS_FILE, error=ModelFileError)
    half = {name: w.half() if w.is_floating_point() else w for name, w in weights.items()}
    save_tensors(make_folder(target) / WEIGHTS_FILE, half)
    ModelConfig.load(model).with_files(target, [WEIGHTS_FILE]).save(target)


@app.command()
def package(
    run: Annotated[Path, typer.Argument(exists=True, help="The folder of a training.")],
    out: Annotated[Path, typer.Option(help="The model's folder, new.")],
    validation: Annotated[Path, typer.Option(exists=True, help="Real crops that were not trained on.")],
    about: Annotated[Path, typer.Option(exists=True, help="The card's sections on data and recipe.")],
    name: Annotated[str, typer.Option(help="The model's name; else the recipe's.")] = "",
    threads: Annotated[int, typer.Option(help="Threads to read with.")] = 2,
    distribution: Annotated[
        bool, typer.Option(help="Make OUT a package of its own: pip install OUT, clipstr read --model NAME.")
    ] = False,
    trainable: Annotated[
        bool, typer.Option(help="Add weights in 8 bits that training can begin with.")
    ] = True,
) -> None:
    """Export the best model in the smallest weights that read as well, measure it, and write its card."""
    best = _weights(run, out)
    with tempfile.TemporaryDirectory() as scratch:
        stored: dict[Precision, float] = {}
        folders: dict[Precision, Path] = {}
        for precision in PRECISIONS:
            folders[precision] = Path(scratch) / precision
            export_model(best, folders[precision], precision=precision, trainable=trainable)
            reader = Reader(folders[precision], threads=threads, second_looks=False)
            stored[precision] = accuracy(reader, validation, "36").weighted.accuracy
        chosen = smallest(stored)
        config = ModelConfig.load(folders[chosen])
        config = replace(config, name=name or config.name)
        package_name = f"clipstr_{config.name.replace('-', '_')}"
        model = out / package_name if distribution else out
        shutil.copytree(folders[chosen], model)
    config.save(model)
    figures = measure(model, validation, threads=threads)
    told = {way: round(sets["all"][1], 6) for way, sets in figures.sets.items()}
    replace(config, source=config.source | {"figures": told}).save(model)
    text = about.read_text(encoding="utf-8")
    written = card(config, figures, stored, about=text, machine=this_machine(), threads=threads)
    write_text(model / CARD_FILE, written)
    _calibrate(model, validation, threads)
    if distribution:
        _write_distribution(out, package_name, config.name)
    typer.echo(json.dumps({"model": str(model), "precision": chosen, **told}))


def _calibrate(model: Path, validation: Path, threads: int) -> None:
    """Lets the confidence of ``model`` say how often it is right; as `clipstr calibrate`."""
    rule = LabelRule(Charset.named("36"))
    try:
        found = calibrated(Reader(model, threads=threads), validation, rule)
    except DataError as error:  # too few words
        typer.echo(f"not calibrated: {error}", err=True)
        return
    write_calibration(found, model, characters=len(rule.charset.characters))


@app.command()
def mix(
    run: Annotated[Path, typer.Argument(exists=True, help="The folder of a training.")],
    out: Annotated[Path, typer.Option(help="The folder of the mean, new; `package` takes it.")],
    start: Annotated[str, typer.Option(help="The model that the training began with, a name or a folder.")],
    share: Annotated[float, typer.Option(min=0.0, max=1.0, help="Of that model in the mean.")] = 0.3,
) -> None:
    """Write the mean of a fine-tuned model's weights and its predecessor's, which may read better than both.

    A predecessor of another alphabet is made ready for the model's first, as training begins with it. After
    Wortsman et al. 2022, "Robust fine-tuning of zero-shot models".
    """
    best = _weights(run, out)
    model, config = load_recogniser(best)
    other, _ = load_recogniser(find_model(start))
    try:
        others = adapt(other, model.config).model.state_dict()
    except InputError as error:
        raise InputError(f"{best} and {start} have no mean: {error}") from error
    for name, weights in model.state_dict().items():
        if weights.is_floating_point():
            weights.lerp_(others[name], share)
    mixture = {"start": start, "share": share}
    save_recogniser(model, out, name=config.name, source=config.source | {"mixture": mixture})


@app.command()
def compact(
    run: Annotated[Path, typer.Argument(exists=True, help="The folder of a training, or of a model.")],
    out: Annotated[Path, typer.Option(help="The folder of the weights, new.")],
) -> None:
    """Write a model's weights alone, in 8 bits: a quarter of their size, for `start.model` to begin with."""
    model, config = load_recogniser(_weights(run, out))
    out.mkdir(parents=True)
    save_trainable(model, out)
    config.with_files(out, [TRAINABLE_FILE]).save(out)


def _weights(run: Path, out: Path) -> Path:
    """The folder of the best weights of ``run``, which may be a model; refuses to write over ``out``."""
    if out.exists():
        raise InputError(f"{out} exists: choose another folder, or delete it first")
    return run / "best" if (run / "best").is_dir() else run


def smallest(stored: Mapping[Precision, float]) -> Precision:
    """The smallest weights that read as well as float32's, by the accuracy of each precision."""
    return next(p for p in PRECISIONS if stored[p] >= stored["float32"] - MAY_LOSE)


def _write_distribution(out: Path, package_name: str, name: str) -> None:
    """What makes ``out`` something that pip installs and `clipstr.models` finds."""
    write_text(out / package_name / "__init__.py", '"""A model for clipstr; see CARD.md."""\n')
    write_text(
        out / "pyproject.toml",
        f"""[build-system]
requires = ["hatchling>=1.24"]
build-backend = "hatchling.build"

[project]
name = "{package_name.replace("_", "-")}"
version = "1.0.0"
description = "The model {name} for clipstr."
license = "Apache-2.0"
requires-python = ">=3.10"
dependencies = ["clipstr"]

[project.entry-points."clipstr.models"]
{name} = "{package_name}"

[tool.hatch.build.targets.wheel]
packages = ["{package_name}"]
""",
    )


def run(program: typer.Typer, name: str) -> None:
    """Runs ``program``: exit status 3 when there is more to do, 1 with a line for what failed."""
    try:
        program()
    except UnfinishedError as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(3)
    except ClipstrError as error:
        sys.exit(f"{name}: {error}")


if __name__ == "__main__":
    run(app, "release")
