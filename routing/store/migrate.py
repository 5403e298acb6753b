"""Bring the tables of a state to the revision that this code needs, by alembic, without files of the user.

alembic is imported only if there is something to do. After a crash no caller is routed during an import.

A long migration (`LONG` in its file) runs offline only, by `santral store upgrade`. Callers would wait for a start that
runs one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, insert, inspect, select, text

from routing.store.errors import LongMigrationDue, StoreUnavailable
from routing.store.migrations.long_migration import PROGRESS, ProgressReport
from routing.store.schema import JOURNAL_FORMAT, meta

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).with_name("migrations")

HEAD = max(path.stem[1:5] for path in (MIGRATIONS / "versions").glob("r*.py"))
"""Revision of the tables that this code needs: the number in the name of the newest migration."""

TABLE = "alembic_version"

START_MAX_S = 3.0
"""Longest time that all long migrations of a start may take together by their estimate.

A caller notices nothing: the outage sentence takes as long. A small centre never needs the offline command.
"""

ROOM = 3.0
"""Free room that long migrations need in SQLite, as a multiple of the store.

The log holds the new rows and the overwritten old ones until the end, and the file grows by the new ones. A copy of a
table took 2.9 times a store of 74 MB, an update of each row 0.9 times.
"""


class UpgradeEstimate(NamedTuple):
    """Size of the long migrations that a state needs."""

    revision: str
    """Revision that the tables will have."""
    tables: tuple[str, ...]
    """Tables whose rows are worked on."""
    rows: int
    seconds: float
    room: int
    """Bytes that must be free next to a SQLite file. A server of PostgreSQL needs no more."""

    @property
    def is_long(self) -> bool:
        """Return whether callers would notice a start that does this."""
        return self.seconds > START_MAX_S

    def __str__(self) -> str:
        minutes = max(1, -int(-self.seconds // 60))
        return (f"the tables go to revision {self.revision}: {self.rows:,} rows of {', '.join(self.tables)}, about "
                f"{minutes} minute{'s' if minutes > 1 else ''}, and up to {self.room / 1e6:,.0f} MB of free room")


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


def upgrade_tables(connection: Connection, offline: ProgressReport | None = None) -> None:
    """Bring the tables to `HEAD` inside the caller's transaction.

    With rows in the tables, `without_foreign_keys` must surround that transaction, and the caller must hold the lease:
    an older node could not start any more. Raise `StoreUnavailable` (`newer`) if a newer Santral made the tables, and
    `LongMigrationDue` if callers would wait for the upgrade. With `offline`, which hears the progress, nobody waits.
    """
    now = current_revision(connection)
    if now == HEAD:
        return
    # 1. Refuse what callers would wait for.
    estimate = estimate_upgrade(connection)
    if offline is not None:
        connection.info[PROGRESS] = offline
    elif estimate.is_long:
        raise LongMigrationDue(str(estimate))
    # 2. alembic is slow to import, and most starts do not need it.
    from alembic import command
    command.upgrade(alembic_config(connection), HEAD)
    # 3. Foreign keys were off, so rows without their target are found here.
    if connection.dialect.name == "sqlite" and connection.execute(text("PRAGMA foreign_key_check")).first() is not None:
        raise StoreUnavailable("broken", f"the tables could not be brought from {now} to {HEAD}: rows would point to "
                                         "nothing. Nothing was changed. Run the version that wrote them, and please "
                                         "report it")


def bring_up_to_date(connection: Connection) -> None:
    """Bring older tables to this version and check their records (`upgrade_tables`, `prepare_tables`)."""
    upgrade_tables(connection)
    prepare_tables(connection)


def _permit_pause(connection: Connection) -> None:
    """Let the transaction pause: alembic takes seconds to import on a busy machine, and has no statement meanwhile."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))


def estimate_upgrade(connection: Connection) -> UpgradeEstimate:
    """Return the size of the long migrations between the tables and `HEAD`.

    Raise `StoreUnavailable` (`newer`) if a newer Santral made the tables.
    """
    now = current_revision(connection)
    if now in (None, HEAD):
        return UpgradeEstimate(HEAD, (), 0, 0.0, 0)
    _permit_pause(connection)
    _require_known(connection, str(now))
    from alembic.script import ScriptDirectory
    scripts = ScriptDirectory.from_config(alembic_config(connection)).iterate_revisions(HEAD, now)
    steps = [script.module.LONG for script in scripts if hasattr(script.module, "LONG")]
    rows = [step.count_rows(connection) for step in steps]
    size = connection.execute(text(
        "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        if connection.dialect.name == "sqlite" else "SELECT pg_database_size(current_database())")).scalar_one()
    return UpgradeEstimate(HEAD, tuple(sorted({step.table for step in steps})), sum(rows),
                           sum(many / step.rows_per_s for step, many in zip(steps, rows, strict=True)),
                           int(size * ROOM))


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
