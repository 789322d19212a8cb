"""A model that keeps learning: a trunk at a constant rate, and branches off it that become releases.

    python release/chain.py go ../chain --minutes 100       # begin, or go on; ended anyhow it loses nothing
    python release/chain.py branch ../chain --minutes 30    # a model of what the trunk knows now, annealed
    python release/chain.py offer ../chain --validation VAL --against full --about release/full.md

Everything stands in one folder outside the checkout, which may be carried to another machine. The trunk's
rate never falls: a branch starts from its averaged weights, falls to nothing, and is thrown away once it was
offered (warm-up-stable-decay; Hu et al. 2024, Hägele et al. 2024). docs/release.md tells of a day with it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from make import compact, package, run

from clipstr import Reader
from clipstr.charset import Charset
from clipstr.data import LabelRule
from clipstr.errors import InputError, UnfinishedError
from clipstr.evaluation import Pairs, Readings, compared, read_all
from clipstr.experiments import Cell, Experiment, Turn, train
from clipstr.models import ModelConfig, find_model

RECIPE = Path(__file__).with_name("chain.toml")
TRUNK, BRANCHES, OFFERS, WEIGHTS, KEPT = "trunk", "branches", "offers", "weights", "readings"
NOT_BETTER = 4  # the exit status of an offer that was not taken

app = typer.Typer(
    add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
)

Folder = Annotated[Path, typer.Argument(help="The chain's folder, outside the checkout.")]
Minutes = Annotated[float, typer.Option(min=0.1, help="Minutes of this call.")]
Changes = Annotated[
    list[str] | None, typer.Option("--set", help="Change a value of the recipe: run.devices=2.")
]


@app.command()
def go(
    folder: Folder,
    minutes: Minutes,
    recipe: Annotated[Path, typer.Option(exists=True, help="The trunk's recipe.")] = RECIPE,
    changes: Changes = None,
) -> None:
    """Begin the trunk, or go on with it, for so many minutes. Exit status 0: there is always more to do."""
    arguments = ["train", str(recipe), *_sets(changes)]
    try:
        train(arguments, Turn(folder=folder / TRUNK, seconds=60 * minutes), quiet=False)
    except UnfinishedError:
        typer.echo(f"the trunk stands in {folder / TRUNK}")


@app.command()
def branch(
    folder: Folder,
    minutes: Minutes,
    recipe: Annotated[Path, typer.Option(exists=True, help="The trunk's recipe.")] = RECIPE,
    changes: Changes = None,
) -> None:
    """Anneal the trunk's newest averaged weights in so many minutes; the trunk stays as it is.

    A branch that was interrupted is gone on with before a new one begins.
    """
    branches = Experiment(folder / BRANCHES)
    start = folder / TRUNK / "latest"
    cells = [
        _branch(number, start, minutes, recipe, changes)
        for number in (_count(branches), _count(branches) + 1)
    ]
    begun = [cell for cell in cells if branches.place(cell).exists() and branches.finished(cell) is None]
    if not begun and not start.is_dir():
        raise InputError(f"{folder} has no trunk yet: `go` begins it")
    cell = begun[0] if begun else cells[1]
    [found] = branches.finish([cell])
    typer.echo(f"{branches.place(cell)}: {found}")


def _branch(number: int, start: Path, minutes: float, recipe: Path, changes: list[str] | None) -> Cell:
    arguments = ["train", str(recipe), *_sets(changes), f"--set=start.model={start}"]
    arguments += ["--set=optimisation.schedule=decay", "--set=optimisation.warm_up=0.02"]
    arguments += ["--max-time", f"{minutes}m"]
    return Cell(
        name=f"branch {number}",
        folder=f"{number:03}",
        key={"number": number},
        make=lambda turn: train(arguments, turn, quiet=False),
    )


def _count(branches: Experiment) -> int:
    return max((int(path.name) for path in branches.folder.glob("[0-9]*")), default=0)


@app.command()
def offer(
    folder: Folder,
    validation: Annotated[Path, typer.Option(exists=True, help="Real crops that were not trained on.")],
    about: Annotated[Path, typer.Option(exists=True, help="The card's sections on data and recipe.")],
    against: Annotated[str, typer.Option(help="The model to beat: a name or a folder.")] = "full",
    name: Annotated[str, typer.Option(help="The name of the model.")] = "full",
    p_value: Annotated[float, typer.Option(min=0, max=1, help="Of McNemar's test, to be believed.")] = 0.05,
    threads: Annotated[int, typer.Option(help="Threads to read with.")] = 2,
) -> None:
    """Package the newest branch, and say whether it reads more of the validation crops than another model.

    It does if it is ahead at one look, in letters and digits, and the exact paired test believes it; exit
    status 0 then, and 4 if not. The package lies in the chain's folder; replacing a model is a copy.
    """
    newest = folder / BRANCHES / f"{_count(Experiment(folder / BRANCHES)):03}"
    if not (newest / "cell.json").exists():
        raise InputError(f"{newest} is no finished branch: `branch` makes one")
    made, weights = folder / OFFERS / newest.name, folder / WEIGHTS / newest.name
    if not made.exists():
        package(newest, made, validation, about, name=name, threads=threads, trainable=False)
        compact(newest, weights)
    ours, theirs = (_readings(str(model), validation, folder / KEPT, threads) for model in (made, against))
    pairs = compared(ours, theirs, LabelRule(Charset.named("36"))).together
    typer.echo(_told(pairs, against))
    if not better(pairs, p_value):
        raise typer.Exit(NOT_BETTER)
    typer.echo(f"take it: {made}, and {weights} to train on from")


def better(pairs: Pairs, p_value: float) -> bool:
    """Whether the first model reads more, and chance would say so with at most ``p_value``."""
    return pairs.difference > 0 and pairs.p_value <= p_value


def _told(pairs: Pairs, against: str) -> str:
    return (
        f"{100 * pairs.difference:+.2f} points against {against} on {pairs.count} words: {pairs.first_only} "
        f"read by the new one alone, {pairs.second_only} by the other; McNemar's p {pairs.p_value:.3g}"
    )


def _readings(model: str, validation: Path, keep: Path, threads: int) -> Readings:
    reader = Reader(model, threads=threads, second_looks=False)
    key = {"checksum": ModelConfig.load(find_model(model)).checksum, "second looks": False}
    return read_all(reader, validation, [LabelRule(Charset.named("36"))], keep, key=key)


def _sets(changes: list[str] | None) -> list[str]:
    return [f"--set={change}" for change in changes or []]


if __name__ == "__main__":
    run(app, "chain")
