"""What callers wish for their later calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The table, empty."""
    op.create_table(
        "wishes",
        sa.Column("caller_hash", sa.Text(), nullable=False, comment="keyed hash of the number"),
        sa.Column("slow", sa.Boolean(), nullable=False, comment="slow speech from the beginning"),
        sa.Column("human_first", sa.Boolean(), nullable=False, comment="a person at once"),
        sa.Column("day", sa.Integer(), nullable=False, comment="of the last call, in days since 1970: no closer"),
        sa.PrimaryKeyConstraint("caller_hash", name=op.f("pk_wishes")),
    )
    op.create_index("ix_wishes_day", "wishes", ["day"], unique=False)


def downgrade() -> None:
    """Back: the rows go."""
    op.drop_table("wishes")
