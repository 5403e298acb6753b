"""A wrap-up that was asked for within the talk outlives the node."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of talks at this moment it is not known: who has asked asks again."""
    # Not by a copy of the table, which alembic would make for the default: a year of calls is copied for minutes.
    with op.batch_alter_table("offers", recreate="never") as batch:
        batch.add_column(sa.Column("wrapup_asked", sa.Boolean(), nullable=False, server_default=sa.false(),
                                   comment="the agent wants a wrap-up after this talk"))


def downgrade() -> None:
    """Back. A wrap-up that was asked for is lost with the node."""
    with op.batch_alter_table("offers") as batch:
        batch.drop_column("wrapup_asked")
