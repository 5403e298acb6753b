"""A newer Santral with one more migration, which works on each row of the journal."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from routing.store import migrate
from routing.store.database import url_of

OLD, NEW = migrate.HEAD, "9001"

PLANTED = '''
"""Double each number of the journal."""
from alembic import op
from sqlalchemy import Column, Integer, text
from routing.store.migrations.long_migration import LongMigration
revision, down_revision, branch_labels, depends_on = "{new}", "{old}", None, None
LONG = LongMigration("journal", "seq", rows_per_s={rate})
def upgrade():
    op.add_column("journal", Column("planted", Integer))
    for first, last in LONG.split_rows(op.get_bind()):
        if last > {broken}:
            raise RuntimeError("the planted fault")
        op.get_bind().execute(text("UPDATE journal SET planted = 2 * seq WHERE seq BETWEEN :first AND :last"),
                              {{"first": first, "last": last}})
def downgrade(): op.drop_column("journal", "planted")
'''


def plant(monkeypatch: pytest.MonkeyPatch, folder: Path, *, rate: float, broken: int = 10**9) -> None:
    """Become the newer Santral until the test ends. The migration fails at the row `broken`."""
    shutil.copytree(migrate.MIGRATIONS, folder / "migrations")
    (folder / "migrations" / "versions" / f"r{NEW}_planted.py").write_text(
        PLANTED.format(old=OLD, new=NEW, rate=rate, broken=broken), encoding="utf-8")
    monkeypatch.setattr(migrate, "MIGRATIONS", folder / "migrations")
    monkeypatch.setattr(migrate, "HEAD", NEW)


def fill_journal(where: Path | str, rows: int) -> None:
    """Give a store of the older Santral a journal of this length."""
    engine = create_engine(url_of(where))
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO journal (seq, at, kind, body, personal) VALUES (:seq, 0, 1, '', false)"),
                           [{"seq": seq} for seq in range(1, rows + 1)])
    engine.dispose()


def read_planted(where: Path | str) -> tuple[str, int]:
    """Return the revision of a store, and the sum of what the migration wrote (0 without its column)."""
    engine = create_engine(url_of(where))
    with engine.connect() as connection:
        revision = str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())
        total = 0 if revision == OLD else connection.execute(text("SELECT sum(planted) FROM journal")).scalar_one()
    engine.dispose()
    return revision, int(total or 0)
