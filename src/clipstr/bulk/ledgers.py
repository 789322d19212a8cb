"""The ledger of a job: which pieces are done, which parts wait to be joined, what was tried in vain."""

from __future__ import annotations

from collections.abc import Iterable

from clipstr.bulk.results import Receipt

__all__ = ["Ledger"]


class Ledger:
    """What is done of ``pieces`` pieces: a byte for each, and the receipts of what is not joined yet.

    ``joined`` and ``parts`` are what `Results.survey` found; ``file_bytes`` is how large the parts of a
    joined file are together, at least.
    """

    def __init__(
        self, pieces: int, joined: Iterable[Receipt], parts: Iterable[Receipt], *, file_bytes: int
    ) -> None:
        self.pieces, self.file_bytes = pieces, file_bytes
        self.given = self.read = self.failed = self.done = 0
        self._settled = bytearray(pieces)  # whether a piece stands in a joined file, or is being joined
        self._parts: dict[int, Receipt] = {}
        self._open = 0  # the first piece that is not settled
        for receipt in joined:
            self._settled[receipt.first : receipt.last + 1] = b"\1" * (receipt.last + 1 - receipt.first)
            self._count(receipt)
        for receipt in parts:
            self.add(receipt)

    def has(self, number: int) -> bool:
        """Whether the piece ``number`` has been read."""
        return bool(self._settled[number]) or number in self._parts

    def add(self, receipt: Receipt) -> None:
        """Take in the part of a piece that has been read."""
        self._parts[receipt.first] = receipt
        self._count(receipt)

    def _count(self, receipt: Receipt) -> None:
        self.done += receipt.last + 1 - receipt.first
        self.given += receipt.given
        self.read += receipt.read
        self.failed += receipt.failed

    def to_join(self) -> tuple[Receipt, ...]:
        """The next parts to be joined, which are then taken to be; empty if there are none yet.

        They adjoin, and are as many as a file takes, or as there are before a joined file or the end.
        """
        while self._open < self.pieces and self._settled[self._open]:
            self._open += 1
        chosen, size, number = list[Receipt](), 0, self._open
        while number < self.pieces and number in self._parts and size < self.file_bytes:
            chosen.append(self._parts[number])
            size += chosen[-1].bytes
            number += 1
        closed = number == self.pieces or bool(self._settled[number])
        if not chosen or (size < self.file_bytes and not closed):
            return ()
        for receipt in chosen:
            del self._parts[receipt.first]
            self._settled[receipt.first] = 1
        return tuple(chosen)
