"""Recordings: what is kept of talks and spoken messages, and until when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The table, empty."""
    op.create_table(
        "recordings",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=True, comment="who talked, of a call"),
        sa.Column("at", sa.Double(), nullable=False, comment="its beginning"),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("keep_until", sa.Double(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False, comment="name of the plain file it was made from"),
        sa.Column("key_id", sa.Text(), nullable=False, comment="key of the key file that opens key_box"),
        sa.Column("key_box", sa.Text(), nullable=False, comment="the sealed key of its file: gone with the row"),
        sa.CheckConstraint("kind IN ('call', 'message', 'survey')", name=op.f("ck_recordings_kind_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recordings")),
    )
    op.create_index("ux_recordings_source", "recordings", ["source"], unique=True)
    op.create_index("ix_recordings_contact", "recordings", ["contact"], unique=False)
    op.create_index("ix_recordings_at", "recordings", ["at"], unique=False)
    op.create_index("ix_recordings_keep_until", "recordings", ["keep_until"], unique=False)


def downgrade() -> None:
    """Back: the rows go, and with them the keys of the files."""
    op.drop_table("recordings")
