"""Define `santral nodes`, which shows each node on a store, its role, and why it may not lead."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from drawing.console_output import OutputConsole
from routing.store.errors import StoreError
from routing.store.lease.node_rows import NodeRow, read_nodes
from routing.store.reader import Reader
from santral.centre.config import DEFAULT_CENTRE, node_config, store_place
from santral.errors import StoreFailure
from santral.privacy.cli import STATE, CentreFolder, Settings, State

KEYS_WORDS = {True: "yes", False: "no", None: ""}


def add_command(cli: typer.Typer) -> None:
    """Add the command to the command line."""
    @cli.command("nodes")
    def show_nodes(centre: CentreFolder = DEFAULT_CENTRE, settings: Settings = None, state: State = STATE) -> None:
        """Show each node on the store, its role, and why it may not lead."""
        config = node_config(centre, settings)
        place = store_place(config, state)
        if isinstance(place, Path) and not place.is_file():
            raise StoreFailure(f"{place} is not there: no node has kept records in {state}. Name its folder with "
                               "--state")
        try:
            with Reader(place) as reader:
                found = reader.run_query(read_nodes)
        except StoreError as error:
            raise StoreFailure(str(error)) from error
        OutputConsole(highlight=False).print(_nodes_table(found, ZoneInfo(config.settings.centre.timezone)))


def _nodes_table(nodes: list[NodeRow], zone: ZoneInfo) -> Table:
    table = Table("node", "role", "epoch", "version", "keys fit", "since", "http", "reason")
    for one in nodes:
        since = "" if one.since is None else datetime.fromtimestamp(one.since, zone).isoformat(" ", "seconds")
        table.add_row(one.name, one.role, "" if one.epoch is None else str(one.epoch), one.version,
                      KEYS_WORDS[one.keys_fit], since, one.http, one.why)
    return table
