"""The command `santral lab fault`: run faults under real calls, and print what happened."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import typer
from rich.console import Console

from lab.errors import LabError
from lab.faults.fault import Fault
from lab.faults.fault_model import FaultRow
from lab.faults.kinds.table import FAULTS, find_faults
from lab.faults.random_run import RandomPlan, run_random
from lab.faults.runner import run_fault
from lab.faults.show import list_faults, show_rows, tell_ok, write_page


class FaultRequest(NamedTuple):
    """Arguments of the command."""

    names: tuple[str, ...]
    listed: bool
    every: bool
    as_json: bool
    keep: Path | None
    """Folder that keeps each fault's lab, recordings and records."""
    page: Path | None
    random: tuple[int, float] | None = None
    """Seed and minutes of a random run."""


def run_request(request: FaultRequest) -> int:
    """Run the command and return its exit code. Raise LabError."""
    if request.listed:
        Console().print(list_faults(FAULTS))
        return 0
    if bool(request.names) + request.every + (request.random is not None) != 1:
        raise LabError("name faults, or give --all or --random. See them: santral lab fault --list")
    faults = FAULTS if request.every else find_faults(list(request.names))
    plan = None if request.random is None else RandomPlan(*request.random)
    if request.page is not None:
        # A page that cannot be written is told before the faults, which take minutes.
        write_page(request.page, ())

    def note_row(row: FaultRow) -> None:
        """Write each row at once: a run of an hour that is interrupted keeps what it has."""
        if request.page is not None:
            write_page(request.page, (row,))

    rows = run_faults(faults, request.keep, plan, note_row)
    if request.as_json:
        typer.echo(json.dumps([row.as_json() for row in rows], ensure_ascii=False, indent=1))
        # The table is for the person who watches the progress.
        Console(stderr=True).print(show_rows(rows))
    else:
        Console().print(show_rows(rows))
    return 0 if all(row.ok for row in rows) else 1


def run_faults(faults: Sequence[Fault], keep: Path | None, plan: RandomPlan | None = None,
               note_row: Callable[[FaultRow], None] = lambda row: None) -> list[FaultRow]:
    """Run faults one after the other, or a random run. Report each row at once.

    Without `keep` what a fault wrote is removed after its row. No fault finds anything of the one before.
    """
    console = Console(stderr=True)

    def say(text: str) -> None:
        console.print(text, style="dim", highlight=False)

    folder = keep or Path(tempfile.mkdtemp(prefix="santral-faults-"))
    places = [folder / fault.id for fault in faults]
    for place in (*places, folder / "random"):
        # A run of many faults must not end at the last one for this.
        if place.exists():
            raise LabError(f"{place} is there already: name another folder, or remove it first")
    rows = []
    try:
        for number, (fault, place) in enumerate(zip(faults, places, strict=True), 1):
            say(f"{number}/{len(faults)} {fault.id} {fault.title}")
            row = asyncio.run(run_fault(fault, _make_folder(place)))
            if keep is None:
                shutil.rmtree(place, ignore_errors=True)
            say("; ".join([f"  {tell_ok(row)}, {row.took_s:.0f} s", *[row.skipped] * bool(row.skipped), *row.problems]))
            note_row(row)
            rows.append(row)
        if plan is not None:
            rows.append(asyncio.run(run_random(plan, _make_folder(folder / "random"), say)))
            note_row(rows[-1])
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    return rows


def _make_folder(path: Path) -> Path:
    path.mkdir(mode=0o700, parents=True)
    return path.resolve()
