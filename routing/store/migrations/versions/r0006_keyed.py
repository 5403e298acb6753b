"""What callers keyed in, beside their contacts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The table, empty."""
    op.create_table(
        "keyed",
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False, comment="keyed hash of what was keyed in"),
        sa.Column("box", sa.Text(), nullable=False, comment="the digits encrypted; empty: not kept"),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("contact", "field", name=op.f("pk_keyed")),
    )
    op.create_index("ix_keyed_hash", "keyed", ["hash"], unique=False)
    op.create_index("ix_keyed_at", "keyed", ["at"], unique=False)


def downgrade() -> None:
    """Back: the rows go."""
    op.drop_table("keyed")
