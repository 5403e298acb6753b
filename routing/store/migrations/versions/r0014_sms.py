"""Short messages that callers have asked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The table, empty."""
    op.create_table(
        "sms",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("leaf", sa.Text(), nullable=False, comment="node of the menu whose twin in writing it is"),
        sa.Column("caller", sa.Text(), nullable=False, comment="keyed hash of the number"),
        sa.Column("box", sa.Text(), nullable=False, comment="the number encrypted; empty when it is over"),
        sa.Column("text", sa.Text(), nullable=False, comment="empty when it is over"),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.Column("next_at", sa.Double(), nullable=False, comment="when it is sent, or tried again"),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sms")),
        sa.CheckConstraint("state IN ('waiting', 'sending', 'sent', 'failed', 'expired')",
                           name=op.f("ck_sms_state_known")),
    )
    op.create_index(
        "ix_sms_live", "sms", ["id"], unique=False,
        sqlite_where=sa.text("state IN ('waiting', 'sending')"),
        postgresql_where=sa.text("state IN ('waiting', 'sending')"),
    )
    op.create_index("ix_sms_caller", "sms", ["caller"], unique=False)
    op.create_index("ix_sms_contact", "sms", ["contact"], unique=False)
    op.create_index("ix_sms_asked_at", "sms", ["asked_at"], unique=False)


def downgrade() -> None:
    """Back: the rows go, and what waits is not sent."""
    op.drop_table("sms")
