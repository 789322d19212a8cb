"""Who takes part in an evaluation: the model, other models, other engines; and their readings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clipstr.cli import console
from clipstr.cli.options import alphabet, tell_device
from clipstr.data import LabelRule, find_sources
from clipstr.devices import AUTO
from clipstr.errors import DataError, ModelError
from clipstr.evaluation import Readings, read_all
from clipstr.evaluation.page import Looker
from clipstr.evaluation.peers import PEERS, peer_named
from clipstr.evaluation.scene_peers import SCENE_PEERS
from clipstr.models import ENCODER_FILE, ModelConfig, find_model
from clipstr.processors import threads_within
from clipstr.reading import WordReader

if TYPE_CHECKING:
    from clipstr.reader import Reader

__all__ = [
    "MODELS_OWN",
    "Contestant",
    "PeerName",
    "contestants",
    "lookers",
    "opened",
    "read_sets",
    "rule_named",
    "samples_below",
]

MODELS_OWN = "model"  # the alphabet of the model itself

PeerName = Enum("PeerName", {key: key for key in (*PEERS, *SCENE_PEERS)}, type=str)  # type: ignore[misc]


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A reader that is measured: its name in the tables, what decides its readings, its words at a time."""

    title: str
    reader: WordReader
    key: Mapping[str, Any]
    batch_size: int


def contestants(
    model: str,
    against: Sequence[str],
    peers: Sequence[PeerName],
    batch_size: int,
    threads: int,
    second_looks: bool,
    device: str,
) -> list[Contestant]:
    """All that are to read, the model first. Raises what opening them raises, before any work."""
    found: list[Contestant] = []
    for name in (model, *against):
        reader = opened(name, batch_size, threads or None, second_looks, device)
        tell_device(device, reader.device)
        title = reader.name if second_looks else f"{reader.name}, one look"
        checksum = ModelConfig.load(find_model(name)).checksum
        if any(other.title == title for other in found):
            title = f"{title} ({checksum[:8]})"
        key = {"checksum": checksum, "second looks": second_looks, "known words": second_looks}
        found.append(Contestant(title=title, reader=reader, key=key, batch_size=batch_size))
    for one in dict.fromkeys(peers):
        peer = peer_named(one.value)
        words = peer.words(threads_within(threads or None))
        found.append(
            Contestant(title=words.name, reader=words, key={"peer": peer.key}, batch_size=peer.batch_size)
        )
    return found


def opened(
    model: str, batch_size: int, threads: int | None, second_looks: bool, device: str = AUTO
) -> Reader:
    """What reads with ``model``, a name or a folder: without PyTorch if it is exported."""
    if ENCODER_FILE in ModelConfig.load(find_model(model)).files:
        from clipstr.reader import Reader  # here, so that ``clipstr --help`` need not load ONNX Runtime

        return Reader(model, batch_size=batch_size, threads=threads, second_looks=second_looks, device=device)
    with console.needs_extra("train", "reading with a model that is not exported"):
        from clipstr.training import open_reader
    return open_reader(
        model, batch_size=batch_size, threads=threads, second_looks=second_looks, device=device
    )


def rule_named(name: str, model: str) -> LabelRule:
    """By which rule words are compared: in a named alphabet, or in that of the ``model`` itself."""
    if name != MODELS_OWN:
        return LabelRule(alphabet(name))
    form = ModelConfig.load(find_model(model)).form
    return LabelRule(form.charset, form.max_length)


def lookers(models: Sequence[str]) -> tuple[list[Looker], str]:
    """Those of ``models`` that tell where they look, and why the others do not."""
    try:
        from clipstr.student.attention import Looker as AttentionLooker
    except ImportError as error:
        return [], f"Where it looked is not shown: pip install 'clipstr[train]' ({error})."
    found: list[Looker] = []
    problems = []
    for name in models:
        try:
            found.append(AttentionLooker(find_model(name)))
        except ModelError as error:
            problems.append(f"Where {name} looked is not shown: {error}.")
    return found, " ".join(problems)


def read_sets(
    several: Sequence[Contestant], data: Path, rules: Sequence[LabelRule], keep: Path
) -> list[Readings]:
    """What each of ``several`` contestants reads below ``data``."""
    total = len(several) * sum(samples_below(data))
    with console.progress("reading", total) as advance:
        return [
            replace(
                read_all(
                    one.reader, data, rules, keep, key=one.key, batch_size=one.batch_size, advance=advance
                ),
                reader=one.title,
            )
            for one in several
        ]


def samples_below(data: Path) -> Iterator[int]:
    """How many samples each data set below ``data`` has, without those that cannot be opened."""
    for source in find_sources(data):
        try:
            yield len(source)
        except DataError:
            yield 0
        finally:
            source.close()
