"""A table measured: its teachers, its trainings and what they read, as cells that are made once and kept."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from clipstr.charset import Charset
from clipstr.data import LabelRule, Source
from clipstr.errors import InputError
from clipstr.evaluation import evaluate_set
from clipstr.experiments import Cell, Experiment, Turn, train
from clipstr.files import read_text, text_lines
from clipstr.paper.scales import Scale
from clipstr.paper.sets import arrived, fingerprint, named_sources, test_folder, test_sources
from clipstr.paper.tables import Row, Table

__all__ = ["Measured", "Options", "RowFigures", "measured", "recipe_changes", "training"]


@dataclass(frozen=True, kw_only=True)
class Options:
    """Where and on what a table is measured.

    ``train`` and ``validation`` are folders of labelled crops, or None for rendered words alone; ``tests`` is
    the folder of the test sets, or None for rendered ones. ``changes`` are put into each recogniser's recipe,
    and those of the data into the teachers'. ``parallel`` trainings run at a time, each with ``threads``;
    ``seconds`` is how long the call may take. ``told`` hears of each part that was made.
    """

    out: Path
    train: Path | None = None
    validation: Path | None = None
    tests: Path | None = None
    seeds: int | None = None
    changes: tuple[str, ...] = ()
    parallel: int = 1
    threads: int | None = None
    seconds: float | None = None
    told: Callable[[str], None] = lambda line: None


@dataclass(frozen=True, kw_only=True)
class RowFigures:
    """What the trainings of a row read: by test set, the right words of each seed; and what they cost."""

    row: Row
    counts: dict[str, int] = field(default_factory=dict)
    right: dict[str, list[int]] = field(default_factory=dict)
    samples: int = 0
    minutes: float = 0.0  # of a training, the mean over seeds

    @property
    def averages(self) -> list[float]:
        """The share of all words that was read right, seed by seed."""
        total = sum(self.counts.values())
        return [sum(words) / total for words in zip(*self.right.values(), strict=True)] if total else []

    @property
    def mean(self) -> float | None:
        """The mean of the seeds' averages, or None if nothing was trained."""
        return statistics.mean(self.averages) if self.averages else None

    @property
    def error(self) -> float | None:
        """The standard error of that mean, or None for a single seed."""
        values = self.averages
        return statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else None

    def share(self, name: str) -> float:
        """The mean share of the words of one test set that was read right."""
        return statistics.mean(self.right[name]) / self.counts[name] if self.counts[name] else 0.0


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A table with our figures: row by row at equal samples, and at equal minutes if that was asked for."""

    table: Table
    scale: Scale
    rows: tuple[RowFigures, ...]
    equal_minutes: tuple[RowFigures, ...] = ()


def measured(table: Table, scale: Scale, options: Options, *, equal_minutes: bool = False) -> Measured:
    """``table`` at that ``scale``: what is not finished in ``options.out`` is trained and read.

    With ``equal_minutes`` every row is trained a second time, for as many samples as it sees in the time of
    the slowest. Raises `UnfinishedError` if there is more to do, `ExperimentError` if a part failed.
    """
    experiment = Experiment(options.out)
    folder = test_folder(table, scale, experiment, options.tests)
    problems = arrived(table, folder)
    if problems and not scale.own_teacher:
        raise InputError(f"{table.name} cannot be measured on {folder}: {'; '.join(problems)}")
    tests = test_sources(table, folder)
    seeds = range(options.seeds or scale.seeds)
    found = _figures(table.rows, seeds, scale, options, experiment, tests, samples={})
    longer: tuple[RowFigures, ...] = ()
    if equal_minutes:
        slowest = max(figures.minutes for figures in found)
        samples = {
            figures.row.name: _rounded(figures.samples * slowest / figures.minutes)
            for figures in found
            if figures.minutes < slowest
        }
        longer = tuple(_figures(table.rows, seeds, scale, options, experiment, tests, samples=samples))
    return Measured(table=table, scale=scale, rows=tuple(found), equal_minutes=longer)


def _rounded(samples: float) -> int:
    """``samples`` in whole thousands, so that a budget is told shortly; as they are if they are fewer."""
    return 1000 * round(samples / 1000) if samples >= 1000 else round(samples)


def _figures(
    rows: Sequence[Row],
    seeds: range,
    scale: Scale,
    options: Options,
    experiment: Experiment,
    tests: Mapping[str, Source],
    samples: Mapping[str, int],
) -> list[RowFigures]:
    """The figures of ``rows``, those in ``samples`` trained for so many."""
    budgets = {
        row.name: (f"optimisation.samples={count}", f"run.validate_every={count}")
        if (count := samples.get(row.name))
        else ()
        for row in rows
    }
    changed = [replace(row, changes=(*row.changes, *budgets[row.name])) for row in rows]
    trainings = [training(row, seed, scale, options, experiment) for row in changed for seed in seeds]
    teachers = {cell.folder_name: cell for _, cell in trainings if cell is not None}

    def told(cell: Cell, result: dict[str, Any]) -> None:
        options.told(f"{cell.name}: done")

    common: dict[str, Any] = {"parallel": options.parallel, "seconds": options.seconds, "told": told}
    experiment.finish(list(teachers.values()), **common)
    runs = [cell for cell, _ in trainings]
    costs = experiment.finish(_once(runs), **common)
    by_folder = {cell.folder_name: cost for cell, cost in zip(_once(runs), costs, strict=True)}
    readings = [_reading(cell, experiment, tests, options) for cell in runs]
    experiment.finish(_once(readings), **common)
    figures, remaining = [], list(zip(runs, readings, strict=True))
    for row in rows:
        mine, remaining = remaining[: len(seeds)], remaining[len(seeds) :]
        read = [experiment.finished(reading) or {} for _, reading in mine]
        spent = [by_folder[run.folder_name] for run, _ in mine]
        names = list(read[0]["sets"])
        figures.append(
            RowFigures(
                row=row,
                counts={name: read[0]["sets"][name]["words"] for name in names},
                right={name: [one["sets"][name]["right"] for one in read] for name in names},
                samples=int(spent[0]["samples"]),
                minutes=statistics.mean(one["seconds"] for one in spent) / 60,
            )
        )
    return figures


def _once(cells: Sequence[Cell]) -> list[Cell]:
    """``cells`` without those that are the same: two rows may be one training."""
    return list({cell.folder_name: cell for cell in cells}.values())


def training(
    row: Row, seed: int, scale: Scale, options: Options, experiment: Experiment
) -> tuple[Cell, Cell | None]:
    """The training of ``row`` with that ``seed``, and that of its teacher, if it has one of its own."""
    teacher, weights = _teacher(row, scale, options, experiment)
    changes = recipe_changes(row, seed, scale, options, experiment)
    arguments = ["train", str(scale.recipe), *(f"--set={change}" for change in changes)]
    key = {
        "recipe": read_text(scale.recipe),
        "teacher": teacher.folder_name if teacher is not None else weights,
        "changes": [*row.changes, *options.changes],
        "seed": seed,
        "data": _prints(options),
    }
    name = f"{scale.name} {row.name} {seed}"
    return Cell(name=name, key=key, make=lambda turn: _trained(arguments, turn, options)), teacher


def recipe_changes(row: Row, seed: int, scale: Scale, options: Options, experiment: Experiment) -> list[str]:
    """All that the training of ``row`` with that ``seed`` changes in the scale's recipe."""
    _, weights = _teacher(row, scale, options, experiment)
    seeds = [f"run.seed={seed}", f"data.seed={seed}"]
    return [*weights, *_data_changes(scale, options), *seeds, *row.changes, *options.changes]


def _trained(arguments: list[str], turn: Turn, options: Options) -> dict[str, Any]:
    train(arguments, turn, threads=options.threads)
    last = json.loads(text_lines(read_text(turn.folder / "losses.jsonl"))[-1])
    recipe = json.loads(read_text(turn.folder / "recipe.json"))
    samples = recipe["optimisation"]["samples"] if not recipe["optimisation"]["epochs"] else last["samples"]
    # The last line may be some steps before the end.
    return {"samples": samples, "seconds": last["seconds"] * samples / last["samples"]}


def _teacher(
    row: Row, scale: Scale, options: Options, experiment: Experiment
) -> tuple[Cell | None, list[str]]:
    """The training of the teacher of ``row``, and what a recipe says to be taught by it."""
    if not row.teacher:
        return None, ["teacher.weights="]
    architecture = scale.architecture(coarse=row.teacher == "coarse")
    named = [f"teacher.architecture={architecture}"]
    if not scale.own_teacher:
        return None, named
    told = "words" if row.teacher == "words" else "characters"
    changes = [
        f"clip.architecture={architecture}",
        f"clip.tokens={told}",
        *_data_changes(scale, options),
        *(change for change in options.changes if change.startswith("data.")),
    ]
    arguments = ["teacher", "train", str(scale.teacher_recipe), *(f"--set={change}" for change in changes)]
    key = {
        "recipe": read_text(scale.teacher_recipe),
        "architecture": read_text(architecture),
        "tokens": told,
        "changes": [change for change in options.changes if change.startswith("data.")],
        "data": _prints(options),
    }
    cell = Cell(
        name=f"{scale.name} teacher {row.teacher}",
        key=key,
        make=lambda turn: _trained(arguments, turn, options),
    )
    return cell, [f"teacher.weights={experiment.place(cell).resolve() / 'best'}"]


def _data_changes(scale: Scale, options: Options) -> list[str]:
    """What the recipes say of the data that ``options`` name."""
    changes = []
    if options.validation is not None:
        changes.append(f"data.validation={[str(options.validation)]}")
    if options.train is not None and scale.own_teacher:
        changes += [f"data.sources.real.paths={[str(options.train)]}", "data.sources.real.augment=camera"]
        changes += ["data.sources.real.weight=0.2", "data.synthetic.weight=0.8"]
    elif options.train is not None:
        changes += [f"data.sources.printed.paths={[str(options.train)]}", "data.sources.printed.augment=rand"]
    return changes


def _prints(options: Options) -> list[Any]:
    folders = (options.train, options.validation)
    return [None if folder is None else fingerprint(named_sources(folder)) for folder in folders]


def _reading(run: Cell, experiment: Experiment, tests: Mapping[str, Source], options: Options) -> Cell:
    """What the model of ``run`` reads in ``tests``, compared in 36 characters as the paper does."""

    def make(turn: Turn) -> dict[str, Any]:
        from clipstr.training import BEST_FOLDER, open_reader

        reader = open_reader(experiment.place(run) / BEST_FOLDER, threads=options.threads)
        rule = LabelRule(Charset.named("36"))
        read = [evaluate_set(reader, name, source, rule) for name, source in tests.items()]
        return {"sets": {part.name: {"words": part.count, "right": part.right} for part in read}}

    key = {"run": run.folder_name, "tests": fingerprint(tests)}
    return Cell(name=f"reads {run.name}", key=key, make=make)
