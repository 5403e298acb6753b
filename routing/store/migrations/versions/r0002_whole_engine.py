"""Rows for the whole routing engine: steps, services and callbacks of a contact, pairs, burdens of agents.

Rows that are there get what was true for them: the first step, no callback, nothing known of a burden.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OUTCOMES = ("answered", "abandoned", "abandoned_short", "overflow", "left", "pbx_failure")


def _outcomes(batch: object, outcomes: tuple[str, ...]) -> None:
    """The check of `outcome`, with these words."""
    words = ", ".join(f"'{one}'" for one in outcomes)
    batch.drop_constraint(op.f("ck_contacts_outcome_known"), type_="check")  # type: ignore[attr-defined]
    batch.create_check_constraint(  # type: ignore[attr-defined]
        op.f("ck_contacts_outcome_known"), sa.text(f"outcome IN ({words})"))


def upgrade() -> None:
    """New columns, and one more way for a contact to end."""
    with op.batch_alter_table("contacts") as batch:
        _outcomes(batch, (*OUTCOMES, "callback_failed"))
        batch.add_column(sa.Column("step", sa.Integer(), nullable=False, server_default="0",
                                   comment="present step of the service"))
        batch.add_column(sa.Column("step_since", sa.Double(), nullable=True))
        batch.add_column(sa.Column("entered_at", sa.Double(), nullable=True,
                                   comment="when it came to its present service; null: with its age"))
        batch.add_column(sa.Column("visited", sa.Text(), nullable=False, server_default="[]",
                                   comment="services it was in before, JSON"))
        batch.add_column(sa.Column("needs", sa.Text(), nullable=False, server_default="[]",
                                   comment="what the caller needs whatever the step, JSON"))
        batch.add_column(sa.Column("topics", sa.Text(), nullable=False, server_default="[]", comment="JSON"))
        batch.add_column(sa.Column("callback", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch.add_column(sa.Column("tries", sa.Integer(), nullable=False, server_default="0",
                                   comment="of a callback, failed"))
        batch.add_column(sa.Column("not_before", sa.Double(), nullable=False, server_default="0",
                                   comment="of a callback"))
    with op.batch_alter_table("offers") as batch:
        batch.add_column(sa.Column("interrupted", sa.Boolean(), nullable=False, server_default=sa.false(),
                                   comment="held while the agent has a call"))
        batch.add_column(sa.Column("partner", sa.Text(), nullable=True, comment="the other agent of a pair"))
    with op.batch_alter_table("agents") as batch:
        batch.add_column(sa.Column("wellbeing", sa.Text(), nullable=True,
                                   comment="burden, rest and breaks as the engine counts them, JSON"))
        batch.add_column(sa.Column("skills", sa.Text(), nullable=True,
                                   comment="what the agent serves for now, JSON; null: as configured"))


def downgrade() -> None:
    """Back. A contact that ended as a failed callback becomes one that left."""
    op.execute(sa.text("UPDATE contacts SET outcome = 'left' WHERE outcome = 'callback_failed'"))
    with op.batch_alter_table("agents") as batch:
        batch.drop_column("skills")
        batch.drop_column("wellbeing")
    with op.batch_alter_table("offers") as batch:
        batch.drop_column("partner")
        batch.drop_column("interrupted")
    with op.batch_alter_table("contacts") as batch:
        _outcomes(batch, OUTCOMES)
        for name in ("not_before", "tries", "callback", "topics", "needs", "visited", "entered_at", "step_since",
                     "step"):
            batch.drop_column(name)
