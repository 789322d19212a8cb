"""``clipstr data check``: what is in data sets, and what they have in common with test sets."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from clipstr.cli import console
from clipstr.cli.options import CharsetName, Json, MaxLength, alphabet, present_path
from clipstr.data import LabelRule, find_sources
from clipstr.data.benchmarks import benchmark_named
from clipstr.data.checking import SetCheck, check_set
from clipstr.data.duplicates import Duplicate, duplicates
from clipstr.evaluation import set_name

__all__ = ["check"]

SHOWN = 10  # examples of anything
BAR = 30  # characters of the longest bar


def check(
    data: Annotated[
        Path,
        typer.Argument(
            parser=present_path,
            metavar="DATA",
            help="A data set, or a folder of some, in any format.",
            show_default=False,
        ),
    ],
    against: Annotated[
        list[Path] | None,
        typer.Option(
            "--against",
            parser=present_path,
            metavar="DATA",
            help="Test sets that must have no picture in common with DATA.",
        ),
    ] = None,
    charset: CharsetName = "36",
    max_length: MaxLength = 25,
    json: Json = None,
) -> None:
    """Count, decode and compare: what is in DATA, what the label rule does to it, what stands in it twice.

    Exit status: 0 when every picture can be read and has a label, and none is in a test set, else 1.
    """
    rule = LabelRule(alphabet(charset), max_length)
    aside = console.is_standard_output(json)
    if not aside:
        console.require_output()
    checks, tests = _checked([data], rule), _checked(against or [], rule)
    for found in checks:
        for line in _lines(found, rule):
            console.show(line, aside=aside)
    prints = [each for found in checks for each in found.prints]
    within = duplicates(prints)
    common = duplicates(prints, [each for found in tests for each in found.prints])
    for line in _pairs("pictures that stand twice in DATA", within):
        console.show(line, aside=aside)
    if against:
        for line in _pairs("pictures that stand in a test set, too", common):
            console.show(line, aside=aside)
    if json is not None:
        console.write_json(_plain(checks, within, common), json)
    lacking = sum(len(found.unreadable) + len(found.unlabelled) for found in checks)
    if lacking or common:
        raise typer.Exit(1)


def _checked(paths: list[Path], rule: LabelRule) -> list[SetCheck]:
    """Every data set below ``paths``, looked into."""
    sources = [(set_name(source, path), source) for path in paths for source in find_sources(path)]
    with console.progress("decoding", sum(len(source) for _, source in sources)) as advance:
        return [check_set(name, source, rule, watch=advance) for name, source in sources]


def _lines(found: SetCheck, rule: LabelRule) -> list[str]:
    """What a person should know of one set."""
    lines = [f"{found.name}: {found.count} samples"]
    known = benchmark_named(found.name)
    if known is not None and known.use == "test" and known.words != found.count:
        lines.append(f"  the field's {known.name} has {known.words} words: this is another set, or a part")
    low, middle, high = found.heights
    left, centre, right = found.widths
    lines.append(f"  pictures {left} to {right} wide (half: {centre}), {low} to {high} high (half: {middle})")
    for what, which in (("pictures cannot be read", found.unreadable), ("have no label", found.unlabelled)):
        if which:
            lines.append(f"  {len(which)} {what}:")
            lines += [f"    {i}: {reason}" for i, reason in list(which.items())[:SHOWN]]
    out = [f"{count} {reason}" for reason, count in found.dropped.items() if count]
    lines.append(f"  labels kept {found.kept}; left out: {', '.join(out) or 'none'}")
    if found.deleted:
        lines.append(f"  characters outside the alphabet, and labels that lose them: {_top(found.deleted)}")
    lines.append(f"  characters: {len(found.characters)} different, most often {_top(found.characters)}")
    longest = max(found.lengths.values(), default=1)
    lines.append("  length of labels, folded:")
    for length in sorted(found.lengths):
        count = found.lengths[length]
        lines.append(f"    {length:3} {'#' * max(round(BAR * count / longest), 1):{BAR}} {count}")
    return lines


def _top(counts: dict[str, int]) -> str:
    return " ".join(f"{item}:{count}" for item, count in Counter(counts).most_common(SHOWN))


def _pairs(title: str, found: list[Duplicate]) -> list[str]:
    """The number of pairs, and some of them."""
    exact = sum(pair.kind == "same" for pair in found)
    other = sum(not pair.same_label for pair in found)
    near = len(found) - exact
    lines = [f"{title}: {exact} the same, {near} nearly the same; {other} labelled otherwise"]
    for pair in found[:SHOWN]:
        (a, i), (b, j) = pair.first.place, pair.second.place
        lines.append(f"  {a} {i} {pair.first.label!r} - {b} {j} {pair.second.label!r} ({pair.kind})")
    return lines


def _plain(checks: list[SetCheck], within: list[Duplicate], common: list[Duplicate]) -> dict[str, Any]:
    """Everything that was found, for JSON."""

    def plain(pairs: list[Duplicate]) -> list[dict[str, Any]]:
        return [
            {"first": pair.first.place, "second": pair.second.place, "kind": pair.kind,
             "labels": [pair.first.label, pair.second.label]}
            for pair in pairs
        ]  # fmt: skip

    return {
        "format": "clipstr-data-check/1",
        "sets": [found.to_dict() for found in checks],
        "twice": plain(within),
        "in_tests": plain(common),
    }
