"""The stages of the student and of its teacher, by which distillation pairs them (paper, section 3.2)."""

from __future__ import annotations

from typing import Literal

__all__ = ["Side", "Stage"]

Side = Literal["encoder", "decoder", "image", "text"]
"""Of the student its encoder and decoder, of the teacher its image and text encoder."""


class Stage(str):
    """A stage of one side by its number; its text, such as "encoder 1", is its name in logs and tables."""

    side: Side
    number: int

    def __new__(cls, side: Side, number: int) -> Stage:
        stage = super().__new__(cls, f"{side} {number}")
        stage.side, stage.number = side, number
        return stage

    def __getnewargs__(self) -> tuple[Side, int]:  # type: ignore[override]  # a pickle of a str has one
        return self.side, self.number
