"""The ``clipstr`` command: its verbs, and how its failures become messages and exit codes."""

from __future__ import annotations

import importlib
import logging
import sys
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import clipstr
from clipstr.cli.console import complain, exit_status, flush, show
from clipstr.cli.streams import open_streams
from clipstr.errors import ClipstrError

__all__ = ["VERBS", "Verb", "app", "run"]


@dataclass(frozen=True)
class Verb:
    """A verb, its line in ``clipstr --help``, and the function that does it (or an app of further verbs)."""

    name: str
    summary: str
    module: str
    function: str


VERBS = (
    Verb("read", "Read the word in each picture.", "clipstr.cli.read", "read"),
    Verb("scan", "Find and read the words in whole photographs.", "clipstr.cli.scan", "scan"),
    Verb("serve", "Read words over HTTP, with a page for the browser.", "clipstr.cli.serve", "serve"),
    Verb("bulk", "Read all pictures of a large table or store.", "clipstr.cli.bulk", "bulk"),
    Verb("evaluate", "Tell how well a model reads labelled data sets.", "clipstr.cli.evaluate", "evaluate"),
    Verb(
        "calibrate",
        "Let a model's confidence say how often it is right.",
        "clipstr.cli.calibrate",
        "calibrate",
    ),
    Verb("models", "List the models that come with clipstr.", "clipstr.cli.models", "models"),
    Verb("label", "Label pictures that have no labels, to train on.", "clipstr.cli.label", "label"),
    Verb("data", "Convert and check data sets; list the benchmarks.", "clipstr.cli.data", "data"),
    Verb("synth", "Render words to train on.", "clipstr.cli.synth", "synth"),
    Verb("synth scenes", "Render whole scenes with their words.", "clipstr.cli.synth_scenes", "scenes"),
    Verb("synth fonts", "List and fetch free fonts.", "clipstr.cli.synth_fonts", "fonts"),
    Verb("train", "Train a recogniser by a recipe.", "clipstr.cli.train", "train"),
    Verb("teacher", "Train a CLIP that teaches, or look at what one sees.", "clipstr.cli.teacher", "teacher"),
    Verb("paper", "Make the tables and figures of the paper.", "clipstr.cli.paper", "paper"),
    Verb("export", "Turn a trained model into one for reading.", "clipstr.cli.export", "export"),
    Verb("import", "Turn a checkpoint of the authors' code into a model.", "clipstr.cli.import_", "import_"),
)


class _Verbs(TyperGroup):
    """Imports a verb's module when it is called: what training needs never slows or stops reading.

    A verb of two words, such as ``synth scenes``, stands beside that of the first one alone.
    """

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The called verb, loaded, instead of what stands for it in the help."""
        if (both := " ".join(args[:2])) in self.commands:
            args = [both, *args[2:]]
        name, command, remaining = super().resolve_command(ctx, args)
        return name, next((_command(verb) for verb in VERBS if verb.name == name), command), remaining

    def invoke(self, ctx: Any) -> Any:
        """Does the verb. Typer's own answers to the two interruptions differ from version to version."""
        try:
            result = super().invoke(ctx)
            flush()
        except KeyboardInterrupt as error:
            raise typer.Exit(130) from error
        except BrokenPipeError as error:  # who read us has enough
            raise typer.Exit(1) from error
        return result


def _command(verb: Verb) -> Any:
    """The verb as a command: a function as it is, or an app of verbs below it."""
    does = getattr(importlib.import_module(verb.module), verb.function)
    if isinstance(does, typer.Typer):
        return typer.main.get_command(does)
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(verb.name)(does)
    return typer.main.get_command(alone)


app = typer.Typer(
    cls=_Verbs,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        show(f"clipstr {clipstr.__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Reads words in photographs, and trains such readers."""


def _stand_in() -> None:
    raise AssertionError("a verb is loaded before it is invoked")


for _verb in VERBS:
    app.command(_verb.name, help=_verb.summary)(_stand_in)


class _Log(logging.Handler):
    """What the package's log has to say, told as everything else is."""

    def emit(self, record: logging.LogRecord) -> None:
        """Tells the message of ``record``."""
        complain(record.getMessage())


def run() -> None:
    """Runs the command. Exit status: 0 done, 1 something failed, 2 a wrong call, 3 to be gone on with,
    130 interrupted.
    """
    log, handler = logging.getLogger("clipstr"), _Log(logging.WARNING)
    with open_streams():
        log.addHandler(handler)
        try:
            app(prog_name="clipstr")
        except (ClipstrError, OSError) as error:
            complain(str(error))
            sys.exit(exit_status(error))
        finally:
            log.removeHandler(handler)
