"""A scene's words as rows of a table."""

from __future__ import annotations

from clipstr.scenes.scene import Scene

__all__ = ["COLUMNS", "word_rows"]

COLUMNS = ("paragraph", "line", "word", "text", "confidence", "polygon")
"""What `word_rows` gives of each word; the polygon as "x,y x,y ..." in pixels."""


def word_rows(scene: Scene) -> list[tuple[str, ...]]:
    """A row of texts for each word of ``scene``, in reading order, lines and words counted from 0."""
    return [
        (
            str(line.paragraph),
            str(line_number),
            str(word_number),
            word.text,
            f"{word.confidence:.4f}",
            " ".join(f"{x:.1f},{y:.1f}" for x, y in word.polygon),
        )
        for line_number, line in enumerate(scene.lines)
        for word_number, word in enumerate(line.words)
    ]
