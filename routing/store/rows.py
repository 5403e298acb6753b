"""Write the rows that a turn has changed, each with a compare-and-set.

`UPDATE … WHERE key = … AND version = …`. A change that hits no row, or that a unique index refuses, is a
`StoreConflict`. The transaction of the whole turn is then rolled back. Statements are built once (`statement.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import Table, Text, bindparam, delete, false, insert, null, select, text, update
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.interfaces import DBAPICursor

from routing.core.events import Event
from routing.core.memory.waits import LearnedService
from routing.core.model.centre_model import LIVE_STATES, OFFER_WITH_AGENT, OFFER_WITH_CALLER, AgentState, Channel
from routing.core.model.declare import END, STATE, Stored
from routing.core.model.facts import Fact, Moved, Queued
from routing.core.model.talk_facts import CallerFlaggedAbusiveRecorded, ConsultCompleted
from routing.core.records import AgentRecord, Contact, Offer
from routing.core.stored import FIELDS, ROWS, Change, Row
from routing.store.columns import writer_of
from routing.store.errors import StoreConflict
from routing.store.schema import (
    agents,
    caller_inputs,
    contacts,
    learned,
    offers,
    one_of,
)
from routing.store.statement import Statement

SLOTS_MAX = 64
"""Slots of a channel that one agent may fill.

This is far above any capacity of a person, so that a wrong engine is refused and not obeyed without end.
"""


class StoreTurn(Protocol):
    """Content of one commit. The runner's `RunnerTurn` fits."""

    @property
    def events(self) -> Sequence[tuple[float, Event | None]]:
        """Return the handled inputs with their times. None is the timer."""
        ...

    @property
    def facts(self) -> Sequence[Fact]:
        """Return the facts of these inputs, numbered without a gap."""
        ...

    @property
    def changes(self) -> Sequence[Change]:
        """Return the changed rows."""
        ...


class RowPlan:
    """Hold the statements that write the rows of one table."""

    def __init__(self, kind: type, table: Table, *more: str) -> None:
        self.table, self.more = table, more
        fields: dict[str, Stored] = {one.column: one for one in FIELDS[kind]}
        row = ROWS[kind]._fields
        self.key = next(name for name in row if fields[name].key)
        self.place = row.index(self.key)
        self._writers = [(index, writer) for index, name in enumerate(row)
                         if (writer := writer_of(fields[name])) is not None]
        self._names = row
        self._fields = fields
        self.insert = Statement(insert(table), (*row, *more))
        self.insert_new = Statement(insert(table), (*row, *more), " ON CONFLICT DO NOTHING")
        self._updates: dict[int, Statement] = {}

    def values(self, row: Row) -> dict[str, Any]:
        """Return the values of the columns of a row."""
        found = list(row)
        for index, writer in self._writers:
            found[index] = writer(found[index])
        return dict(zip(self._names, found, strict=True))

    def update_values(self, change: Change) -> dict[str, Any]:
        """Return the values of an update."""
        return {**self.values(change.row), "changed_at": change.at, "b_key": change.row[self.place],
                "b_before": change.before}

    def update(self, groups: int) -> Statement:
        """Return the statement that sets the columns always written and those of `groups`."""
        statement = self._updates.get(groups)
        if statement is None:
            # A column without a group changes with every version of the row.
            names = [name for name, field in self._fields.items()
                     if not field.once and (not field.group or field.group & groups)]
            names += [name for name in self.more if name == "changed_at"]
            # Each contact has one outcome, set once.
            more = [contacts.c.outcome.is_(None)] if self.table is contacts and groups & END else []
            statement = self._updates[groups] = Statement(
                update(self.table)
                .where(self.table.c[self.key] == bindparam("b_key"), self.table.c.version == bindparam("b_before"),
                       *more)
                .values({name: bindparam(name) for name in names}))
        return statement


_CONTACTS, _OFFERS, _AGENTS, _LEARNED = (
    RowPlan(Contact, contacts, "changed_at"), RowPlan(Offer, offers, "slot"), RowPlan(AgentRecord, agents),
    RowPlan(LearnedService, learned))

_ENDED_BEFORE = Statement(select(contacts.c.outcome).where(
    contacts.c.contact == bindparam("b_contact"), text(f"NOT {one_of('state', LIVE_STATES)}")))
_RENAME = (
    Statement(insert(contacts).from_select(
        ["contact", *(column.name for column in contacts.c if column.name != "contact")],
        select(bindparam("b_name", type_=Text), *(column for column in contacts.c if column.name != "contact"))
        .where(contacts.c.contact == bindparam("b_contact")))),
    Statement(update(offers).where(offers.c.contact == bindparam("b_contact")).values(contact=bindparam("b_name"))),
    Statement(delete(contacts).where(contacts.c.contact == bindparam("b_contact"))))
_SLOTS = Statement(select(offers.c.slot).where(
    offers.c.agent == bindparam("b_agent"), offers.c.channel == bindparam("b_channel"),
    text(one_of("state", OFFER_WITH_AGENT))))
_LEAVE_SEAT = Statement(update(agents).where(agents.c.agent == bindparam("b_agent")).values(seat=null()))
_OF_CONTACT = contacts.alias("of_contact")
_NOT_ABUSED = Statement(update(contacts).where(
    text("abusive"), contacts.c.caller_hash == select(_OF_CONTACT.c.caller_hash).where(
        _OF_CONTACT.c.contact == bindparam("b_contact")).scalar_subquery()).values(abusive=false()))
"""Of all contacts of the caller: an earlier flag is taken back as well."""
_UNKEYED = Statement(delete(caller_inputs).where(caller_inputs.c.contact == bindparam("b_contact")))


class RowWriter:
    """Write the changes of a turn in the order that the indexes demand. A subclass runs the statements.

    `seq` is the number of the first fact of the turn, for messages. `facts` are the facts of the turn.
    """

    def __init__(self, seq: int, facts: Sequence[Fact] = ()) -> None:
        self._seq, self._facts = seq, facts

    def write(self, changes: Sequence[Change]) -> None:
        """Write the changes of a turn. Raise `StoreConflict`, after which the caller rolls back."""
        seen, begin = set(), 0
        for place, change in enumerate(changes):
            if change.kind is Contact:
                # An earlier contact with the same id ends before the new one begins.
                if not change.before and change.row.contact in seen:
                    self._write(changes[begin:place])
                    begin = place
                seen.add(change.row.contact)
        self._write(changes[begin:])

    def _write(self, changes: Sequence[Change]) -> None:
        by: dict[tuple[type, bool], list[Change]] = {}
        for change in changes:
            by.setdefault((change.kind, not change.before), []).append(change)
        # 1. New contacts come first, because the rows of offers point to them.
        for change in by.get((Contact, True), ()):
            self._do(change, _CONTACTS, self._add_contact)
        # 2. Offers that release a contact or an agent come before offers that hold one, because no index may see two at
        #    once.
        for change in sorted(by.get((Offer, False), ()), key=_holds):
            self._do(change, _OFFERS, self._change)
        for change in by.get((Offer, True), ()):
            self._do(change, _OFFERS, self._add_offer)
        for change in by.get((Contact, False), ()):
            self._do(change, _CONTACTS, self._change)
        # 3. Agents may have swapped seats, so each of several agents leaves the old seat first.
        known = sorted(by.get((AgentRecord, False), ()), key=lambda one: one.row.state is not AgentState.SIGNED_OUT)
        moved = [change for change in known if change.groups & STATE]
        for change in moved if len(moved) > 1 else ():
            self._run_statement(_LEAVE_SEAT, b_agent=change.row.agent)
        for change in known:
            self._do(change, _AGENTS, self._change)
        for change in by.get((AgentRecord, True), ()):
            self._do(change, _AGENTS, self._add)
        # 4. Learned values refer to no other row.
        for change in by.get((LearnedService, False), ()):
            self._do(change, _LEARNED, self._change)
        for change in by.get((LearnedService, True), ()):
            self._do(change, _LEARNED, self._add)

    def apply_fact(self, fact: Fact) -> None:
        """Make the changes of a fact beyond the rows of its records: flags of the caller's other contacts, and keyed
        input."""
        if isinstance(fact, CallerFlaggedAbusiveRecorded):
            if not fact.abusive:
                self._run_statement(_NOT_ABUSED, b_contact=fact.contact)
        elif isinstance(fact, Moved | ConsultCompleted) and fact.caller_anonymised:
            self._run_statement(_UNKEYED, b_contact=fact.contact)

    def _do(self, change: Change, plan: RowPlan, write: Any) -> None:
        write(change, plan)

    def _conflict(self, change: Change, why: str) -> StoreConflict:
        plan = _PLANS[change.kind]
        return StoreConflict(self._seq, plan.table.name, f"{plan.key} {change.row[plan.place]}", why)

    def _other_version(self, change: Change) -> StoreConflict:
        """Return the error for an update that hit no row: engine and store disagree."""
        without = " without an outcome" if change.groups & END else ""
        return self._conflict(change, f"expected version {change.before}{without}")

    def _refused_row(self, change: Change, error: Exception) -> StoreConflict:
        """Return the error for a refusal. The driver's words may quote the row, so only the class is reported."""
        return self._conflict(change, f"an index or check of the table refused it ({type(error).__name__})")

    def _no_slot(self, change: Change) -> StoreConflict:
        return self._conflict(change, f"agent has {SLOTS_MAX} live offers already")

    def _number_of(self, change: Change) -> int:
        return next((fact.seq for fact in self._facts if isinstance(fact, Queued)
                     and fact.contact == change.row.contact and fact.at == change.row.queued_at), self._seq)

    def _run_statement(self, statement: Statement, **values: Any) -> None:
        raise NotImplementedError

    def _change(self, change: Change, plan: RowPlan) -> None:
        raise NotImplementedError

    def _add(self, change: Change, plan: RowPlan) -> None:
        raise NotImplementedError

    def _add_contact(self, change: Change, plan: RowPlan) -> None:
        raise NotImplementedError

    def _add_offer(self, change: Change, plan: RowPlan) -> None:
        raise NotImplementedError


class FactRows(RowWriter):
    """Write changes with one cursor of the driver, statement by statement, inside the caller's transaction.

    `refused` is the driver's error for a refusal by an index or a check.
    """

    def __init__(self, cursor: DBAPICursor, dialect: Dialect, refused: type[Exception], seq: int,
                 facts: Sequence[Fact] = ()) -> None:
        super().__init__(seq, facts)
        self._cursor, self._dialect, self._refused = cursor, dialect, refused

    def _do(self, change: Change, plan: RowPlan, write: Any) -> None:
        try:
            write(change, plan)
        except self._refused as error:
            raise self._refused_row(change, error) from None

    def _run_statement(self, statement: Statement, **values: Any) -> None:
        statement.run_once(self._cursor, self._dialect, values)

    def _change(self, change: Change, plan: RowPlan) -> None:
        if plan.update(change.groups).run_once(self._cursor, self._dialect, plan.update_values(change)) != 1:
            raise self._other_version(change)

    def _add(self, change: Change, plan: RowPlan) -> None:
        plan.insert.run_once(self._cursor, self._dialect, plan.values(change.row))

    def _add_contact(self, change: Change, plan: RowPlan) -> None:
        values = {**plan.values(change.row), "changed_at": change.at}
        if plan.insert_new.run_once(self._cursor, self._dialect, values) == 1:
            return
        # Asterisk counts from the start again. With a clock that was set back, a caller may get the id of an earlier
        # one. The earlier record stays under another name (no Uniqueid has a `~`).
        contact = change.row.contact
        self._run_statement(_ENDED_BEFORE, b_contact=contact)
        if self._cursor.fetchone() is not None:
            # The number is that of the fact which brings the new one.
            name = f"{contact}~{self._number_of(change)}"
            for statement in _RENAME:
                self._run_statement(statement, b_contact=contact, b_name=name)
        plan.insert.run_once(self._cursor, self._dialect, values)

    def _add_offer(self, change: Change, plan: RowPlan) -> None:
        plan.insert.run_once(self._cursor, self._dialect, {**plan.values(change.row), "slot": self._free_slot(change)})

    def _free_slot(self, change: Change) -> int:
        """Return the first free slot."""
        row = change.row
        if has_slot_zero(change):
            return 0
        self._run_statement(_SLOTS, b_agent=row.agent, b_channel=row.channel.value)
        taken = {slot for (slot,) in self._cursor.fetchall()}
        free = next((slot for slot in range(SLOTS_MAX) if slot not in taken), None)
        if free is None:
            raise self._no_slot(change)
        return free


_PLANS: dict[type, RowPlan] = {Contact: _CONTACTS, Offer: _OFFERS, AgentRecord: _AGENTS, LearnedService: _LEARNED}


def has_slot_zero(change: Change) -> bool:
    """Return whether an offer needs no free slot. Voice has one slot, so the index refuses a second call."""
    return change.row.channel is Channel.VOICE or change.row.state not in OFFER_WITH_AGENT


def _holds(change: Change) -> int:
    """Return how much an offer holds: nothing, its agent, or its caller as well."""
    return (change.row.state in OFFER_WITH_AGENT) + (change.row.state in OFFER_WITH_CALLER)
