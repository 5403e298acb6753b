"""Provide `santral asterisk-conf`, which renders the files of a centre's Asterisk and checks the rules on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from asterisk_conf.conf_plan import AsteriskPlan, PlanError
from asterisk_conf.existing.live_reader import NoAsteriskFolder
from asterisk_conf.existing.share import share_asterisk
from asterisk_conf.lint import Finding, lint_files
from asterisk_conf.render import SECRET_FILES, render_files
from asterisk_conf.write import Change, write_files

FAULTY = 2
"""Exit code if the plan or the files have faults. A faulty centre has the same code."""
UNWRITABLE = 1
STATE = Path("/var/lib/santral")
"""Default state folder, the same as the node's. Another default would make secrets that the node does not know."""

PlanFactory = Callable[[Path, Path | None, Path], AsteriskPlan]
"""Return the plan of a centre, its settings and its state folder. Missing secrets are made in the state folder."""


def build_commands(plan_of: PlanFactory) -> typer.Typer:
    """Return the command, to be mounted without a name in front."""
    app = typer.Typer()

    @app.command("asterisk-conf")
    def asterisk_conf(
        centre: Annotated[Path, typer.Argument(help="Folder of the centre.")],
        out: Annotated[Path, typer.Option("--out", help="Folder for the files.")],
        settings: Annotated[Path | None, typer.Option("--settings", help="This machine's settings.")] = None,
        state: Annotated[Path, typer.Option("--state", envvar="SANTRAL_STATE", help=(
            "State folder of the node, with its secrets."))] = STATE,
        existing: Annotated[Path | None, typer.Option("--existing", help=(
            "Folder of an Asterisk that has other work: write fragments, and its files with their includes."))] = None,
    ) -> None:
        """Render the configuration of Asterisk for a centre and check it. Exit with 2 if a rule is broken."""
        if existing is not None:
            raise typer.Exit(make_shared(lambda: plan_of(centre, settings, state), existing, out, Console()))
        raise typer.Exit(make_files(lambda: plan_of(centre, settings, state), out, Console()))

    return app


def make_files(plan_of: Callable[[], AsteriskPlan], out: Path, console: Console) -> int:
    """Render, check, write and show the files. Return the exit code."""
    # 1. A plan with faults renders nothing.
    try:
        plan = plan_of()
    except PlanError as error:
        for fault in error.faults:
            console.print(f"[red]fault[/red] {escape(fault)}", soft_wrap=True, highlight=False)
        return FAULTY
    # 2. Check before writing: a file that breaks a rule never reaches Asterisk.
    files = render_files(plan)
    findings = lint_files(files)
    if findings:
        console.print(findings_table(findings))
        return FAULTY
    # 3. Write the files that differ.
    try:
        changes = write_files(files, out)
    except OSError as error:
        console.print(f"{out}: cannot be written: {error.strerror}. Choose another --out, or correct its rights.",
                      soft_wrap=True, highlight=False, markup=False)
        return UNWRITABLE
    console.print(files_table(changes))
    console.print(f"{len(files)} files in {out}, every rule holds.", highlight=False, markup=False)
    if plan.max_calls is not None:
        console.print(f"asterisk.conf is yours: set maxcalls = {plan.max_calls} in its [options] (all lines, two "
                      "legs for each phone, and calls that are just being refused).", soft_wrap=True, highlight=False,
                      markup=False)
    return 0


def make_shared(plan_of: Callable[[], AsteriskPlan], existing: Path, out: Path, console: Console) -> int:
    """Render fragments for an Asterisk that has other work, with its files that include them. Return the exit code.

    The files of the Asterisk stay as they are: the changed ones are written to `out`.
    """
    # 1. Make everything before anything is written.
    try:
        shared = share_asterisk(plan_of(), existing)
        changes = {} if shared.findings else write_files(shared.files, out)
    except (PlanError, NoAsteriskFolder) as error:
        for fault in error.faults if isinstance(error, PlanError) else (str(error),):
            console.print(f"[red]fault[/red] {escape(fault)}", soft_wrap=True, highlight=False)
        return FAULTY
    except OSError as error:
        console.print(f"{out}: cannot be written: {error.strerror}. Choose another --out, or correct its rights.",
                      soft_wrap=True, highlight=False, markup=False)
        return UNWRITABLE
    if shared.findings:
        console.print(findings_table(shared.findings))
        return FAULTY
    # 2. Show what changes: includes, and settings of the whole Asterisk.
    console.print(files_table(changes))
    lines = [f"{one.file}:{one.line}  #include {one.fragment.path}" + (f" in [{one.fragment.section}]"
             if one.fragment.section else "") + ("" if one.new else " (there already)") for one in shared.placed]
    lines += ["", f"{len(shared.changes)} settings change for all work of this Asterisk:",
              *(f"  {one}" for one in shared.changes), "",
              f"Yours to decide, Santral does not load them: {', '.join(shared.left)}", "",
              f"Nothing is changed yet. Look: diff -ru {existing} {out}. Then: cp -r {out}/. {existing}/ && "
              f"chown -R asterisk: {existing}/santral, and restart Asterisk."]
    for line in [f"warning: {one}" for one in shared.logs] + lines:
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    return 0


def files_table(changes: dict[str, Change]) -> Table:
    """Return a table of the files with what was done to each."""
    table = Table("file", "", "mode", box=None)
    for name, change in changes.items():
        table.add_row(name, change.value, "0600, holds secrets" if name.rpartition("/")[2] in SECRET_FILES else "0644")
    return table


def findings_table(findings: list[Finding]) -> Table:
    """Return a table of the broken rules, with place and solution."""
    table = Table("where", "what", "solution", box=None)
    for finding in findings:
        # The name of a section is no style.
        table.add_row(*map(escape, (f"{finding.file}:{finding.line}", finding.what, finding.mend)))
    return table
