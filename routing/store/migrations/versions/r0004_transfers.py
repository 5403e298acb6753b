"""Transfers: since when a caller waits who was sent on. Nobody was before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One column, empty."""
    with op.batch_alter_table("contacts") as batch:
        batch.add_column(sa.Column("handed_at", sa.Double(), nullable=True,
                                   comment="when an agent sent the caller on: the present wait counts from it"))


def downgrade() -> None:
    """Back: the wait of those who were sent on counts from the beginning."""
    with op.batch_alter_table("contacts") as batch:
        batch.drop_column("handed_at")
