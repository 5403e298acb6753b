"""Define `santral store`: long migrations of the tables and the move to PostgreSQL, while no node runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer
from rich.console import Console
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from planning.options import progress_bar
from routing.store.errors import StoreError
from routing.store.migrate import UpgradeEstimate, estimate_upgrade, oldest_code
from routing.store.migrations.long_migration import ProgressReport
from routing.store.reader import Reader
from santral.centre.config import DEFAULT_CENTRE, node_config, store_place
from santral.errors import StoreFailure, UpgradeDue
from santral.offline_upgrade import upgrade_offline
from santral.privacy.cli import STATE, CentreFolder, Settings, State, is_node_running
from santral.state_folder import require_owner
from santral.store_move import move_store

PLAIN_EVERY_S = 10.0
"""Time between two lines of progress where there is no terminal."""


def build_commands() -> typer.Typer:
    """Return the commands `upgrade` and `move`."""
    app = typer.Typer(no_args_is_help=True, help="Bring the tables of a store up to date, or move them to PostgreSQL.")

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
        began, oldest = monotonic(), None
        try:
            if dry_run:
                with Reader(place) as reader:
                    estimate, oldest = reader.run_query(estimate_upgrade), reader.run_query(oldest_code)
            else:
                with _show_progress() as report:
                    estimate = upgrade_offline(place, report)
        except StoreError as error:
            raise StoreFailure(str(error)) from error
        _print_result(estimate, None if dry_run else monotonic() - began, oldest, as_json)
        if dry_run and estimate.is_long:
            raise typer.Exit(UpgradeDue.exit_code)

    @app.command("move")
    def move_to_postgres(
        sqlite: Annotated[Path, typer.Argument(metavar="SQLITE", help="File of the store, such as "
                                                                      "/var/lib/santral/santral.db.")],
        postgres: Annotated[str, typer.Argument(metavar="POSTGRES", help=(
            "URL of an empty database, postgresql://user@host/database. Its password is in a passfile."))],
        as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array with each table.")] = False,
    ) -> None:
        """Carry a store over to PostgreSQL in one transaction, and compare each table. End the node first."""
        _require_postgres(postgres)
        if not sqlite.is_file():
            raise StoreFailure(f"{sqlite} is not there. Name the file of the store")
        require_owner(sqlite.absolute().parent)
        try:
            with _show_progress() as report:
                moved = move_store(sqlite, postgres, report)
        except StoreError as error:
            raise StoreFailure(str(error)) from error
        if as_json:
            typer.echo(json.dumps([one._asdict() for one in moved]))
            return
        typer.echo(f"{sum(one.rows for one in moved):,} rows of {len(moved)} tables are the same in both. Write this "
                   f"URL as `url` under [store], start the node, and keep {sqlite} as a backup")

    return app


def _require_postgres(text: str) -> None:
    """Raise BadParameter for a text that is no URL of PostgreSQL, or that shows its password to the machine."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.get_backend_name() != "postgresql":
        raise typer.BadParameter("it must be a URL such as postgresql://user@host/database", param_hint="POSTGRES")
    if url.password or "password" in url.query:
        raise typer.BadParameter("all processes of the machine see this password. Put it into a passfile (~/.pgpass, "
                                 "or PGPASSFILE)", param_hint="POSTGRES")


def _print_result(estimate: UpgradeEstimate, took: float | None, oldest: str | None, as_json: bool) -> None:
    """Print the estimate, and how long the upgrade took if there was one.

    `oldest` is the oldest code that works on the tables as they are. A package that is older asks for it.
    """
    if as_json:
        typer.echo(json.dumps({**estimate._asdict(), "is_long": estimate.is_long, "oldest_code": oldest,
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
