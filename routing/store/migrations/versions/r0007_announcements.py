"""Announcements: what was said to callers at once, who switched it on and off, and when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The table, empty."""
    op.create_table(
        "announcements",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("service", sa.Text(), nullable=False, comment="empty: everybody"),
        sa.Column("prompt", sa.Text(), nullable=False, comment="key of the catalogue; empty: text or recording"),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("recording", sa.Text(), nullable=False, comment="name of the file it was made from"),
        sa.Column("closes", sa.Boolean(), nullable=False, comment="the line or the service is closed meanwhile"),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("until", sa.Double(), nullable=True, comment="null: until it is switched off"),
        sa.Column("by", sa.Text(), nullable=False, comment="who switched it on"),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcements")),
    )


def downgrade() -> None:
    """Back."""
    op.drop_table("announcements")
