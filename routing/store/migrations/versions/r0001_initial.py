"""Make the tables of the first version, as its statements declare them. This migration never changes."""

from __future__ import annotations

from pathlib import Path

from alembic import op
from sqlalchemy import inspect

revision = Path(__file__).stem[1:5]
down_revision = None
branch_labels = None
depends_on = None
FITS = revision
"""The oldest code that works on these tables (`routing.store.migrate`)."""
TABLES = "0c09c9b74a23136c"
"""Fingerprint of the tables after this migration (`routing.store.migrations.table_shape`)."""


def upgrade() -> None:
    """Make all tables."""
    connection = op.get_bind()
    for statement in read_statements(connection.dialect.name):
        connection.exec_driver_sql(statement)


def downgrade() -> None:
    """Drop all tables, those that point to others first."""
    connection = op.get_bind()
    made = set(inspect(connection).get_table_names())
    tables = [statement.split()[2] for statement in read_statements(connection.dialect.name)
              if statement.startswith("CREATE TABLE")]
    for table in reversed(tables):
        if table in made:
            op.drop_table(table)


def read_statements(dialect: str) -> list[str]:
    """Return the statements that make the tables on a database, in their order."""
    written = Path(__file__).with_name(f"r{revision}_{dialect}.sql").read_text(encoding="utf-8")
    return [statement.strip() for statement in written.split(";\n")[:-1]]
