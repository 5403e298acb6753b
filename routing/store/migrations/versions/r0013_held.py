"""Since when a caller is on hold: the seconds of a hold outlive the node."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of who is on hold at this moment it is not known: their hold counts up to here."""
    with op.batch_alter_table("offers") as batch:
        batch.add_column(sa.Column("held_since", sa.Double(), comment="on hold since then; null: not"))


def downgrade() -> None:
    """Back. A hold that a restart finds is counted from there."""
    with op.batch_alter_table("offers") as batch:
        batch.drop_column("held_since")
