"""What a caller has chosen to hear, for who is called back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Everybody heard the first language."""
    with op.batch_alter_table("contacts") as batch:
        batch.add_column(sa.Column("language", sa.Text(), nullable=False, server_default="",
                                   comment="what the caller hears; empty: the first language"))


def downgrade() -> None:
    """Back. Who is called back hears the first language."""
    with op.batch_alter_table("contacts") as batch:
        batch.drop_column("language")
