"""On SQLite what numbers a row is the row's own place.

That is so for a key of the type INTEGER alone (sqlite.org/lang_createtable.html, 5); one of BIGINT has an index beside
the table, and a turn that adds an offer, to the journal and to the facts wrote a page of each of the three.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_KEYS = {"offers": "offer", "journal": "seq", "facts": "seq", "announcements": "id", "sms": "id"}


def upgrade() -> None:
    """The same rows, each table copied once."""
    _change(sa.BigInteger(), sa.Integer())


def downgrade() -> None:
    """Back, by a copy too."""
    _change(sa.Integer(), sa.BigInteger())


def _change(before: sa.BigInteger | sa.Integer, after: sa.BigInteger | sa.Integer) -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    for table, key in _KEYS.items():
        with op.batch_alter_table(table) as batch:
            batch.alter_column(key, existing_type=before, type_=after, existing_nullable=False)
