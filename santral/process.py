"""Run a node as a process: its files, its work until it is stopped, and one sentence with an exit code for its end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import structlog

from centres.centre_reader import load_centre
from desk.server import CannotListen
from routing.act_history import ActHistory
from routing.ami.errors import AuthFailed
from routing.store.database import url_of
from routing.store.errors import LongMigrationDue, StoreError
from santral.allocator import return_large_blocks
from santral.centre.config import NODE, place_of_store
from santral.centre.last_known_good import REPORTED_MAX, CentreFiles, StartValues
from santral.errors import AddressTaken, AsteriskFailure, BadCentre, SantralError, StoreFailure, UpgradeDue
from santral.node import log_setup
from santral.standby.node_roles import NodeRoles, find_first

log = structlog.get_logger()

EXIT_ERRORS: dict[type[Exception], type[SantralError]] = {
    AuthFailed: AsteriskFailure, LongMigrationDue: UpgradeDue, StoreError: StoreFailure, CannotListen: AddressTaken}
"""Errors of rooms that end a node, with the error that the terminal shows. Its type gives the exit code.

The first type that fits counts.
"""


def run_node(centre: Path, settings: Path | None, state: Path, *, name: str = NODE, log_json: bool = False,
             history: Path | None = None) -> int:
    """Run a node until it is stopped, and return the exit code. Raise SantralError if it cannot work.

    `name` is the node's own name among the nodes of a database. Each act is written into the folder `history`.
    """
    return_large_blocks()
    # 1. Read the files, and make the state folder.
    log_setup.configure_logs(as_json=log_json)
    files = CentreFiles(centre, settings, state)
    begun: StartValues | None = None
    try:
        begun = files.choose_files()
        values = begun[0].settings
    except BadCentre as error:
        # On PostgreSQL another node may lead. This one stands by until its files are good.
        readable = load_centre(centre, settings).settings
        if readable is None or url_of(place_of_store(readable, state)).get_backend_name() == "sqlite":
            raise
        values = readable
        log.error("node.files_refused", problems=str(error).splitlines()[1:REPORTED_MAX + 1])
    for warning in () if begun is None else begun[0].warnings:
        log.warning("centre.warned", warning=str(warning))
    try:
        state.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreFailure(f"the state folder {state} cannot be made: {error.strerror}. Name another with --state, or "
                           "create it for this user") from error
    # 2. Run. Task groups wrap errors, so look for the first one inside.
    try:
        asyncio.run(NodeRoles(files, values, begun, state, name, _open_history(history, name)).serve_until_stopped())
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


def _open_history(folder: Path | None, name: str) -> ActHistory | None:
    try:
        return None if folder is None else ActHistory(folder, name)
    except OSError as error:
        raise StoreFailure(f"the history cannot be written in {folder}: {error.strerror}. Name another folder with "
                           "--history") from error
