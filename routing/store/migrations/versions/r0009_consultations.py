"""Consultations: one more state of an offer, in which it fills a slot of its agent. No offer was in it before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

STATES = ("pending", "accepted", "rejected", "timeout", "canceled", "rescinded", "wrapping", "completed")
WITH_AGENT = ("pending", "accepted", "wrapping")


def _words(words: tuple[str, ...]) -> str:
    return f"state IN ({', '.join(repr(one) for one in words)})"


def _states(states: tuple[str, ...], with_agent: tuple[str, ...]) -> None:
    """The check of `state`, and the index of what fills a slot, with these words."""
    op.drop_index("ux_offers_live_slot", "offers")
    with op.batch_alter_table("offers") as batch:
        batch.drop_constraint(op.f("ck_offers_state_known"), type_="check")
        batch.create_check_constraint(op.f("ck_offers_state_known"), sa.text(_words(states)))
    op.create_index("ux_offers_live_slot", "offers", ["agent", "channel", "slot"], unique=True,
                    sqlite_where=sa.text(_words(with_agent)), postgresql_where=sa.text(_words(with_agent)))


def upgrade() -> None:
    """One more word."""
    _states((*STATES[:2], "consulting", *STATES[2:]), (*WITH_AGENT[:2], "consulting", WITH_AGENT[2]))


def downgrade() -> None:
    """Back. Who asks somebody else has sent the caller on."""
    op.execute(sa.text("UPDATE offers SET state = 'completed', reason = 'transfer' WHERE state = 'consulting'"))
    _states(STATES, WITH_AGENT)
