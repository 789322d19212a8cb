"""A measured table for people, the paper's figures beside ours, and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import clipstr
from clipstr.markdown import markdown_table
from clipstr.paper.experiment import Measured, RowFigures
from clipstr.paper.published import CHALLENGING, METHODS, Method
from clipstr.paper.tables import SETS, Row, Table

__all__ = ["as_json", "as_markdown", "published_table"]

FORMAT = "clipstr-paper/1"


def as_markdown(measured: Measured) -> str:
    """``measured`` as Markdown: its title, its tables, and what was different from the paper."""
    table, scale = measured.table, measured.scale
    parts = [f"## Table {table.number}: {table.title}", _beside(table, measured.rows)]
    if measured.equal_minutes:
        parts += [
            "At equal minutes: rows that are quicker saw as many more samples.",
            _beside(table, measured.equal_minutes),
        ]
    parts.append(f"Scale {scale.name}: {scale.about}.")
    parts.append(
        "Words read right in percent, compared in 36 characters; ours are means over seeds, with "
        "the standard error of `All`, the mean by words; samples and minutes are those of one training."
    )
    if table.note:
        parts.append(table.note)
    listed = published_table(table)
    if listed:
        parts += ["As published:", listed]
    return "\n\n".join(parts)


def published_table(table: Table) -> str:
    """The published figures of other methods beside ``table``, each with its source; empty if none."""
    if table.number == 9:
        methods: Sequence[Method] = METHODS
        columns: Sequence[str] = (*SETS, "Avg")
    elif table.number == 10:
        methods, columns = CHALLENGING, ("ArT", "COCO", "Uber", "WordArt")
    else:
        return ""
    rows = [
        [
            one.name,
            one.trained,
            one.source,
            *(_figure(one.figures.get(name)) for name in columns),
            "-" if one.parameters is None else f"{one.parameters:.1f}",
        ]
        for one in methods
    ]
    return markdown_table(["Method", "Trained on", "Source", *columns, "Parameters, M"], rows, words=3)


def as_json(measured: Measured) -> dict[str, Any]:
    """``measured`` in plain values: shares from 0 to 1 of ours, percent of the paper's as it prints them."""
    return {
        "format": FORMAT,
        "clipstr": clipstr.__version__,
        "table": measured.table.number,
        "title": measured.table.title,
        "scale": measured.scale.name,
        "differs": measured.scale.about,
        "rows": [_row(one) for one in measured.rows],
        "equal_minutes": [_row(one) for one in measured.equal_minutes],
    }


def _beside(table: Table, figures: Sequence[RowFigures]) -> str:
    """The rows with the paper's figures first, then ours."""
    theirs = list(dict.fromkeys(name for row in table.rows for name in row.paper))
    ours = list(figures[0].counts)
    head = ["Row", *(f"paper {name}" for name in theirs), "All", "± se", "seeds", "samples", "minutes", *ours]
    by_name = {one.row.name: one for one in figures}
    rows = []
    for row in table.rows:
        one = by_name.get(row.name)
        rows.append([row.name, *(_figure(row.paper.get(name)) for name in theirs), *_ours(row, one, ours)])
    return markdown_table(head, rows)


def _ours(row: Row, figures: RowFigures | None, names: Sequence[str]) -> list[str]:
    if figures is None or figures.mean is None:
        return ["-"] * (5 + len(names))
    error = "-" if figures.error is None else f"{100 * figures.error:.2f}"
    shares = [f"{100 * figures.share(name):.1f}" for name in names]
    cost = [str(len(figures.averages)), f"{figures.samples:,}", f"{figures.minutes:.1f}"]
    return [f"{100 * figures.mean:.1f}", error, *cost, *shares]


def _row(figures: RowFigures) -> dict[str, Any]:
    return {
        "name": figures.row.name,
        "changes": list(figures.row.changes),
        "paper": dict(figures.row.paper),
        "samples": figures.samples,
        "minutes": round(figures.minutes, 2),
        "all": figures.mean,
        "standard_error": figures.error,
        "sets": {
            name: {"words": words, "right": figures.right[name]} for name, words in figures.counts.items()
        },
    }


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
