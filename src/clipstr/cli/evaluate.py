"""``clipstr evaluate``: how well models and other engines read labelled data sets."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from clipstr.cli import console
from clipstr.cli.options import (
    BatchSize,
    Json,
    Model,
    SecondLooks,
    Threads,
    alphabet,
    filled,
    new_file,
    new_folder,
    present_path,
)
from clipstr.data import LabelRule, find_sources
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
    read_all,
    readers_table,
    sets_table,
)
from clipstr.evaluation.peers import PEERS, peer_named
from clipstr.files import whole_file, write_text
from clipstr.models import DEFAULT_MODEL, ENCODER_FILE, ModelConfig, find_model
from clipstr.processors import threads_within
from clipstr.reading import WordReader

__all__ = ["evaluate"]


MODELS_OWN = "model"  # the alphabet of the model itself
PeerName = Enum("PeerName", {key: key for key in PEERS}, type=str)  # type: ignore[misc]


@dataclass(frozen=True, kw_only=True)
class _Contestant:
    """A reader that is measured: its name in the tables, what decides its readings, its words at a time."""

    title: str
    reader: WordReader
    key: Mapping[str, Any]
    batch_size: int


def evaluate(
    data: Annotated[
        Path,
        typer.Option(
            "--data",
            parser=present_path,
            metavar="DATA",
            help="A data set, or a folder of data sets in any of our formats.",
            show_default=False,
        ),
    ],
    model: Model = DEFAULT_MODEL,
    against: Annotated[
        list[str] | None,
        typer.Option(parser=filled, metavar="NAME", help="Another model to compare with; may be repeated."),
    ] = None,
    peer: Annotated[
        list[PeerName] | None,
        typer.Option(help="Another engine to compare with; may be repeated."),
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
    second_looks: SecondLooks = True,
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
) -> None:
    """Read every data set below a folder and tell how much of it was right.

    Labels follow the field's rule (PARSeq's): no white space, ASCII, at most 25 characters, then only
    the characters compared. What the rule leaves out is counted. A picture that cannot be decoded is wrong.
    With --against and --peer all read the same pictures, and are told apart by exact McNemar tests and a
    bootstrap of the difference. Exit status 1: a data set could not be read.
    """
    if not console.is_standard_output(json):
        console.require_output()
    rules = _rules(model, charset or [])
    contestants = _contestants(model, against or [], peer or [], batch_size, threads, second_looks)
    with ExitStack() as stack:
        place = keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        everything = _read(contestants, data, list(rules.values()), place)
        figures = [{name: judged(one, rule) for name, rule in rules.items()} for one in everything]
        comparisons = {
            name: [compared(everything[0], other, rule) for other in everything[1:]]
            for name, rule in rules.items()
        }
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
    form = ModelConfig.load(find_model(model)).form
    own = len(form.charset.characters)
    names = charsets or [name for name in ("36", "62", "94") if int(name) <= max(own, 36)]
    return {
        name: LabelRule(form.charset, form.max_length) if name == MODELS_OWN else LabelRule(alphabet(name))
        for name in names
    }


def _contestants(
    model: str,
    against: Sequence[str],
    peers: Sequence[PeerName],
    batch_size: int,
    threads: int,
    second_looks: bool,
) -> list[_Contestant]:
    """All that are to read, the model first. Raises what opening them raises, before any work."""
    found: list[_Contestant] = []
    for name in (model, *against):
        reader = _opened(name, batch_size, threads or None, second_looks)
        title = reader.name if second_looks else f"{reader.name}, one look"
        checksum = ModelConfig.load(find_model(name)).checksum
        if any(other.title == title for other in found):
            title = f"{title} ({checksum[:8]})"
        key = {"checksum": checksum, "second looks": second_looks}
        found.append(_Contestant(title=title, reader=reader, key=key, batch_size=batch_size))
    for one in dict.fromkeys(peers):
        peer = peer_named(one.value)
        words = peer.words(threads_within(threads or None))
        found.append(
            _Contestant(title=words.name, reader=words, key={"peer": peer.key}, batch_size=peer.batch_size)
        )
    return found


def _opened(model: str, batch_size: int, threads: int | None, second_looks: bool) -> WordReader:
    """What reads with ``model``, without PyTorch if it is exported."""
    if ENCODER_FILE in ModelConfig.load(find_model(model)).files:
        from clipstr.reader import Reader  # here, so that ``clipstr --help`` need not load ONNX Runtime

        return Reader(model, batch_size=batch_size, threads=threads, second_looks=second_looks)
    with console.needs_extra("train", "reading with a model that is not exported"):
        from clipstr.training import open_reader
    return open_reader(model, batch_size=batch_size)


def _read(
    contestants: Sequence[_Contestant], data: Path, rules: Sequence[LabelRule], keep: Path
) -> list[Readings]:
    """What each of the ``contestants`` reads below ``data``."""
    total = len(contestants) * sum(_samples(data))
    with console.progress("reading", total) as advance:
        return [
            replace(
                read_all(
                    one.reader, data, rules, keep, key=one.key, batch_size=one.batch_size, advance=advance
                ),
                reader=one.title,
            )
            for one in contestants
        ]


def _samples(data: Path) -> Iterator[int]:
    """How many samples each data set has, without those that cannot be opened."""
    for source in find_sources(data):
        try:
            yield len(source)
        except DataError:
            yield 0
        finally:
            source.close()


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
