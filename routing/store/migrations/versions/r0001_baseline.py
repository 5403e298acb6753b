"""The first tables.

Frozen: a migration never imports the schema of today. The next change of a table is a file beside this one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """From nothing to the first tables."""
    op.create_table(
        "agents",
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("seat", sa.Text(), nullable=True),
        sa.Column("since", sa.Double(), nullable=False),
        sa.Column("misses", sa.Integer(), nullable=False),
        sa.Column("idle_since", sa.Double(), nullable=False, comment="what longest idle counts from"),
        sa.Column("wrapup_until", sa.Double(), nullable=True, comment="when the wrap-up ends by itself"),
        sa.Column(
            "pause_pending", sa.Text(), nullable=False, comment="reason of the break that begins after this call"
        ),
        sa.Column("leave_pending", sa.Boolean(), nullable=False, comment="signs out after this call"),
        sa.CheckConstraint(
            "state IN ('signed_out', 'ready', 'ringing', 'talking', 'wrapup', 'paused', "
            "'not_responding', 'busy', 'unreachable')",
            name=op.f("ck_agents_state_known"),
        ),
        sa.PrimaryKeyConstraint("agent", name=op.f("pk_agents")),
    )
    op.create_index(
        "ux_agents_seat",
        "agents",
        ["seat"],
        unique=True,
        sqlite_where=sa.text("state <> 'signed_out'"),
        postgresql_where=sa.text("state <> 'signed_out'"),
    )
    op.create_table(
        "contacts",
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False, comment="start of the wait: decides the place in line"),
        sa.Column("queued_at", sa.Double(), nullable=False),
        sa.Column("changed_at", sa.Double(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False, comment="place in line at the beginning"),
        sa.Column("leg", sa.Text(), nullable=False),
        sa.Column("slow", sa.Boolean(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column(
            "caller_hash", sa.Text(), nullable=False, comment="keyed hash of the number, empty on anonymous services"
        ),
        sa.Column("caller_box", sa.Text(), nullable=False, comment="encrypted number, empty on anonymous services"),
        sa.Column(
            "offer",
            sa.BigInteger(),
            nullable=True,
            comment="the offer that rings or talks, afterwards the last one that was connected",
        ),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True, comment="exactly one for each contact, set once"),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("wait_s", sa.Double(), nullable=True),
        sa.CheckConstraint(
            "channel IN ('voice', 'chat', 'social', 'email', 'task')", name=op.f("ck_contacts_channel_known")
        ),
        sa.CheckConstraint(
            "outcome IN ('answered', 'abandoned', 'abandoned_short', 'overflow', 'left', 'pbx_failure')",
            name=op.f("ck_contacts_outcome_known"),
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'reserved', 'assigned', 'wrapping', 'completed', 'canceled')",
            name=op.f("ck_contacts_state_known"),
        ),
        sa.PrimaryKeyConstraint("contact", name=op.f("pk_contacts")),
    )
    op.create_index(
        "ix_contacts_caller",
        "contacts",
        ["caller_hash", "queued_at"],
        unique=False,
        sqlite_where=sa.text("caller_hash <> ''"),
        postgresql_where=sa.text("caller_hash <> ''"),
    )
    op.create_index(
        "ix_contacts_live",
        "contacts",
        ["contact"],
        unique=False,
        sqlite_where=sa.text("state IN ('pending', 'reserved', 'assigned', 'wrapping')"),
        postgresql_where=sa.text("state IN ('pending', 'reserved', 'assigned', 'wrapping')"),
    )
    op.create_index("ix_contacts_ended_at", "contacts", ["ended_at"], unique=False)
    op.create_index("ix_contacts_queued_at", "contacts", ["queued_at"], unique=False)
    op.create_table(
        "cursors",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False, comment="last fact that this reader is done with"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_cursors")),
    )
    op.create_table(
        "facts",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_facts")),
    )
    op.create_table(
        "journal",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_journal")),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False, comment="grows by one with every taker"),
        sa.Column("expires", sa.Double(), nullable=False, comment="Unix seconds of the database's clock"),
        sa.Column("host", sa.Text(), nullable=False, comment="boot and process namespace of the holder"),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column(
            "started",
            sa.Text(),
            nullable=False,
            comment="start of that process, in ticks since boot: pids are used again",
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "meta",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_meta")),
    )
    op.create_table(
        "offers",
        sa.Column("offer", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=False),
        sa.Column("seat", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False, comment="voice has slot 0 only"),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("agent_version", sa.Integer(), nullable=False),
        sa.Column("offered_at", sa.Double(), nullable=False),
        sa.Column("ring_s", sa.Double(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("rang_at", sa.Double(), nullable=True),
        sa.Column("connected_at", sa.Double(), nullable=True),
        sa.Column("talk_over_at", sa.Double(), nullable=True),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("held_s", sa.Double(), nullable=False),
        sa.Column("talk_s", sa.Double(), nullable=True),
        sa.Column("wrapup_s", sa.Double(), nullable=True),
        sa.CheckConstraint("channel <> 'voice' OR slot = 0", name=op.f("ck_offers_voice_has_one_slot")),
        sa.CheckConstraint(
            "channel IN ('voice', 'chat', 'social', 'email', 'task')", name=op.f("ck_offers_channel_known")
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'accepted', 'rejected', 'timeout', 'canceled', 'rescinded', 'wrapping', 'completed')",
            name=op.f("ck_offers_state_known"),
        ),
        sa.ForeignKeyConstraint(["contact"], ["contacts.contact"], name=op.f("fk_offers_contact_contacts")),
        sa.PrimaryKeyConstraint("offer", name=op.f("pk_offers")),
    )
    op.create_index(
        "ux_offers_live_contact",
        "offers",
        ["contact"],
        unique=True,
        sqlite_where=sa.text("state IN ('pending', 'accepted')"),
        postgresql_where=sa.text("state IN ('pending', 'accepted')"),
    )
    op.create_index(
        "ux_offers_live_slot",
        "offers",
        ["agent", "channel", "slot"],
        unique=True,
        sqlite_where=sa.text("state IN ('pending', 'accepted', 'wrapping')"),
        postgresql_where=sa.text("state IN ('pending', 'accepted', 'wrapping')"),
    )


def downgrade() -> None:
    """Back to nothing."""
    op.drop_table("offers")
    op.drop_table("meta")
    op.drop_table("leases")
    op.drop_table("journal")
    op.drop_table("facts")
    op.drop_table("cursors")
    op.drop_table("contacts")
    op.drop_table("agents")
