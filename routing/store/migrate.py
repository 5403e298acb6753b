"""Brings the tables of a state to what this code needs, by alembic, without any file of the user's.

alembic itself is imported only when there is something to do: after a crash each import is time in which nobody is
routed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, inspect, text

from routing.store.errors import StoreUnavailable

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).with_name("migrations")

HEAD = max(path.stem[1:5] for path in (MIGRATIONS / "versions").glob("r*.py"))
"""Revision of the tables that this code needs: the number in the name of the newest migration."""

TABLE = "alembic_version"


def revision(connection: Connection) -> str | None:
    """What the tables are at now; None: there are none yet."""
    if not inspect(connection).has_table(TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {TABLE}")).scalar_one_or_none()  # noqa: S608
    return None if found is None else str(found)


@contextmanager
def unreferenced(connection: Connection) -> Iterator[None]:
    """Around the transaction of an `upgrade`. alembic changes a table of SQLite by a copy and drops the old one, to
    which rows of others point; inside a transaction the pragma does nothing (sqlite.org/lang_altertable.html, 7)."""
    if connection.dialect.name != "sqlite":
        yield
        return
    raw: Any = connection.connection.dbapi_connection
    raw.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        raw.execute("PRAGMA foreign_keys=ON")


def upgrade(connection: Connection, target: str = HEAD) -> None:
    """Bring the tables to `target`, inside the caller's transaction (`unreferenced` when there may be rows). Raises
    `StoreUnavailable` (`newer`) when they were made by a newer Santral."""
    now = revision(connection)
    if now == target:
        return
    from alembic import command
    from alembic.script import ScriptDirectory
    config = settings(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if now is not None and now not in known:
        raise StoreUnavailable("newer", f"the state was written by a newer Santral (tables at {now}, this one knows up "
                                        f"to {HEAD}). Run that version, or give this one a state of its own")
    command.upgrade(config, target)
    if connection.dialect.name == "sqlite" and connection.execute(text("PRAGMA foreign_key_check")).first() is not None:
        raise StoreUnavailable("broken", f"the tables could not be brought from {now} to {target}: rows would point to "
                                         "nothing. Nothing was changed. Run the version that wrote them, and please "
                                         "report it")


def downgrade(connection: Connection, target: str) -> None:
    """Back to an older revision (`base`: no tables), inside the caller's transaction."""
    from alembic import command
    command.downgrade(settings(connection), target)


def settings(connection: Connection) -> Config:
    """alembic's configuration, made in memory; `migrations/env.py` takes the connection out of it."""
    from alembic.config import Config
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
