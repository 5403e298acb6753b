"""Callers who have agreed to be called back should their call be lost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody has agreed yet."""
    with op.batch_alter_table("contacts") as batch:
        batch.add_column(sa.Column("follow_up", sa.Boolean(), nullable=False, server_default=sa.false(),
                                   comment="the caller wants to be called back should the call be lost"))


def downgrade() -> None:
    """Back. Calls that are lost are not followed up."""
    with op.batch_alter_table("contacts") as batch:
        batch.drop_column("follow_up")
