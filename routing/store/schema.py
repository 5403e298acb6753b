"""Define the tables: one schema for SQLite and PostgreSQL (15 or later).

The rows of `contacts`, `offers` and `agents` hold the present, and how each contact ended. `journal` holds the engine's
inputs, and `facts` holds what happened (the outbox). All times are Unix seconds of the engine's clock, except
`leases.expires` by the database's clock.

Two partial unique indexes make a double assignment impossible, whatever the engine does. A contact has one offer that
rings or talks. An agent has one offer in each slot of a channel, and wrap-up still fills the slot. Both databases have
these indexes with the same words.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Constraint,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    text,
)

from routing.core.memory.waits import LearnedService
from routing.core.model.centre_model import LIVE_STATES, OFFER_WITH_AGENT, OFFER_WITH_CALLER
from routing.core.model.privacy import Privacy
from routing.core.records import AgentRecord, Contact, Offer
from routing.core.stored import FIELDS
from routing.store.columns import NUMBER, checks_of, column_of
from routing.store.kinds import NUMBERS, Kind

JOURNAL_FORMAT = "1"
"""Encoding of the bodies of `journal` and `facts` (`routing/core/journal.py`), stored in `meta`."""

RECORDING_KINDS = ("call", "message", "survey")
SMS_LIVE = ("waiting", "sending")
SMS_OVER = ("sent", "failed", "expired")
SMS_STATES = (*SMS_LIVE, *SMS_OVER)

IS_RARE = f"kind IN ({NUMBERS['Started']}, {NUMBERS['Configured']}, {NUMBERS['CallerErased']})"
"""Condition of the journal's entries that are searched by their kind, in the words of their index: those with all
settings, and erasures, which name a caller after the contacts do not any more."""

CONSTRAINT_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
"""Every constraint has a name, so that a later migration finds it on both databases."""

metadata = MetaData(naming_convention=CONSTRAINT_NAMES)


def one_of(column: str, values: Iterable[str]) -> str:
    """Return the condition `column IN ('a', 'b')`, with the same words for both databases."""
    return f"{column} IN ({', '.join(repr(str(value)) for value in values)})"


def _table(name: str, kind: type, *more: Column[Any] | Constraint) -> Table:
    """Return the table of a class of records, with columns that only the store knows."""
    fields = FIELDS[kind]
    return Table(name, metadata, *(column_of(one) for one in fields), *more, *checks_of(fields))


contacts = _table("contacts", Contact, Column("changed_at", Double, nullable=False))
# Rows that each start looks up have a partial index, so old rows do not slow a start down.
Index("ix_contacts_live", contacts.c.contact, sqlite_where=text(one_of("state", LIVE_STATES)),
      postgresql_where=text(one_of("state", LIVE_STATES)))
Index("ix_contacts_queued_at", contacts.c.queued_at)
Index("ix_contacts_ended_at", contacts.c.ended_at)
# The purge finds rows with traces by their age. Rows without traces are years, and it never reads them again.
HAS_TRACES = "(" + " OR ".join(f"{one.column} <> ''" for one in FIELDS[Contact] if one.privacy is Privacy.HASH) + ")"
"""Condition that a row of a contact identifies somebody. A query with these words uses the partial index."""
Index("ix_contacts_traces", contacts.c.ended_at, sqlite_where=text(HAS_TRACES), postgresql_where=text(HAS_TRACES))
Index("ix_contacts_caller", contacts.c.caller_hash, contacts.c.queued_at, sqlite_where=text("caller_hash <> ''"),
      postgresql_where=text("caller_hash <> ''"))

Index("ix_contacts_abusive", contacts.c.caller_hash, sqlite_where=text("abusive"), postgresql_where=text("abusive"))

# A start reads the dials without a reserved agent of the last day.
Index("ix_contacts_dials", contacts.c.changed_at, sqlite_where=text("dials <> '[]'"),
      postgresql_where=text("dials <> '[]'"))

offers = _table("offers", Offer, Column("slot", Integer, nullable=False, comment="voice has slot 0 only"),
                ForeignKeyConstraint(["contact"], ["contacts.contact"]),
                CheckConstraint("channel <> 'voice' OR slot = 0", name="voice_has_one_slot"))
# A contact rings or talks once, and an agent has one offer in each slot: the two indexes against double assignment.
Index("ux_offers_live_contact", offers.c.contact, unique=True,
      sqlite_where=text(one_of("state", OFFER_WITH_CALLER)), postgresql_where=text(one_of("state", OFFER_WITH_CALLER)))
Index("ux_offers_live_slot", offers.c.agent, offers.c.channel, offers.c.slot, unique=True,
      sqlite_where=text(one_of("state", OFFER_WITH_AGENT)), postgresql_where=text(one_of("state", OFFER_WITH_AGENT)))
# An agent may look at the own last talks. Offers are read in the order of their numbers, which need no place here.
Index("ix_offers_talks", offers.c.agent, sqlite_where=text("connected_at IS NOT NULL"),
      postgresql_where=text("connected_at IS NOT NULL"))
# A start reads the callbacks that were dialled within a day.
Index("ix_offers_dialled_at", offers.c.dialled_at, sqlite_where=text("dialled_at IS NOT NULL"),
      postgresql_where=text("dialled_at IS NOT NULL"))

agents = _table("agents", AgentRecord)
# A seat belongs to one agent while the agent is signed in.
Index("ux_agents_seat", agents.c.seat, unique=True, sqlite_where=text("state <> 'signed_out'"),
      postgresql_where=text("state <> 'signed_out'"))

learned = _table("learned", LearnedService)

journal = Table(
    "journal", metadata,
    Column("seq", NUMBER, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("kind", Kind, nullable=False),
    Column("body", Text, nullable=False),
    Column("personal", Boolean, nullable=False, comment="the body identifies a caller"),
)

# The start of a replay is found by its kind, and a journal has few such entries.
Index("ix_journal_settings", journal.c.seq, sqlite_where=text(IS_RARE), postgresql_where=text(IS_RARE))
# Redaction reads the entries that identify somebody, by their time, and no others.
Index("ix_journal_personal", journal.c.at, sqlite_where=text("personal"), postgresql_where=text("personal"))

IS_OVERRIDE = f"kind = {NUMBERS['Overridden']}"
"""Condition of the facts of rules that were set aside, in the words of their index. An agent may ask for them."""

facts = Table(
    "facts", metadata,
    Column("seq", NUMBER, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("kind", Kind, nullable=False),
    Column("body", Text, nullable=False),
)

Index("ix_facts_overridden", facts.c.at, sqlite_where=text(IS_OVERRIDE), postgresql_where=text(IS_OVERRIDE))

cursors = Table(
    "cursors", metadata,
    Column("name", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False, comment="last fact that this reader is done with"),
)

leases = Table(
    "leases", metadata,
    Column("name", Text, primary_key=True),
    Column("node", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False, comment="grows by one with every taker"),
    Column("expires", Double, nullable=False, comment="Unix seconds of the database's clock"),
    Column("host", Text, nullable=False, comment="boot and process namespace of the holder"),
    Column("pid", Integer, nullable=False),
    Column("started", Text, nullable=False, comment="start of that process, in ticks since boot: pids are used again"),
    Column("backend", Text, nullable=False, server_default="",
           comment="process id and start of its PostgreSQL session, start of its server; empty: SQLite"),
    Column("about", Text, nullable=False, server_default="",
           comment="of a node's name: JSON of what the node says of itself; else empty"),
)

announcements = Table(
    "announcements", metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=False),
    Column("service", Text, nullable=False, comment="empty: everybody"),
    Column("prompt", Text, nullable=False, comment="key of the catalogue; empty: text or recording"),
    Column("text", Text, nullable=False),
    Column("recording", Text, nullable=False, comment="name of the file it was made from"),
    Column("closes", Boolean, nullable=False, comment="the line or the service is closed meanwhile"),
    Column("since", Double, nullable=False),
    Column("until", Double, comment="null: until it is switched off"),
    Column("by", Text, nullable=False, comment="who switched it on"),
    Column("ended_at", Double),
    Column("ended_by", Text, nullable=False),
)

recordings = Table(
    "recordings", metadata,
    Column("id", Text, primary_key=True),
    Column("contact", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("agent", Text, comment="who talked, of a call"),
    Column("at", Double, nullable=False, comment="its beginning"),
    Column("seconds", Double, nullable=False),
    Column("keep_until", Double, nullable=False),
    Column("source", Text, nullable=False, comment="name of the plain file it was made from"),
    Column("key_id", Text, nullable=False, comment="key of the key file that opens key_encrypted"),
    Column("key_encrypted", Text, nullable=False, comment="the sealed key of its file: gone with the row"),
    CheckConstraint(one_of("kind", RECORDING_KINDS), name="kind_known"),
)
Index("ux_recordings_source", recordings.c.source, unique=True)
Index("ix_recordings_contact", recordings.c.contact)
Index("ix_recordings_at", recordings.c.at)
Index("ix_recordings_keep_until", recordings.c.keep_until)

caller_inputs = Table(
    "caller_inputs", metadata,
    Column("contact", Text, primary_key=True),
    Column("field", Text, primary_key=True),
    Column("hash", Text, nullable=False, comment="keyed hash of what was keyed in"),
    Column("value_encrypted", Text, nullable=False, comment="the digits encrypted; empty: not kept"),
    Column("at", Double, nullable=False),
)
Index("ix_caller_inputs_hash", caller_inputs.c.hash)
Index("ix_caller_inputs_at", caller_inputs.c.at)

caller_preferences = Table(
    "caller_preferences", metadata,
    Column("caller_hash", Text, primary_key=True, comment="keyed hash of the number"),
    Column("slow", Boolean, nullable=False, comment="slow speech from the beginning"),
    Column("human_first", Boolean, nullable=False, comment="a person at once"),
    Column("day", Integer, nullable=False, comment="of the last call, in days since 1970: no closer"),
)
Index("ix_caller_preferences_day", caller_preferences.c.day)

sms_messages = Table(
    "sms_messages", metadata,
    Column("id", NUMBER, primary_key=True, autoincrement=False),
    Column("contact", Text, nullable=False),
    Column("leaf", Text, nullable=False, comment="node of the menu whose twin in writing it is"),
    Column("caller", Text, nullable=False, comment="keyed hash of the number"),
    Column("number_encrypted", Text, nullable=False, comment="the number encrypted; empty when it is over"),
    Column("text", Text, nullable=False, comment="empty when it is over"),
    Column("asked_at", Double, nullable=False),
    Column("next_at", Double, nullable=False, comment="when it is sent, or tried again"),
    Column("tries", Integer, nullable=False),
    Column("state", Text, nullable=False),
    CheckConstraint(one_of("state", SMS_STATES), name="state_known"),
)
Index("ix_sms_messages_live", sms_messages.c.id, sqlite_where=text(one_of("state", SMS_LIVE)),
      postgresql_where=text(one_of("state", SMS_LIVE)))
Index("ix_sms_messages_caller", sms_messages.c.caller)
Index("ix_sms_messages_contact", sms_messages.c.contact)
Index("ix_sms_messages_asked_at", sms_messages.c.asked_at)

contact_notes = Table(
    "contact_notes", metadata,
    Column("contact", Text, primary_key=True),
    Column("agent", Text, primary_key=True, comment="the author"),
    Column("service", Text, nullable=False, comment="of the talk"),
    Column("code", Text, nullable=False, comment="empty: none"),
    Column("note_encrypted", Text, nullable=False, comment="sealed text; empty: none"),
    Column("at", Double, nullable=False, comment="time of the last change"),
)
Index("ix_contact_notes_at", contact_notes.c.at)

erased_contacts = Table(
    "erased_contacts", metadata,
    Column("contact", Text, primary_key=True, comment="its caller was erased, so nothing more is stored of it"),
    Column("at", Double, nullable=False, comment="time of the erasure; goes with notes of that age"),
)
Index("ix_erased_contacts_at", erased_contacts.c.at)

desk_comfort = Table(
    "desk_comfort", metadata,
    Column("agent", Text, primary_key=True),
    Column("wish", Text, nullable=False, comment="JSON: the values that the agent has chosen"),
)

people = Table(
    "people", metadata,
    Column("person", Text, primary_key=True, comment="of an agent: the id of the team"),
    Column("name", Text, nullable=False, comment="shown on pages, and nowhere else"),
    Column("roles", Text, nullable=False, comment="with commas between them"),
    Column("password", Text, nullable=False, comment="argon2id; empty: none yet"),
    Column("code", Text, nullable=False, comment="hash of the code for one use; empty: none"),
    Column("code_until", Double, nullable=False, comment="the code is valid before this time"),
    Column("disabled", Boolean, nullable=False),
)

sessions = Table(
    "sessions", metadata,
    Column("session", Text, primary_key=True, comment="hash of the cookie"),
    Column("person", Text, nullable=False),
    Column("opened_at", Double, nullable=False),
    Column("until", Double, nullable=False),
    Column("ended_at", Double, comment="null: it lives; an ended one stays until the talk is over"),
    ForeignKeyConstraint(["person"], ["people.person"]),
)
Index("ix_sessions_person", sessions.c.person)

known_browsers = Table(
    "known_browsers", metadata,
    Column("person", Text, primary_key=True),
    Column("browser", Text, primary_key=True, comment="hash of the browser's cookie"),
    Column("seen_at", Double, nullable=False, comment="time of the last sign-in"),
    ForeignKeyConstraint(["person"], ["people.person"]),
)

meta = Table(
    "meta", metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
