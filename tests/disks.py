"""Verbs whose writing fails, because files may not grow or a disk is full; and what they leave behind.

    python tests/disks.py FOLDER LIMIT ... [--full]

Each LIMIT is the bytes that a file may have, or with --full those of a disk that is mounted (by root) for the
output. A line of JSON for each verb and limit.
"""

from __future__ import annotations

import contextlib
import io
import json
import resource
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from clipstr.errors import TrainingError
from toy import spelled, write_toy

FORMATS = Path(__file__).parent / "formats"
OLD = b"what was there before\n"


@dataclass(frozen=True)
class Writing:
    """A verb that writes: its arguments, and the files that it replaces, below the folder of the output."""

    name: str
    arguments: tuple[str, ...]
    replaces: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a verb did where it could not write: ``found`` is done, told, or what escaped."""

    verb: str
    limit: int
    found: str
    whole: bool  # what was there before is there as it was, and nothing half written beside it
    again: str  # what the same call did when there was space


def prepare(folder: Path) -> None:
    """What the verbs are given, in ``folder``."""
    from clipstr.data import write_lmdb
    from scenes import page
    from tables import png, words

    write_toy(folder / "toy")
    write_lmdb(folder / "set", ((png(word), word) for word in words(40)))
    (folder / "pictures").mkdir()
    for word in words(12):
        spelled(word).save(folder / "pictures" / f"{word}.png")
    page(("Coffee", 40, 60)).save(folder / "page.png")


def writings(folder: Path, out: Path) -> list[Writing]:
    """Every verb that writes, with what `prepare` put into ``folder``, into ``out``."""
    names = ("toy", "set", "pictures", "page.png")
    toy, data, pictures, page = (str(folder / name) for name in names)

    def place(name: str) -> str:
        return str(out / name)

    judge = ("evaluate", "--data", data, "--model", toy)
    return [
        Writing("evaluate", (*judge, "--json", place("evaluate.json")), ("evaluate.json",)),
        Writing("evaluate and keep", (*judge, "--keep", place("kept"))),
        Writing("evaluate and report", (*judge, "--report", place("report"))),
        *(
            Writing(f"convert to {kind}", ("data", "convert", data, "--out", place(kind), "--to", kind))
            for kind in ("lmdb", "parquet", "folder")
        ),
        Writing("export", ("export", str(FORMATS / "3" / "trained"), "--out", place("exported"))),
        Writing("bulk", ("bulk", data, "--out", place("bulk"), "--model", toy, "--actors", "0")),
        Writing("synth", ("synth", place("synth"), "--count", "6", "--workers", "1")),
        Writing("synth scenes", ("synth", "scenes", place("scenes"), "--count", "1", "--workers", "1")),
        Writing("label", ("label", pictures, "--out", place("label"), "--model", toy, "--sure", "0")),
        *(
            Writing(
                f"scan to {kind}",
                (
                    "scan",
                    page,
                    "--model",
                    toy,
                    "--format",
                    kind,
                    "--out",
                    place(f"a.{kind}"),
                ),
                (f"a.{kind}",),
            )
            for kind in ("json", "pdf")
        ),
    ]


@contextlib.contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """No file may grow beyond ``size`` bytes, in this process and those that it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


@contextlib.contextmanager
def small_disk(place: Path, size: int) -> Iterator[Callable[[], None]]:
    """A disk of ``size`` bytes, mounted at ``place``; what is given makes it large. Needs root's rights."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], check=True)
    try:
        yield lambda: subprocess.run(["mount", "-o", "remount,size=1g", place], check=True) and None
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def call(arguments: tuple[str, ...]) -> str:
    """What `clipstr` does with ``arguments``: done, told (with its message), or what escaped."""
    from clipstr.cli.main import run

    sys.argv = ["clipstr", *arguments]
    heard = io.StringIO()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(heard):
            run()
    except SystemExit as end:
        if end.code in (0, None):
            return "done"
        said = heard.getvalue().strip()
        if not said or "Traceback" in said:
            return f"status {end.code} and said {said[-300:]!r}"
        return f"told: {said[-200:]}"
    except BaseException:
        return "ESCAPES " + traceback.format_exc()[-1500:]
    return "done"


def tried(writing: Writing, out: Path, limit: int, *, full: bool) -> Outcome:
    """What ``writing`` does where no file has more than ``limit`` bytes, or the disk no more."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    with contextlib.ExitStack() as stack:
        more = stack.enter_context(small_disk(out, max(limit, 1 << 14))) if full else None
        for name in writing.replaces:
            (out / name).write_bytes(OLD)
        if full:
            found = call(writing.arguments)
        else:
            with files_of_at_most(limit):
                found = call(writing.arguments)
        kept = all((out / name).read_bytes() == OLD for name in writing.replaces)
        half = [path for path in out.rglob("*") if path.name.endswith((".partial", ".old", ".new"))]
        whole = found == "done" or (kept and not half)
        if more is not None:
            more()
        again = "done" if found == "done" else call(writing.arguments)
    return Outcome(writing.name, limit, found, whole, again)


def trained(folder: Path, limit: int, *, full: bool) -> Outcome:
    """What a training does that cannot write its checkpoints from a step on, and gone on with afterwards."""
    from killing import log, sha256
    from runs import Watcher, bars_recipe, new_trainer, write_bars

    recipe = bars_recipe(write_bars(folder / "crops"), samples=64)
    new_trainer(recipe, folder / "peace", Watcher()).run()
    out = folder / "run"
    out.mkdir()

    class Filling(Watcher):
        def stepped(self, step: Any) -> None:
            super().stepped(step)
            if len(self.steps) == 3:
                if full:
                    with contextlib.suppress(OSError), (out / "ballast").open("wb") as file:
                        while True:
                            file.write(bytes(4096))
                else:
                    stack.enter_context(files_of_at_most(limit))

    with contextlib.ExitStack() as mounted:
        more = mounted.enter_context(small_disk(out, 1 << 24)) if full else None
        with contextlib.ExitStack() as stack:
            try:
                new_trainer(recipe, out, Filling()).run()
                found = "done"
            except TrainingError as error:
                found = "told: " + str(error)
            except BaseException:
                found = "ESCAPES " + traceback.format_exc()[-1500:]
        half = list(out.rglob("*.partial"))
        if more is not None:
            (out / "ballast").unlink()
            more()
        new_trainer(recipe, out, Watcher(), resume=(out / "last.ckpt").exists()).run()
        same = (sha256(out), log(out)) == (sha256(folder / "peace"), log(folder / "peace"))
    return Outcome("train", limit, found, not half, "done" if same else "ANOTHER MODEL")


def main() -> None:
    full = "--full" in sys.argv
    folder, *limits = [word for word in sys.argv[1:] if word != "--full"]
    place = Path(folder)
    prepare(place)
    for limit in map(int, limits):
        for writing in writings(place, place / "out"):
            print(json.dumps(asdict(tried(writing, place / "out", limit, full=full))), flush=True)
    print(json.dumps(asdict(trained(place, int(limits[0]), full=full))), flush=True)


if __name__ == "__main__":
    main()
