"""The command `santral lab fault`: run faults under real calls, and print what happened."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Sequence
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
from lab.faults.show import list_faults, show_rows, write_page


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
    rows = run_faults(faults, request.keep, plan)
    if request.page is not None:
        write_page(request.page, rows)
    if request.as_json:
        typer.echo(json.dumps([row.as_json() for row in rows], ensure_ascii=False, indent=1))
    else:
        Console().print(show_rows(rows))
    return 0 if all(row.ok for row in rows) else 1


def run_faults(faults: Sequence[Fault], keep: Path | None, plan: RandomPlan | None = None) -> list[FaultRow]:
    """Run faults one after the other, or a random run. Without `keep` what they wrote is removed."""
    console = Console(stderr=True)

    def say(text: str) -> None:
        console.print(text, style="dim", highlight=False)

    folder = keep or Path(tempfile.mkdtemp(prefix="santral-faults-"))
    rows = []
    try:
        for fault in faults:
            say(f"{fault.id} {fault.title}")
            rows.append(asyncio.run(run_fault(fault, _make_folder(folder / fault.id))))
        if plan is not None:
            rows.append(asyncio.run(run_random(plan, _make_folder(folder / "random"), say)))
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    return rows


def _make_folder(path: Path) -> Path:
    if path.exists():
        raise LabError(f"{path} is there already: name another folder, or remove it first")
    path.mkdir(mode=0o700, parents=True)
    return path.resolve()
