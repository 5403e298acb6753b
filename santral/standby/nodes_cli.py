"""Define `santral nodes`, which shows each node on a store, its role, and why it may not lead."""

from __future__ import annotations

import re
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.live import Live
from rich.table import Table

from drawing.console_output import JSON_OUTPUT, OutputConsole
from routing.store.errors import StoreError
from routing.store.lease.node_rows import NodeRow, StoreRow, read_nodes, read_store
from routing.store.reader import Reader
from santral.centre.config import DEFAULT_CENTRE, node_config, store_place
from santral.errors import StoreFailure
from santral.privacy.cli import STATE, CentreFolder, Settings, State

WORDS = {True: "yes", False: "no", None: ""}

REFRESH_S = 1.0
"""Interval of `--watch`: a node renews its name as often."""


def add_command(cli: typer.Typer) -> None:
    """Add the command to the command line."""
    @cli.command("nodes")
    def show_nodes(centre: CentreFolder = DEFAULT_CENTRE, settings: Settings = None, state: State = STATE,
                   watch: Annotated[bool, typer.Option("--watch", help="Refresh until Ctrl-C.")] = False) -> None:
        """Show each node on the store, its role, and why it may not lead."""
        config = node_config(centre, settings)
        place, zone = store_place(config, state), ZoneInfo(config.settings.centre.timezone)
        if isinstance(place, Path) and not place.is_file():
            raise StoreFailure(f"{place} is not there: no node has kept records in {state}. Name its folder with "
                               "--state")
        console = OutputConsole(highlight=False)

        def read_table() -> Table:
            with Reader(place) as reader:
                return _nodes_table(reader.run_query(read_nodes), reader.run_query(read_store), zone)

        # The first failure ends the command. Later ones are shown, because a failover is what somebody watches.
        try:
            first = read_table()
        except StoreError as error:
            raise StoreFailure(str(error)) from error
        if not watch or JSON_OUTPUT.wanted:
            console.print(first)
            return
        with Live(first, console=console, auto_refresh=False, screen=console.is_terminal) as live:
            try:
                while True:
                    time.sleep(REFRESH_S)
                    try:
                        live.update(read_table(), refresh=True)
                    except StoreError as error:
                        live.update(str(error), refresh=True)
            except KeyboardInterrupt:
                return


def describe_store(nodes: list[NodeRow], store: StoreRow) -> str:
    """Return a sentence on the tables, on nodes of an older release, and on a missing standby."""
    # A newer node that stands by has not changed the tables yet, and a release may change none.
    releases = {one.name: (one.tables, read_version(one.version)) for one in nodes if one.role != "gone" and one.tables}
    newest = max([(store.tables, ()), *releases.values()])
    old = [name for name, release in releases.items() if release < newest]
    words = [f"tables {store.tables}, for code of {store.oldest_code} or later"]
    if old:
        words.append(f"of an older release: {', '.join(old)}")
    elif len(nodes) > 1:
        words.append("no node of an older release is left")
    if other := [one.name for one in nodes if one.other_secrets]:
        words.append(f"secrets of {', '.join(other)} are not the leader's, bring them again: santral cluster")
    if store.has_standby is False:
        words.append("no synchronous standby, so calls may be lost with the server")
    return "; ".join(words)


def read_version(text: str) -> tuple[int, ...]:
    """Return the numbers of a version, which compare as its releases do."""
    return tuple(map(int, re.findall(r"[0-9]+", text)))


def describe_keys(one: NodeRow) -> str:
    """Return whether the secrets of a node are those of the leader, and the files that are not."""
    if one.other_secrets and one.keys_fit is not False:
        return f"not {', '.join(one.other_secrets)}"
    return WORDS[one.keys_fit]


def _nodes_table(nodes: list[NodeRow], store: StoreRow, zone: ZoneInfo) -> Table:
    table = Table("node", "role", "epoch", "version", "tables", "keys fit", "asterisk", "clock", "since", "http",
                  "reason", title=describe_store(nodes, store), title_justify="left")
    for one in nodes:
        since = "" if one.since is None else datetime.fromtimestamp(one.since, zone).isoformat(" ", "seconds")
        table.add_row(one.name, one.role, "" if one.epoch is None else str(one.epoch), one.version, one.tables,
                      describe_keys(one), WORDS[one.asterisk], "" if one.clock_s is None else f"{one.clock_s:+.1f} s",
                      since, one.http, one.why)
    return table
