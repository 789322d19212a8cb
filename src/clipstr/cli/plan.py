"""``--dry-run``: the plan of a run, before an evening is spent on it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from clipstr.cli import console
from clipstr.files import make_folder, whole_file

if TYPE_CHECKING:
    from clipstr.training import Recipe, TeacherRecipe
    from clipstr.training.run.plan import Plan

__all__ = ["show_plan"]

SHEET_FILE = "dry-run.png"
SHOWN = 64  # samples on the sheet


def show_plan(settings: Recipe | TeacherRecipe, out: Path, seconds: float | None) -> None:
    """Prints what a run of ``settings`` in ``out`` would be, ``seconds`` its limit if it has one.

    Writes a sheet of the first samples into ``out``. Raises what the run itself would.
    """
    from clipstr.training.run.plan import plan

    with console.terminal().status("making a few steps to measure"):
        found = plan(settings)
    table = console.table("name", "value", header=False)
    for name, value in _lines(settings, found, seconds, out):
        table.add_row(name, value)
    console.show_table(table, aside=True)
    if (out / "last.ckpt").exists():
        console.tell(f"{out} holds a run already: go on with --resume, or choose another folder")
    sheet = out / SHEET_FILE
    make_folder(out)
    _write_sheet(found, sheet)
    console.tell(f"the first samples as the model would see them: {sheet}")


def _lines(
    settings: Recipe | TeacherRecipe, found: Plan, limit: float | None, out: Path
) -> list[tuple[str, str]]:
    optimisation, run = settings.optimisation, settings.run
    speed = optimisation.batch_size / found.step_seconds
    reached = min(found.samples, int(limit * speed)) if limit else found.samples
    time = _time(found.seconds)
    if limit and found.seconds > limit:
        time = f"{_time(limit)} by --max-time; all samples would take {time}"
    sources = [
        f"{share:.1%} {name or 'rendered'}"
        + (f", {found.epochs[name] * reached / found.samples:.1f} times each" if name else "")
        for name, share in found.shares.items()
    ]
    sets = ", ".join(f"{name} {count}" for name, count in found.validation.items())
    judged = f"{sets}; every {run.validate_every:,} samples" if sets else "none: the last model is kept"
    free = shutil.disk_usage(next(path for path in [out, *out.resolve().parents] if path.exists())).free
    read, trained, batch = found.read_parameters / 1e6, found.parameters / 1e6, optimisation.batch_size
    place = f"{found.device}, {found.processes} process(es), {settings.data.workers} worker(s)"
    return [
        ("model", f"{read:.1f} M parameters; {trained:.1f} M are trained"),
        ("samples", f"{reached:,} in {reached // batch:,} steps of {batch}"),
        ("from", "; ".join(sources)),
        *(("", note) for note in found.notes),
        ("validation", judged),
        ("on", f"{place}, {found.precision}"),
        ("speed", f"{speed:.0f} samples/s, {found.waited_share:.0%} of a step waiting for data"),
        ("time", f"{time}, and validation"),
        ("memory", f"{found.memory_mib:,.0f} MiB" if found.memory_mib else "not counted on this system"),
        ("disk", f"{2 * found.checkpoint_mib:,.0f} MiB for checkpoints; {free / 2**20:,.0f} MiB are free"),
    ]


def _time(seconds: float) -> str:
    if seconds < 5400:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours" if seconds < 172_800 else f"{seconds / 86400:.1f} days"


def _write_sheet(found: Plan, path: Path) -> None:
    from clipstr.sheets import contact_sheet

    with whole_file(path) as file:
        contact_sheet(list(zip(found.pictures[:SHOWN], found.labels[:SHOWN], strict=True))).save(file, "PNG")
