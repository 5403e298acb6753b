"""Bring the tables of a state to the revision that this code needs, by alembic, without files of the user.

alembic is imported only if there is something to do. After a crash no caller is routed during an import.

A long migration (`LONG` in its file) runs offline only, by `santral store upgrade`. Callers would wait for a start that
runs one.

Tables grow first and shrink a release later, so nodes of two releases work on the same tables, and one step back needs
no restore. A migration declares by `FITS` the oldest code that still works on the tables after it, which is the newest
migration of the release before. Without `FITS` no older code works on them. The tables keep the youngest of these, so
that code which does not know a migration can ask.

The tables also keep their revision with a fingerprint (`routing.store.migrations.table_shape`). A migration declares by
`TABLES` which one follows it. Tables that were changed between two releases have another one, and are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, insert, inspect, select, text, update

from routing.store.errors import LongMigrationDue, StoreUnavailable
from routing.store.migrations.long_migration import PROGRESS, ProgressReport
from routing.store.migrations.table_shape import declared_shape, describe_difference, fingerprint_of, read_shape
from routing.store.schema import JOURNAL_FORMAT, meta, metadata

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).with_name("migrations")

HEAD = max(path.stem[1:5] for path in (MIGRATIONS / "versions").glob("r*.py"))
"""Revision of the tables that this code needs: the number in the name of the newest migration."""

TABLE = "alembic_version"

OLDEST_CODE = "oldest_code"
"""Name of the row in `meta` with two numbers: a revision of the tables, and the oldest code that works on it, which is
named by its newest migration."""

FINGERPRINT = fingerprint_of(declared_shape(metadata))
"""Fingerprint of the tables that this code needs."""

TABLES = "tables"
"""Name of the row in `meta` with a revision of the tables and their fingerprint."""

UNDECLARED = "undeclared"
"""Fingerprint of a migration that declares none."""

WAY_BACK = ("Install the version that wrote it, or restore the backup of before its upgrade: santral restore (of a "
            "PostgreSQL server: by its own tools)")

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
    """Make the tables of an empty database, and return whether this version works on the tables as they are.

    Older tables stay as they are, because an older node may work on them. Raise `StoreUnavailable` (`newer`) if the
    tables or the records are of a Santral that is newer by more than one release, and (`unknown`) if no release made
    such tables.
    """
    now = current_revision(connection)
    if now != HEAD:
        _permit_pause(connection)
    if now is None:
        upgrade_tables(connection)
    elif now == HEAD or not _are_newer(connection, now):
        require_known_tables(connection)
        if now != HEAD:
            return False
        if _read_meta(connection, TABLES) is None:
            _write_meta(connection, TABLES, f"{HEAD} {FINGERPRINT}")
    # Refuse records that this version cannot decode.
    found = _read_meta(connection, "journal_format")
    if found is None:
        connection.execute(insert(meta), {"key": "journal_format", "value": JOURNAL_FORMAT})
    elif found != JOURNAL_FORMAT:
        raise StoreUnavailable("newer", f"the records have format {found}, this version reads {JOURNAL_FORMAT}. "
                                        f"{WAY_BACK}")
    return True


def upgrade_tables(connection: Connection, offline: ProgressReport | None = None) -> None:
    """Bring the tables to `HEAD` inside the caller's transaction.

    With rows in the tables, `without_foreign_keys` must surround that transaction, and the caller must hold the lease:
    a much older node could not start any more. Newer tables on which this version works stay as they are. Raise
    `StoreUnavailable` (`newer`, `unknown`) for other ones, and `LongMigrationDue` if callers would wait for the
    upgrade. With `offline`, which hears the progress, nobody waits.
    """
    now = current_revision(connection)
    if now is not None:
        if _are_newer(connection, now):
            return
        require_known_tables(connection)
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
    # 4. Older code asks the tables, because it does not know their migrations.
    note_oldest_code(connection)


def bring_up_to_date(connection: Connection) -> None:
    """Bring older tables to this version and check their records (`upgrade_tables`, `prepare_tables`)."""
    upgrade_tables(connection)
    prepare_tables(connection)


def _permit_pause(connection: Connection) -> None:
    """Let the transaction pause: alembic takes seconds to import on a busy machine, and has no statement meanwhile."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))


def estimate_upgrade(connection: Connection) -> UpgradeEstimate:
    """Return the size of the long migrations between the tables and `HEAD`, or of none on newer tables that fit.

    Raise `StoreUnavailable` where a start would: the tables are of a Santral that is newer by more than one release
    (`newer`), or no release has made them (`unknown`).
    """
    now = current_revision(connection)
    if now is None:
        return UpgradeEstimate(HEAD, (), 0, 0.0, 0)
    _permit_pause(connection)
    if _are_newer(connection, now):
        return UpgradeEstimate(now, (), 0, 0.0, 0)
    require_known_tables(connection)
    if now == HEAD:
        return UpgradeEstimate(HEAD, (), 0, 0.0, 0)
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


def oldest_code(connection: Connection) -> str | None:
    """Return the oldest code that works on the tables, as the number of its newest migration, or None without tables.
    """
    now = current_revision(connection)
    if now is None:
        return None
    revision, _, oldest = str(_read_meta(connection, OLDEST_CODE)).partition(" ")
    return oldest if revision == now else now


def fits_code(connection: Connection, revision: str) -> bool:
    """Return whether this version works on tables of a revision: it is its own one, or newer by one release."""
    # A package replaces files while the old node still runs, so the folder of migrations is not asked.
    return revision == HEAD or (revision > HEAD and str(oldest_code(connection)) <= HEAD)


def note_oldest_code(connection: Connection) -> None:
    """Write down the oldest code that works on tables of `HEAD`, and the fingerprint of these tables."""
    from alembic.script import ScriptDirectory
    scripts = ScriptDirectory.from_config(alembic_config(connection)).walk_revisions()
    oldest = max(getattr(script.module, "FITS", script.revision) for script in scripts)
    _write_meta(connection, OLDEST_CODE, f"{HEAD} {oldest}")
    _write_meta(connection, TABLES, f"{HEAD} {FINGERPRINT}")


def require_known_tables(connection: Connection) -> None:
    """Raise `StoreUnavailable` (`unknown`) if no release has made the tables, which have this revision or an older one.
    """
    now = str(current_revision(connection))
    wanted = FINGERPRINT if now == HEAD else _declared_by_migration(now)
    revision, _, found = str(_read_meta(connection, TABLES)).partition(" ")
    if revision != now:
        # Versions before the first release kept none.
        found = fingerprint_of(read_shape(connection, metadata.tables))
    if wanted not in (UNDECLARED, found):
        told = describe_difference(read_shape(connection, metadata.tables), declared_shape(metadata)) \
            if now == HEAD else "with other columns than that revision has"
        raise _refuse_unknown(now, told)


def _declared_by_migration(revision: str) -> str:
    """Return the fingerprint that a migration declares, or `UNDECLARED`. Raise `StoreUnavailable` if there is none."""
    # alembic would take long to import, and each start on older tables asks.
    for path in (MIGRATIONS / "versions").glob(f"r{revision}_*.py"):
        declared = re.search(r'^TABLES = "(\w+)"', path.read_text(encoding="utf-8"), re.MULTILINE)
        return declared[1] if declared else UNDECLARED
    raise _refuse_unknown(revision, "which this version does not know")


def _refuse_unknown(revision: str, told: str) -> StoreUnavailable:
    return StoreUnavailable("unknown", f"no release has made these tables: revision {revision}, {told or 'changed'}. A "
                                       "version from between two releases wrote this state, and no upgrade begins "
                                       f"there. Nothing was changed. {WAY_BACK}")


def _read_meta(connection: Connection, key: str) -> str | None:
    if not inspect(connection).has_table(meta.name):
        return None
    return connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar_one_or_none()


def _write_meta(connection: Connection, key: str, value: str) -> None:
    if not connection.execute(update(meta).where(meta.c.key == key).values(value=value)).rowcount:
        connection.execute(insert(meta), {"key": key, "value": value})


def _are_newer(connection: Connection, revision: str) -> bool:
    """Return whether tables are newer than this version, which works on them. Raise `StoreUnavailable` if it does not.
    """
    if revision <= HEAD:
        return False
    if not fits_code(connection, revision):
        if _read_meta(connection, TABLES) is None:
            raise _refuse_unknown(revision, "which this version does not know")
        raise StoreUnavailable("newer", f"the state was written by a newer Santral (its tables at {revision} need code "
                                        f"of {oldest_code(connection)} or later, this one is of {HEAD}). {WAY_BACK}")
    return True


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
