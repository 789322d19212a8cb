"""``clipstr serve``: words read over HTTP."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from clipstr.cli import console
from clipstr.cli.options import MOST_AT_ONCE, BatchSize, DeviceName, Threads, filled, input_path
from clipstr.devices import AUTO
from clipstr.files import read_text
from clipstr.imaging import MAX_PIXELS
from clipstr.models import DEFAULT_MODEL

__all__ = ["serve"]

TOKEN = "CLIPSTR_TOKEN"
MIB = 1 << 20


def serve(
    host: Annotated[
        str,
        typer.Option(
            "--host", parser=filled, metavar="HOST", help="Where to listen: 0.0.0.0 lets other machines in."
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any free one.")] = 8000,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            parser=filled,
            metavar="NAME",
            help="A model's name or folder; repeat for several, the first is the default.",
        ),
    ] = None,
    threads: Threads = 0,
    batch_size: BatchSize = 32,
    device: DeviceName = AUTO,
    wait: Annotated[
        float,
        typer.Option("--wait", min=0, max=60_000, help="Milliseconds that a picture waits for company."),
    ] = 3.0,
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=MOST_AT_ONCE, help="Batches that are read at once.")
    ] = 1,
    token_file: Annotated[
        Path | None,
        typer.Option(
            "--token-file",
            parser=input_path,
            metavar="FILE",
            help=f"A file with the bearer token that requests must have. Or set {TOKEN}.",
            show_default=False,
        ),
    ] = None,
    max_mib: Annotated[float, typer.Option("--max-mib", min=0, max=65_536, help="MiB of a request.")] = 20.0,
    max_items: Annotated[
        int, typer.Option("--max-items", min=1, max=MOST_AT_ONCE, help="Pictures in a request.")
    ] = 64,
    max_pixels: Annotated[
        int, typer.Option("--max-pixels", min=1, max=MAX_PIXELS, help="Pixels of a picture.")
    ] = 50_000_000,
    queue: Annotated[int, typer.Option("--queue", min=1, max=1 << 20, help="Pictures that may wait.")] = 256,
    photo_queue: Annotated[
        int, typer.Option("--photo-queue", min=1, max=1 << 20, help="Photographs that may wait.")
    ] = 64,
    timeout: Annotated[
        float,
        typer.Option(
            "--timeout", min=0, max=86_400, help="Seconds that a request may take, or each photograph of it."
        ),
    ] = 30.0,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-origin",
            parser=filled,
            metavar="ORIGIN",
            help="A web page elsewhere that may ask (CORS); repeat for several.",
        ),
    ] = None,
    scan: Annotated[
        bool, typer.Option(help="Read whole photographs, too, if the extra 'scenes' is installed.")
    ] = True,
    log_words: Annotated[
        bool, typer.Option("--log-words", help="Write the words that were read into the log.")
    ] = False,
) -> None:
    """Read words over HTTP: a page at /, an API at /v1/read and /v1/scan, its description at /docs.

    SIGTERM or Ctrl-C finishes what was begun and ends. The log is on standard error, a line of JSON each.
    Exit status: 0 ended by a signal, 1 the port cannot be had, 2 a wrong call.
    """
    with console.needs_extra("serve", "serving"):
        from clipstr.serve.observing import log_to
        from clipstr.serve.server import serve as run
        from clipstr.serve.service import Service
        from clipstr.serve.settings import Limits, ServiceSettings
    limits = Limits(
        bytes=int(max_mib * MIB),
        held_bytes=max(256 * MIB, 2 * int(max_mib * MIB)),
        items=max_items,
        pixels=max_pixels,
        queue=queue,
        photographs=photo_queue,
        seconds=timeout,
    )
    settings = ServiceSettings(
        models=tuple(model or (DEFAULT_MODEL,)),
        scans=scan,
        batch_size=batch_size,
        wait_seconds=wait / 1000,
        workers=workers,
        threads=threads or None,
        device=device,
        token=_token(token_file),
        origins=tuple(allow_origin or ()),
        log_words=log_words,
        limits=limits,
    )
    with log_to():
        served = run(Service(settings), host=host, port=port)
    if not served:
        raise typer.Exit(1)


def _token(path: Path | None) -> str | None:
    """The token in the file ``path``, or else in the environment; None if there is none."""
    if path is None:
        return os.environ.get(TOKEN)
    return read_text(path).strip()
