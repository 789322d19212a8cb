"""Inputs for bulk reading: rows that spell words for the toy model of `toy`, some of them damaged."""

from __future__ import annotations

import io
import os
import random
import signal
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from clipstr.bulk import ReadBatch
from toy import CHARSET, MAX_LENGTH, spelled

DAMAGED = {3: b"no picture", 17: None, 40: b""}
"""Rows of `rows` that cannot be read."""

DEADLY = b"deadly"


def words(count: int, seed: int = 0) -> list[str]:
    """``count`` words of the toy's letters, no letter twice in a row."""
    chance, made = random.Random(seed), []
    for _ in range(count):
        word = ""
        while len(word) < chance.randint(1, MAX_LENGTH):
            word += chance.choice([c for c in CHARSET.characters if c != word[-1:]])
        made.append(word)
    return made


def png(word: str) -> bytes:
    """A picture file that spells ``word``."""
    buffer = io.BytesIO()
    spelled(word).save(buffer, "PNG")
    return buffer.getvalue()


def rows(count: int) -> list[bytes | None]:
    """``count`` pictures' bytes of `words`, those of `DAMAGED` as they are there."""
    return [DAMAGED.get(n, png(word)) if n in DAMAGED else png(word) for n, word in enumerate(words(count))]


def write_table(file: Path, cells: list[bytes | None], *, group: int = 16, start: int = 0) -> Path:
    """``file``, a Parquet file of ``cells`` with the column ``key`` counting from ``start``."""
    file.parent.mkdir(parents=True, exist_ok=True)
    keys = [f"key-{start + n}" for n in range(len(cells))]
    table = pa.table({"image": pa.array(cells, pa.binary()), "key": keys})
    parquet.write_table(table, file, row_group_size=group)
    return file


def write_tables(folder: Path, count: int, *, files: int = 3, group: int = 16) -> Path:
    """``folder`` with ``count`` rows in Parquet ``files``."""
    cells, each = rows(count), -(-count // files)
    for n in range(files):
        part = cells[n * each : (n + 1) * each]
        write_table(folder / f"{n}.parquet", part, group=group, start=n * each)
    return folder


def write_tar(file: Path, members: list[tuple[str, bytes]]) -> Path:
    """``file``, a tar of ``members``."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(file, "w:gz" if file.name.endswith("gz") else "w") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file


class DeadlyBatch(ReadBatch):
    """Dies with the process when it meets the bytes ``DEADLY``, as a decoder with a fault would."""

    def __call__(self, batch: Any) -> Any:
        if DEADLY in batch[self.column].to_pylist():
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(batch)


def result(out: Path) -> dict[str, str | None]:
    """What stands in the results and failures in ``out``, by id; no id may stand there twice."""
    found: dict[str, str | None] = {}
    for folder, column in (("results", "text"), ("failures", "kind")):
        for file in sorted((out / folder).glob("*.parquet")):
            table = parquet.read_table(file)
            for id_, value in zip(table["id"].to_pylist(), table[column].to_pylist(), strict=True):
                assert id_ not in found, f"{id_} stands there twice"
                found[id_] = value
    return found
