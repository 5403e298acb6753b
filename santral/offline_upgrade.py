"""Bring the tables of a state up to date while no node works on it, however long that takes."""

from __future__ import annotations

import shutil
from pathlib import Path

from sqlalchemy import Connection

from routing.store.database import WritingConnection, check_server, describe_url, url_of
from routing.store.errors import StoreUnavailable
from routing.store.lease.lease_row import require_free
from routing.store.lease.process_holder import this_process
from routing.store.migrate import UpgradeEstimate, current_revision, estimate_upgrade, upgrade_tables
from routing.store.migrations.long_migration import ProgressReport


def upgrade_offline(where: str | Path, report: ProgressReport) -> UpgradeEstimate:
    """Bring the tables to the newest revision in one transaction, and return the estimate of before.

    The row of the lease is locked meanwhile, so no node leads. Raise `StoreError` if a node works on the state, or if
    there is no room. After an error or Ctrl-C nothing is changed.
    """
    url = url_of(where)
    writing = WritingConnection(url)

    def upgrade_rows(connection: Connection) -> UpgradeEstimate:
        if connection.dialect.name == "postgresql":
            check_server(connection, describe_url(url))
        estimate = estimate_upgrade(connection)
        # A state without tables has no lease either.
        if current_revision(connection) is not None:
            require_free(connection, this_process())
        if connection.dialect.name == "sqlite" and estimate.tables:
            _require_room(Path(str(url.database)).parent, estimate)
        upgrade_tables(connection, report)
        return estimate

    try:
        writing.open_connection()
        return writing.run_upgrade(upgrade_rows)
    finally:
        writing.close_connection()


def _require_room(folder: Path, estimate: UpgradeEstimate) -> None:
    free = shutil.disk_usage(folder).free
    if free < estimate.room:
        raise StoreUnavailable("full", f"{estimate}. {folder} has {free / 1e6:,.0f} MB free. Nothing was changed: make "
                                       "room")
