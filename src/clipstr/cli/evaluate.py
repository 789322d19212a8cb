"""``clipstr evaluate``: how well models and other engines read labelled data sets."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from clipstr.charset import ALPHABETS
from clipstr.cli import console
from clipstr.cli.contestants import MODELS_OWN, PeerName, contestants, lookers, read_sets, rule_named
from clipstr.cli.options import (
    BatchSize,
    DeviceName,
    Json,
    Model,
    Threads,
    filled,
    new_file,
    new_folder,
    present_path,
)
from clipstr.data import LabelRule
from clipstr.devices import AUTO
from clipstr.errors import DataError
from clipstr.evaluation import (
    Comparison,
    Evaluation,
    Readings,
    WordResult,
    arrivals,
    as_json,
    compared,
    comparison_table,
    judged,
    misreading_line,
    notes,
    readers_table,
    sets_table,
)
from clipstr.evaluation.page import require_templates, write_page
from clipstr.evaluation.scene_peers import SCENE_PEERS
from clipstr.files import make_folder, whole_file, write_text
from clipstr.models import DEFAULT_MODEL, ModelConfig, find_model

__all__ = ["evaluate"]


def evaluate(
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            parser=present_path,
            metavar="DATA",
            help="A data set, or a folder of data sets in any of our formats.",
            show_default=False,
        ),
    ] = None,
    scenes: Annotated[
        Path | None,
        typer.Option(
            "--scenes",
            parser=present_path,
            metavar="DIR",
            help="In the place of --data: a folder of photographs with words.jsonl, or of such folders. "
            f"Peers: {', '.join(SCENE_PEERS)}.",
            show_default=False,
        ),
    ] = None,
    model: Model = DEFAULT_MODEL,
    against: Annotated[
        list[str] | None,
        typer.Option(parser=filled, metavar="NAME", help="Another model to compare with; may be repeated."),
    ] = None,
    peer: Annotated[
        list[PeerName] | None,
        typer.Option(
            help="Another engine to compare with; may be repeated.",
            show_default=False,
        ),
    ] = None,
    charset: Annotated[
        list[str] | None,
        typer.Option(
            "--charset",
            parser=filled,
            metavar="CHARSET",
            help="Compare digits and letters (36), with their case (62), with punctuation too (94), the "
            "characters themselves, or all that the model knows (model); may be repeated. Without it, those "
            "of the first three that the model can write.",
            show_default=False,
        ),
    ] = None,
    batch_size: BatchSize = 32,
    threads: Threads = 0,
    device: DeviceName = AUTO,
    second_looks: Annotated[
        bool | None,
        typer.Option(
            "--second-looks/--no-second-looks",
            help="Look again at words read with doubt; as clipstr read does (with --data), and clipstr "
            "scan does not (with --scenes).",
            show_default=False,
        ),
    ] = None,
    json: Json = None,
    markdown: Annotated[
        Path | None,
        typer.Option(
            "--markdown",
            parser=new_file,
            metavar="FILE",
            help="Write the tables here too.",
            show_default=False,
        ),
    ] = None,
    errors: Annotated[
        Path | None,
        typer.Option(
            "--errors",
            parser=new_file,
            metavar="FILE",
            help="Write every word that the model misread here, as lines of JSON.",
            show_default=False,
        ),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            "--keep",
            parser=new_folder,
            metavar="DIR",
            help="Keep the readings here, set by set: the same command goes on where it was stopped.",
            show_default=False,
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            parser=new_folder,
            metavar="DIR",
            help="Write a page here that shows what is misread, and keep the readings beside it.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Read every data set below a folder and tell how much of it was right.

    Labels follow the field's rule (PARSeq's): no white space, ASCII, at most 25 characters, then only
    the characters compared. What the rule leaves out is counted. A picture that cannot be decoded is wrong.
    With --against and --peer all read the same pictures, and are told apart by exact McNemar tests and a
    bootstrap of the difference. Exit status 1: a data set could not be read.

    With --scenes words are found, too, and compared by ICDAR's protocol: outlines that share more than half
    of their union meet; end to end the text must be right, case and punctuation ignored.
    """
    if (data is None) == (scenes is None):
        raise typer.BadParameter("give --data for pictures of words or --scenes for whole photographs")
    if scenes is not None:
        if charset or keep or report:
            raise typer.BadParameter("--charset, --keep and --report go with --data")
        from clipstr.cli.evaluate_scenes import compare_on_scenes

        compare_on_scenes(
            scenes,
            [model, *(against or [])],
            [one.value for one in peer or []],
            threads=threads or None,
            batch_size=batch_size,
            second_looks=bool(second_looks),
            device=device,
            json=json,
            markdown=markdown,
            errors=errors,
        )
        return
    assert data is not None
    if not console.is_standard_output(json):
        console.require_output()
    rules = _rules(model, charset or [])
    if report:
        require_templates()
    several = contestants(
        model, against or [], peer or [], batch_size, threads, second_looks is not False, device
    )
    with ExitStack() as stack:
        place = (
            keep
            or (report and report / "readings")
            or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        )
        everything = read_sets(several, data, list(rules.values()), place)
        figures = [{name: judged(one, rule) for name, rule in rules.items()} for one in everything]
        comparisons = {
            name: [compared(everything[0], other, rule) for other in everything[1:]]
            for name, rule in rules.items()
        }
        if report:
            rule = next(iter(rules.values()))
            looking, note = lookers([model, *(against or [])])
            make_folder(report)
            page = write_page(report, everything[0], data, rule, lookers=looking, attention_note=note)
            console.tell(f"wrote {page}")
        if errors:
            _write_errors(everything[0], next(iter(rules.values())), errors)
    text = _text(rules, figures, comparisons)
    for line in text.split("\n"):
        console.show(line, aside=console.is_standard_output(json))
    if markdown:
        write_text(markdown, text + "\n")
    if json:
        console.write_json(as_json(list(zip(everything, figures, strict=True)), comparisons), json)
    damaged = everything[0].damaged
    if damaged:
        names = ", ".join(f"{one.name} ({one.error})" for one in damaged)
        raise DataError(f"{len(damaged)} of the data sets could not be read: {names}")


def _rules(model: str, charsets: Sequence[str]) -> dict[str, LabelRule]:
    """By which rules words are compared, by the alphabet's name."""
    own = ModelConfig.load(find_model(model)).form.charset.characters
    names = list(charsets) or [name for name in ("36", "62", "94") if int(name) <= max(len(own), 36)]
    if not charsets and not own.isascii():  # as written, marks and all
        names.append(next((name for name, characters in ALPHABETS.items() if characters == own), MODELS_OWN))
    return {name: rule_named(name, model) for name in names}


def _write_errors(readings: Readings, rule: LabelRule, file: Path) -> None:
    with whole_file(file) as lines:

        def watch(result: WordResult) -> None:
            if not result.right:
                lines.write(misreading_line(result).encode() + b"\n")

        judged(readings, rule, watch=watch)


def _text(
    rules: Mapping[str, LabelRule],
    figures: Sequence[Mapping[str, Evaluation]],
    comparisons: Mapping[str, Sequence[Comparison]],
) -> str:
    """All tables in Markdown, alphabet by alphabet."""
    parts: list[str] = []
    for name, rule in rules.items():
        parts.append(f"## Compared in {len(rule.charset.characters)} characters")
        if len(figures) > 1:
            parts.append(readers_table([evaluations[name] for evaluations in figures]))
        for evaluations in figures:
            parts += [sets_table(evaluations[name]), "\n".join(notes(evaluations[name]))]
        for comparison in comparisons[name]:
            parts.append(f"{comparison.first} less {comparison.second}, in points, word by word:")
            parts.append(comparison_table(comparison))
    remarks = arrivals(next(iter(figures[0].values())))
    return "\n\n".join([*parts, "\n".join(remarks)] if remarks else parts)
