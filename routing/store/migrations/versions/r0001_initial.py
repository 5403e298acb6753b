"""Make the tables of the first version.

Nothing is released, so the tables are made as `routing.store.schema` declares them. The first migration after a release
writes the tables of that release out here.
"""

from __future__ import annotations

from pathlib import Path

from alembic import op

from routing.store.schema import metadata

revision = Path(__file__).stem[1:5]
down_revision = None
branch_labels = None
depends_on = None
FITS = revision
"""The oldest code that works on these tables (`routing.store.migrate`)."""


def upgrade() -> None:
    """Make all tables."""
    metadata.create_all(op.get_bind())


def downgrade() -> None:
    """Drop all tables."""
    metadata.drop_all(op.get_bind())
