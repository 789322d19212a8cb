"""``clipstr evaluate --scenes``: how well words are found and read in photographs, beside other engines."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from clipstr.cli import console
from clipstr.errors import InputError
from clipstr.evaluation.scene_peers import SCENE_PEERS, OurScenes
from clipstr.evaluation.scene_report import scene_errors, scenes_json, scenes_table
from clipstr.evaluation.scenes import (
    PhotographResult,
    ScenePeer,
    evaluate_scenes,
    find_scene_sets,
    load_photographs,
)
from clipstr.files import whole_file, write_text
from clipstr.scenes import SceneReader

__all__ = ["compare_on_scenes"]


def compare_on_scenes(
    folder: Path,
    models: Sequence[str],
    peers: Sequence[str],
    *,
    threads: int | None,
    batch_size: int,
    second_looks: bool,
    device: str,
    json: Path | None,
    markdown: Path | None,
    errors: Path | None,
) -> None:
    """Reads the photographs at or below ``folder`` with ``models`` and ``peers`` and prints one table.

    ``json`` and ``markdown`` are files for all figures, ``errors`` for every word that was misread, missed or
    invented.
    """
    unknown = [peer for peer in peers if peer not in SCENE_PEERS]
    if unknown:
        raise InputError(
            f"{unknown[0]} reads words and finds none in photographs; these do: {', '.join(SCENE_PEERS)}"
        )
    engines: list[ScenePeer] = [
        OurScenes(
            SceneReader(
                model, threads=threads, batch_size=batch_size, second_looks=second_looks, device=device
            )
        )
        for model in models
    ]
    engines += [SCENE_PEERS[peer](threads) for peer in dict.fromkeys(peers)]
    count = sum(len(load_photographs(place)) for place in find_scene_sets(folder).values())
    with ExitStack() as stack:
        advance = stack.enter_context(console.progress("scanning", count * len(engines)))
        lines = stack.enter_context(whole_file(errors)) if errors else None

        def watch(engine: ScenePeer, set_name: str, result: PhotographResult) -> None:
            advance()
            if result.error is not None:
                console.complain(result.error)
            for line in scene_errors(engine, set_name, result) if lines is not None else ():
                assert lines is not None
                lines.write(line.encode() + b"\n")

        comparison = evaluate_scenes(engines, folder, watch=watch)
    table = scenes_table(comparison)
    for line in table.split("\n"):
        console.show(line, aside=console.is_standard_output(json))
    if markdown is not None:
        write_text(markdown, table + "\n")
    if json is not None:
        console.write_json(scenes_json(comparison), json)
