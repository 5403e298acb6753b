"""Callers who are called back at a number they gave, in quiet hours or not; and which of them is being dialled."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

COLUMNS = ("anytime", "callback_hash", "callback_box")


def upgrade() -> None:
    """New columns."""
    with op.batch_alter_table("contacts") as batch:
        batch.add_column(sa.Column("anytime", sa.Boolean(), nullable=False, server_default=sa.false(),
                                   comment="of a callback: in quiet hours too"))
        batch.add_column(sa.Column("callback_hash", sa.Text(), nullable=False, server_default="",
                                   comment="of another number than the caller's"))
        batch.add_column(sa.Column("callback_box", sa.Text(), nullable=False, server_default=""))
    with op.batch_alter_table("offers") as batch:
        batch.add_column(sa.Column("dialled_at", sa.Double(), nullable=True, comment="when the caller was called back"))


def downgrade() -> None:
    """Back. Who gave another number is called at their own."""
    with op.batch_alter_table("offers") as batch:
        batch.drop_column("dialled_at")
    with op.batch_alter_table("contacts") as batch:
        for name in reversed(COLUMNS):
            batch.drop_column(name)
