"""Define `santral store upgrade`: long migrations of the tables, while no node runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer
from rich.console import Console

from planning.options import progress_bar
from routing.store.errors import StoreError
from routing.store.migrate import UpgradeEstimate, estimate_upgrade
from routing.store.migrations.long_migration import ProgressReport
from routing.store.reader import Reader
from santral.centre.config import DEFAULT_CENTRE, node_config, store_place
from santral.errors import StoreFailure, UpgradeDue
from santral.offline_upgrade import upgrade_offline
from santral.privacy.cli import STATE, CentreFolder, Settings, State, is_node_running
from santral.state_folder import require_owner

PLAIN_EVERY_S = 10.0
"""Time between two lines of progress where there is no terminal."""


def build_commands() -> typer.Typer:
    """Return the command `upgrade`."""
    app = typer.Typer(no_args_is_help=True, help="Bring the tables of a store up to date.")

    @app.command("upgrade")
    def upgrade_store(
        centre: CentreFolder = DEFAULT_CENTRE, settings: Settings = None, state: State = STATE,
        dry_run: Annotated[bool, typer.Option("--dry-run", help=(
            "Only show what is due. Exit 6: a start would refuse this store."))] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    ) -> None:
        """Run the migrations of a new version for which callers would wait. Stop the node and make a backup first."""
        place = store_place(node_config(centre, settings), state)
        if isinstance(place, Path):
            require_owner(state)
            if not place.is_file():
                raise StoreFailure(f"{place} is not there: no node has kept records in {state}. Name its folder with "
                                   "--state")
        if not dry_run and is_node_running(state):
            raise StoreFailure(f"a node runs on {state}, and its callers would wait. End it first: systemctl stop "
                               "santral")
        began = monotonic()
        try:
            if dry_run:
                with Reader(place) as reader:
                    estimate = reader.run_query(estimate_upgrade)
            else:
                with _show_progress() as report:
                    estimate = upgrade_offline(place, report)
        except StoreError as error:
            raise StoreFailure(str(error)) from error
        _print_result(estimate, None if dry_run else monotonic() - began, as_json)
        if dry_run and estimate.is_long:
            raise typer.Exit(UpgradeDue.exit_code)

    return app


def _print_result(estimate: UpgradeEstimate, took: float | None, as_json: bool) -> None:
    """Print the estimate, and how long the upgrade took if there was one."""
    if as_json:
        typer.echo(json.dumps({**estimate._asdict(), "is_long": estimate.is_long,
                               "took_s": None if took is None else round(took, 1)}))
    elif took is not None:
        typer.echo(f"the tables have revision {estimate.revision}: {estimate.rows:,} rows in {took:.0f} s. Start the "
                   "node")
    elif estimate.is_long:
        typer.echo(str(estimate))
    else:
        typer.echo(f"no long migration on the way to revision {estimate.revision}: the next start does all")


@contextmanager
def _show_progress() -> Iterator[ProgressReport]:
    """Show a bar on a terminal, and a line now and then elsewhere."""
    console = Console(stderr=True)
    with progress_bar(console) as bar:
        task, said = bar.add_task("rows", total=None), monotonic()

        def show_rows(done: int, rows: int) -> None:
            nonlocal said
            bar.update(task, completed=done, total=rows)
            if not console.is_terminal and (done == rows or monotonic() - said >= PLAIN_EVERY_S):
                said = monotonic()
                typer.echo(f"{done:,} of {rows:,} rows", err=True)

        yield show_rows
