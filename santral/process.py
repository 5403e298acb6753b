"""Run a node as a process: its files, its work until it is stopped, and one sentence with an exit code for its end."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path

import structlog

from desk.server import CannotListen
from routing.ami.errors import AuthFailed
from routing.store.errors import LongMigrationDue, StoreError
from routing.store.lease.node_rows import write_barred
from santral.centre.config import NODE, check_centre, config_of, store_place
from santral.centre.last_known_good import CentreFiles
from santral.errors import AddressTaken, AsteriskFailure, BadCentre, SantralError, StoreFailure, UpgradeDue
from santral.node import log_setup
from santral.standby.node_roles import NodeRoles, find_first
from santral.standby.waiting_node import describe_node

log = structlog.get_logger()

EXIT_ERRORS: dict[type[Exception], type[SantralError]] = {
    AuthFailed: AsteriskFailure, LongMigrationDue: UpgradeDue, StoreError: StoreFailure, CannotListen: AddressTaken}
"""Errors of rooms that end a node, with the error that the terminal shows. Its type gives the exit code.

The first type that fits counts.
"""


def run_node(centre: Path, settings: Path | None, state: Path, *, name: str = NODE, log_json: bool = False) -> int:
    """Run a node until it is stopped, and return the exit code. Raise SantralError if it cannot work.

    `name` is the node's own name among the nodes of a database.
    """
    # 1. Read the files, and make the state folder.
    log_setup.configure_logs(as_json=log_json)
    files = CentreFiles(centre, settings, state)
    try:
        config, sounds = files.choose_files()
    except BadCentre:
        _bar_node(centre, settings, state, name)
        raise
    for warning in config.warnings:
        log.warning("centre.warned", warning=str(warning))
    try:
        state.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreFailure(f"the state folder {state} cannot be made: {error.strerror}. Name another with --state, or "
                           "create it for this user") from error
    # 2. Run. Task groups wrap errors, so look for the first one inside.
    try:
        asyncio.run(NodeRoles(files, (config, sounds), state, name).serve_until_stopped())
    except Exception as error:
        first = find_first(error)
        # 3. Show errors with a known cause as one sentence, and all others with their traceback.
        for kind, ours in EXIT_ERRORS.items():
            if isinstance(first, kind):
                raise ours(str(first)) from error
        if isinstance(first, SantralError):
            raise first from None
        raise
    return 0


def _bar_node(centre: Path, settings: Path | None, state: Path, name: str) -> None:
    """Let the other nodes on a PostgreSQL store know why this one may not lead, if its settings can be read."""
    config = config_of(check_centre(centre, settings))
    if config is not None and not isinstance(place := store_place(config, state), Path):
        with suppress(StoreError):
            write_barred(place, name, describe_node("barred", time.time(), why="prompts missing"))
