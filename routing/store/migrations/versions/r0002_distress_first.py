"""Let further phones ring for a caller in distress, and add what callers, agents and supervisors were promised."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = Path(__file__).stem[1:5]
down_revision = "0001"
branch_labels = None
depends_on = None
FITS = revision
"""The oldest code that works on these tables (`routing.store.migrate`): older code does not know the new states."""
TABLES = "da36090b37e59a84"
"""Fingerprint of the tables after this migration (`routing.store.migrations.table_shape`)."""

OUTCOMES = ("answered", "abandoned", "abandoned_short", "fallback", "left", "pbx_failure", "callback_failed")
OFFERS = ("accepted", "consulting", "rejected", "timeout", "canceled", "rescinded", "wrapping", "completed")
WIDER: dict[tuple[str, str], tuple[str, ...]] = {
    ("contacts", "outcome"): (*OUTCOMES, "turned_away"),
    ("offers", "state"): ("pending", "beside", *OFFERS),
}
"""Words that a column admits from now on, by table and column."""

NARROWER: dict[tuple[str, str], tuple[str, ...]] = {
    ("contacts", "outcome"): OUTCOMES,
    ("offers", "state"): ("pending", *OFFERS),
}
"""Words that the same columns admitted before."""

TIMES = (("contacts", "words_until"), ("offers", "rings_at"))
"""New columns: the end of the first words of a caller, and the time at which a phone is told to ring."""

SLOT = "ux_offers_live_slot"
"""The index by which an agent has one offer in each slot. A phone that rings next to another one fills it too."""


def upgrade() -> None:
    """Change the tables."""
    for table, column in TIMES:
        op.add_column(table, sa.Column(column, sa.Double(), nullable=False, server_default="0"))
    op.drop_index(SLOT, table_name="offers")
    for (table, column), words in WIDER.items():
        admit_words(table, column, words)
    index_slots("pending", "accepted", "beside", "consulting", "wrapping")


def downgrade() -> None:
    """Change the tables back. A row with a newer word refuses."""
    for table, column in TIMES:
        with op.batch_alter_table(table) as batch:
            batch.drop_column(column)
    op.drop_index(SLOT, table_name="offers")
    for (table, column), words in NARROWER.items():
        admit_words(table, column, words)
    index_slots("pending", "accepted", "consulting", "wrapping")


def index_slots(*states: str) -> None:
    """Make the index of the slots for offers in these states."""
    where = sa.text(f"state IN ({', '.join(repr(one) for one in states)})")
    op.create_index(SLOT, "offers", ["agent", "channel", "slot"], unique=True, sqlite_where=where,
                    postgresql_where=where)


def admit_words(table: str, column: str, words: tuple[str, ...]) -> None:
    """Replace the check that names the words of a column. SQLite copies the table for it."""
    listed = ", ".join(repr(word) for word in words)
    with op.batch_alter_table(table) as batch:
        batch.drop_constraint(op.f(f"ck_{table}_{column}_known"), type_="check")
        batch.create_check_constraint(op.f(f"ck_{table}_{column}_known"), f"{column} IN ({listed})")
