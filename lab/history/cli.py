"""Define `santral history`, which checks the history of a lab."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from drawing.console_output import OutputConsole
from lab.history.evidence import BadHistory
from lab.history.findings import INVARIANTS, Finding, Findings


def build_commands() -> typer.Typer:
    """Build the commands that the command line mounts as `santral history`."""
    app = typer.Typer(no_args_is_help=True, help="Histories that labs record: what everybody saw of the calls.")
    app.callback()(_keep_group)
    app.command("check")(_check_folder)
    return app


def _keep_group() -> None:
    """Check histories that labs record."""


def _check_folder(
    folder: Annotated[Path, typer.Argument(help="Folder of the history, as HistoryRecorder writes it.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Check that records, nodes, Asterisk and callers agree. Exit 0: they do. Exit 1: findings. Exit 2: no history."""
    from lab.history.checker import check_history  # loads the store

    try:
        found = check_history(folder)
    except BadHistory as error:
        typer.echo(f"santral: {error}", err=True)
        raise typer.Exit(2) from None
    if as_json:
        typer.echo(json.dumps({**found._asdict(), "findings": [one._asdict() for one in found.findings]},
                              ensure_ascii=False))
    else:
        _print_findings(found)
    if not found.ok:
        raise typer.Exit(1)


def _print_findings(found: Findings) -> None:
    console = OutputConsole(highlight=False)
    console.print(_findings_table(found.findings))
    for note in found.notes:
        console.print(note, markup=False)
    console.print(f"{found.callers} callers, {found.contacts} contacts, {found.acts} acts: "
                  f"{len(found.findings)} findings", markup=False)
    for name in sorted({one.invariant for one in found.findings}):
        console.print(f"{name}: {INVARIANTS[name]}", markup=False)


def _findings_table(findings: tuple[Finding, ...]) -> Table:
    table = Table("invariant", "fault", "subject", "at (UTC)", "what", "lines")
    for one in findings:
        at = "" if one.at is None else datetime.fromtimestamp(one.at, UTC).isoformat(" ", "milliseconds")
        table.add_row(one.invariant, one.fault, one.subject, at, one.what, " ".join(one.lines))
    return table
