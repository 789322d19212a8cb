"""``clipstr paper``: the paper's tables and figures, trained and measured, its own figures beside ours."""

from __future__ import annotations

import importlib
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clipstr.cli import console
from clipstr.cli.follow import duration
from clipstr.cli.options import Json, Threads, filled, new_file, new_folder, present_path
from clipstr.errors import InputError
from clipstr.files import write_text

if TYPE_CHECKING:
    from clipstr.paper.experiment import Options
    from clipstr.paper.scales import Scale

__all__ = ["paper"]

FIGURE_5 = "clipstr teacher align PICTURES --weights TEACHER --out matrix.png"
FIGURE_7 = "captioning and question answering as teachers: out of our field, which reads words; not measured"


class ScaleName(str, Enum):
    """How large the trainings are."""

    SMOKE = "smoke"
    SMALL = "small"
    FULL = "full"


def _folder(name: str, help_: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        name, parser=present_path, metavar="DIR", help=help_, show_default=False
    )
    return option


def paper(
    what: Annotated[
        str,
        typer.Argument(
            parser=filled,
            metavar="[WHAT]",
            help="table1 to table13, figure4 to figure7, or data: what the full scale needs. Else a list.",
            show_default=False,
        ),
    ] = "list",
    scale: Annotated[
        ScaleName,
        typer.Option(help="smoke: a minute; small: an evening of two cores; full: the paper's."),
    ] = ScaleName.SMOKE,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            parser=new_folder,
            metavar="DIR",
            help="Where all parts are kept; runs/paper if not given.",
            show_default=False,
        ),
    ] = None,
    train: Annotated[Path | None, _folder("--train", "Labelled crops to train on.")] = None,
    validation: Annotated[Path | None, _folder("--validation", "Labelled crops to validate on.")] = None,
    tests: Annotated[Path | None, _folder("--tests", "The test sets; without, words are rendered.")] = None,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, max=100, help="Trainings of each row; else the scale's.", show_default=False),
    ] = None,
    equal_minutes: Annotated[
        bool,
        typer.Option("--equal-minutes", help="Train every row for the time of the slowest one too."),
    ] = False,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            parser=filled,
            metavar="SECTION.KEY=VALUE",
            help="Change a value of every recogniser's recipe.",
        ),
    ] = None,
    parallel: Annotated[int, typer.Option("--parallel", min=1, max=256, help="Trainings at a time.")] = 1,
    threads: Threads = 0,
    max_time: Annotated[
        str | None,
        typer.Option(
            "--max-time",
            parser=filled,
            metavar="TIME",
            help="Save and end after this time, such as 8h; call again to go on.",
            show_default=False,
        ),
    ] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(
            "--markdown", parser=new_file, metavar="FILE", help="Write it here too.", show_default=False
        ),
    ] = None,
    json: Json = None,
) -> None:
    """Train and measure what a table of the paper compares, and show the paper's figures beside ours.

    What is finished is kept in DIR: a call that was stopped goes on, and tables share their trainings. Exit
    status 3: there is more to do, call it again.
    """
    if what == "list":
        _list()
        return
    from clipstr.paper.experiment import Options
    from clipstr.paper.scales import scale_named

    size = scale_named(scale.value)
    options = Options(
        out=out or Path("runs/paper"),
        train=train,
        validation=validation,
        tests=tests,
        seeds=seeds,
        changes=tuple(changes or ()),
        parallel=parallel,
        threads=threads or None,
        seconds=duration(max_time) if max_time else None,
        told=console.tell,
    )
    text, record = _made(what, size, options, equal_minutes)
    for line in text.split("\n"):
        console.show(line, aside=console.is_standard_output(json))
    if markdown:
        write_text(markdown, text + "\n")
    if json:
        if record is None:
            raise InputError(f"{what} has no figures for --json")
        console.write_json(record, json)


def _made(what: str, scale: Scale, options: Options, equal_minutes: bool) -> tuple[str, object]:
    """What is to be shown of ``what``, and its record for programs, if it has one."""
    if what == "data":
        from clipstr.paper.sets import explained

        return explained(), None
    if what.startswith("figure"):
        return _figure(what, scale, options), None
    from clipstr.paper import as_json, as_markdown, measured, table_named

    table = table_named(what)
    with console.needs_extra("train", "the paper's tables"):
        importlib.import_module("clipstr.training")
    if table.number == 11:
        return _cost(scale, options)
    found = measured(table, scale, options, equal_minutes=equal_minutes)
    return as_markdown(found), as_json(found)


def _figure(what: str, scale: Scale, options: Options) -> str:
    if what == "figure5":
        return f"figure 5: {FIGURE_5}"
    if what == "figure7":
        return f"figure 7: {FIGURE_7}"
    with console.needs_extra("train", "the paper's figures"):
        from clipstr.paper.pictures import FIGURES, draw_figure

    for figure in FIGURES:
        if what == f"figure{figure.number}":
            return f"wrote {draw_figure(figure, scale, options, options.out / f'{what}-{scale.name}.png')}"
    raise InputError(f"there is no {what!r}: `clipstr paper` lists what there is")


def _cost(scale: Scale, options: Options) -> tuple[str, object]:
    from dataclasses import asdict

    from clipstr.experiments import Experiment
    from clipstr.imaging import load_image
    from clipstr.paper.cost import cost_table, costs
    from clipstr.paper.sets import named_sources, test_folder
    from clipstr.paper.tables import TABLES

    folder = test_folder(TABLES[0], scale, Experiment(options.out), options.tests)
    source = next(iter(named_sources(folder).values()))
    pictures = [load_image(source.image_bytes(index)) for index in range(min(len(source), 3000))]
    found = costs(scale.name, pictures, threads=options.threads)
    return cost_table(found, threads=options.threads), [asdict(one) for one in found]


def _list() -> None:
    from clipstr.paper.tables import TABLES

    for table in TABLES:
        rows = len(table.rows)
        about = f"{rows} trainings a seed" if rows else "measures what is installed"
        console.show_row([table.name, table.title, about])
    titles = {
        4: "Covered words, and where both models look",
        5: f"How near CLIP finds pictures and labels: {FIGURE_5}",
        6: "Words as both models read them, and where they look",
        7: FIGURE_7,
    }
    for number, title in titles.items():
        console.show_row([f"figure{number}", title, ""])
    console.show_row(["data", "What --scale full needs, and where it is to be had", ""])
