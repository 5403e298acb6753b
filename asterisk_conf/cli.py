"""`santral asterisk-conf`: render the files of a centre's Asterisk, prove the rules on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from asterisk_conf.lint import Finding, lint
from asterisk_conf.plan import Plan, PlanError
from asterisk_conf.render import SECRET_FILES, render
from asterisk_conf.write import Change, write

FAULTY = 2
"""Exit code when the plan or the files have faults: the same as for a faulty centre."""
UNWRITABLE = 1
STATE = Path("/var/lib/santral")
"""The state folder a node takes by default: another default here would make other secrets than the node's."""

PlanOf = Callable[[Path, Path | None, Path], Plan]
"""(centre, settings, state) -> plan; makes missing secrets in the state folder."""


def commands(plan_of: PlanOf) -> typer.Typer:
    """The command, to be mounted without a name of its own."""
    app = typer.Typer()

    @app.command("asterisk-conf")
    def asterisk_conf(
        centre: Annotated[Path, typer.Argument(help="Folder of the centre.")],
        out: Annotated[Path, typer.Option("--out", help="Folder the files are written into.")],
        settings: Annotated[Path | None, typer.Option("--settings", help="This machine's settings.")] = None,
        state: Annotated[Path, typer.Option("--state", help="State folder of the node: its secrets.")] = STATE,
    ) -> None:
        """Render the configuration of Asterisk for a centre and check it. Exit 2: a rule is broken."""
        raise typer.Exit(make(lambda: plan_of(centre, settings, state), out, Console()))

    return app


def make(plan_of: Callable[[], Plan], out: Path, console: Console) -> int:
    """Render, check, write, show; the exit code."""
    try:
        plan = plan_of()
    except PlanError as error:
        for fault in error.faults:
            console.print(f"[red]fault[/red] {fault}", soft_wrap=True, highlight=False)
        return FAULTY
    files = render(plan)
    findings = lint(files)
    if findings:
        console.print(findings_table(findings))
        return FAULTY
    try:
        changes = write(files, out)
    except OSError as error:
        console.print(f"{out}: cannot be written: {error.strerror}. Choose another --out, or mend its rights.",
                      soft_wrap=True, highlight=False)
        return UNWRITABLE
    console.print(files_table(changes))
    console.print(f"{len(files)} files in {out}, every rule holds.", highlight=False)
    return 0


def files_table(changes: dict[str, Change]) -> Table:
    """What was written."""
    table = Table("file", "", "mode", box=None)
    for name, change in changes.items():
        table.add_row(name, change.value, "0600, holds secrets" if name in SECRET_FILES else "0644")
    return table


def findings_table(findings: list[Finding]) -> Table:
    """Which rules are broken, where, and how to mend it."""
    table = Table("where", "what", "mend", box=None)
    for finding in findings:
        table.add_row(f"{finding.file}:{finding.line}", finding.what, finding.mend)
    return table
