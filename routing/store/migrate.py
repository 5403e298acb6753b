"""Bring the tables of a state to the revision that this code needs, by alembic, without files of the user.

alembic is imported only if there is something to do. After a crash no caller is routed during an import.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, insert, inspect, select, text

from routing.store.errors import StoreUnavailable
from routing.store.schema import JOURNAL_FORMAT, meta

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).with_name("migrations")

HEAD = max(path.stem[1:5] for path in (MIGRATIONS / "versions").glob("r*.py"))
"""Revision of the tables that this code needs: the number in the name of the newest migration."""

TABLE = "alembic_version"


def current_revision(connection: Connection) -> str | None:
    """Return the revision of the tables, or None without tables."""
    if not inspect(connection).has_table(TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {TABLE}")).scalar_one_or_none()  # noqa: S608
    return None if found is None else str(found)


@contextmanager
def without_foreign_keys(connection: Connection) -> Iterator[None]:
    """Switch foreign keys off around the transaction of an upgrade.

    alembic changes a table of SQLite by a copy and drops the old one, to which other rows point. Inside a transaction
    the pragma does nothing (sqlite.org/lang_altertable.html, 7).
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    raw: Any = connection.connection.dbapi_connection
    raw.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        raw.execute("PRAGMA foreign_keys=ON")


def prepare_tables(connection: Connection) -> bool:
    """Make the tables of an empty database, and return whether the tables are of this version.

    Older tables stay as they are, because an older node may work on them. Raise `StoreUnavailable` (`newer`) if a newer
    Santral made the tables or wrote the records.
    """
    now = current_revision(connection)
    if now != HEAD:
        _permit_pause(connection)
    if now is None:
        upgrade_tables(connection)
    elif now != HEAD:
        _require_known(connection, now)
        return False
    # Refuse records that this version cannot decode.
    found = connection.execute(select(meta.c.value).where(meta.c.key == "journal_format")).scalar_one_or_none()
    if found is None:
        connection.execute(insert(meta), {"key": "journal_format", "value": JOURNAL_FORMAT})
    elif found != JOURNAL_FORMAT:
        raise StoreUnavailable("newer", f"the records have format {found}, this version reads {JOURNAL_FORMAT}. Run "
                                        "the version that wrote them")
    return True


def upgrade_tables(connection: Connection) -> None:
    """Bring the tables to `HEAD` inside the caller's transaction.

    With rows in the tables, `without_foreign_keys` must surround that transaction, and the caller must hold the lease:
    an older node could not start any more. Raise `StoreUnavailable` (`newer`) if a newer Santral made the tables.
    """
    now = current_revision(connection)
    if now == HEAD:
        return
    # alembic is slow to import, and most starts do not need it.
    from alembic import command
    if now is not None:
        _require_known(connection, now)
    command.upgrade(alembic_config(connection), HEAD)
    # Foreign keys were off, so rows without their target are found here.
    if connection.dialect.name == "sqlite" and connection.execute(text("PRAGMA foreign_key_check")).first() is not None:
        raise StoreUnavailable("broken", f"the tables could not be brought from {now} to {HEAD}: rows would point to "
                                         "nothing. Nothing was changed. Run the version that wrote them, and please "
                                         "report it")


def _permit_pause(connection: Connection) -> None:
    """Let the transaction pause: alembic takes seconds to import on a busy machine, and has no statement meanwhile."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))


def _require_known(connection: Connection, revision: str) -> None:
    from alembic.script import ScriptDirectory
    known = {script.revision for script in ScriptDirectory.from_config(alembic_config(connection)).walk_revisions()}
    if revision not in known:
        raise StoreUnavailable("newer", f"the state was written by a newer Santral (tables at {revision}, this one "
                                        f"knows up to {HEAD}). Run that version, or give this one another state")


def downgrade_tables(connection: Connection, target: str) -> None:
    """Bring the tables back to an older revision (`base`: no tables), inside the caller's transaction."""
    from alembic import command
    command.downgrade(alembic_config(connection), target)


def alembic_config(connection: Connection) -> Config:
    """Return alembic's configuration, made in memory. `migrations/env.py` takes the connection from it."""
    from alembic.config import Config
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
