"""The ``clipstr`` command: its verbs, and how its failures become messages and exit codes."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

import clipstr
from clipstr.cli.evaluate import evaluate
from clipstr.cli.export import export
from clipstr.cli.import_ import import_
from clipstr.cli.models import models
from clipstr.cli.read import read
from clipstr.cli.synth import synth
from clipstr.cli.train import train
from clipstr.errors import ClipstrError, InputError, ModelNotFoundError

__all__ = ["app", "run"]

app = typer.Typer(
    help="Reads words in photographs, and trains such readers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("read")(read)
app.command("evaluate")(evaluate)
app.command("models")(models)
app.command("synth")(synth)
app.command("train")(train)
app.command("export")(export)
app.command("import")(import_)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"clipstr {clipstr.__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Reads words in photographs, and trains such readers."""


def run() -> None:
    """Runs the command. Exit status: 0 done, 1 something failed, 2 a wrong call, 130 interrupted."""
    try:
        app()
    except (InputError, ModelNotFoundError) as error:
        _fail(error, 2)
    except ClipstrError as error:
        _fail(error, 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Who read us has enough. Python would complain again when it flushes what is left.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _fail(error: ClipstrError, status: int) -> None:
    message = str(error).encode("utf-8", "backslashreplace").decode("utf-8")
    print(f"clipstr: {message}", file=sys.stderr)
    sys.exit(status)
