"""Callers of whom an agent has said that they were abusive."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """It was said of nobody yet."""
    # Not by a copy of the table, which alembic would make for the default: a year of calls is copied for minutes.
    with op.batch_alter_table("contacts", recreate="never") as batch:
        batch.add_column(sa.Column("abusive", sa.Boolean(), nullable=False, server_default=sa.false(),
                                   comment="an agent has said that the caller was abusive"))
    op.create_index("ix_contacts_abusive", "contacts", ["caller_hash"], sqlite_where=sa.text("abusive"),
                    postgresql_where=sa.text("abusive"))


def downgrade() -> None:
    """Back. Nobody is remembered."""
    op.drop_index("ix_contacts_abusive", table_name="contacts")
    with op.batch_alter_table("contacts") as batch:
        batch.drop_column("abusive")
