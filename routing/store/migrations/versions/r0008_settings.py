"""The settings in force at a time are found at once, however long ago a node was started."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SETTINGS = sa.text("kind IN ('Started', 'Configured')")


def upgrade() -> None:
    """An index of the few entries that hold settings."""
    op.create_index("ix_journal_settings", "journal", ["seq"], unique=False, sqlite_where=SETTINGS,
                    postgresql_where=SETTINGS)


def downgrade() -> None:
    """Back: the entries stay."""
    op.drop_index("ix_journal_settings", table_name="journal")
