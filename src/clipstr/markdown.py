"""Tables in Markdown, for people and for pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from clipstr.texts import visible

__all__ = ["markdown_table"]


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 1) -> str:
    """``rows`` under ``head`` as a table in Markdown whose columns stand under each other in plain text too.

    The first ``words`` columns are words, to the left; the others are numbers, to the right.
    """
    cells = [[visible(cell).replace("|", "\\|") for cell in row] for row in [head, *rows]]
    widths = [max(3, *(len(cell) for cell in column)) for column in zip(*cells, strict=True)]

    def line(row: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if column < words else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return "| " + " | ".join(padded) + " |"

    rule = ["-" * width if column < words else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return "\n".join(line(row) for row in [cells[0], rule, *cells[1:]])
