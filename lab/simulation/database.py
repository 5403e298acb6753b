"""Model the store of several nodes: rows, facts and the lease, as PostgreSQL keeps them for `routing.store`.

A transaction happens at one moment, all of it or nothing. Each change of a row is a compare-and-set. The two partial
unique indexes, the seat of an agent and the single outcome of a contact are checked as the tables do. The lease has an
epoch, and ends by the clock of the database. A test compares this model with the real store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from lab.simulation.virtual_time import World
from routing.core.memory.waits import LearnedService
from routing.core.model.centre_model import LIVE_STATES, OFFER_WITH_AGENT, OFFER_WITH_CALLER, AgentState, Channel
from routing.core.model.declare import END
from routing.core.model.facts import Fact, MenuEndedRecorded
from routing.core.model.ids import OfferId
from routing.core.records import AgentRecord, Contact, Offer
from routing.core.stored import FIELDS, KEYS, Change, Row
from routing.store.errors import ForeignKeys, LeaseHeld, StoreConflict, StoreUnavailable
from routing.store.lease.lease_row import TTL_S, Lease, lease_taken
from routing.store.reader import LoadedState

Rows = dict[type, dict[Any, Row]]


class Session:
    """A connection of one process with the database."""

    def __init__(self) -> None:
        self.alive = True
        self.ended_by_restart = False
        """The server ended it, so its process may live, and act until its lease is over."""


class Database:
    """The store of all nodes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.on_taken: Callable[[int], None] = lambda epoch: None
        """Learns of each new epoch."""
        self.on_kept: Callable[[Sequence[Fact], Sequence[Change]], None] = lambda facts, changes: None
        """Learns of each turn that was kept."""
        self.rows: Rows = {Contact: {}, Offer: {}, AgentRecord: {}, LearnedService: {}}
        self.inputs = 0
        """Entries of the journal."""
        self.menus: dict[Any, MenuEndedRecorded] = {}
        """Last path through the menu, by contact."""
        self.facts = 0
        self.ended: dict[Any, None] = {}
        """Contacts with an outcome, in the order of their end."""
        self.values: dict[str, str] = {}
        """Values that are no facts, and the keys of callers' numbers."""
        self.clock_rate = 1.0
        """Speed of the database's clock."""
        self.revision = 0
        """Version of the tables."""
        self.holder, self.epoch, self.expires = "", 0, 0.0
        self.backend: Session | None = None
        """Session of the lease's holder."""
        self.led_by_revision = 0
        """Highest version of a node that has led."""
        self.down_until = 0.0
        """Time until which the server is away. Its sessions have ended."""
        self.frozen_until = 0.0
        """Time until which the server does not answer."""
        self.sessions: dict[Session, None] = {}

    # -- the server --------------------------------------------------------------------------------------------------

    def admit(self, session: Session) -> None:
        """Take a question of a session, perhaps its first one. Raise `StoreUnavailable` if the session has ended."""
        if self._world.now < self.down_until or not session.alive:
            session.alive = False
            raise StoreUnavailable("gone", "the database has closed the connection")
        self.sessions[session] = None

    def restart(self, down_s: float) -> None:
        """Restart the server: all sessions end. Nothing that was committed is lost."""
        self.down_until = max(self.down_until, self._world.now + down_s)
        for session in self.sessions:
            session.alive, session.ended_by_restart = False, True
        self.sessions.clear()

    def end_session(self, session: Session | None) -> None:
        """End a session."""
        if session is not None:
            session.alive = False
            self.sessions.pop(session, None)

    @property
    def now(self) -> float:
        """Return the database's clock."""
        return self._world.now * self.clock_rate

    # -- the lease ---------------------------------------------------------------------------------------------------

    def require_revision(self, revision: int) -> None:
        """Raise `StoreUnavailable` for a node that is older than the tables."""
        if self.revision > revision:
            raise StoreUnavailable("newer", "the tables were written by a newer Santral")

    def require_keys(self, keys: str) -> None:
        """Raise `ForeignKeys` for a node whose keys are not those of the store."""
        if self.values.setdefault("number_keys", keys) != keys:
            raise ForeignKeys("number_keys")

    def find_holder(self, unrenewed: float | None) -> LeaseHeld | None:
        """Return what holds the lease now, or None."""
        now = self.now
        backend = self.backend
        if backend is None or self.expires <= now or self.expires == unrenewed:
            return None
        if not (backend.alive or backend.ended_by_restart):
            return None
        return LeaseHeld(self.holder, 0, False, self.expires - now, self.expires)

    def take_lease(self, node: str, session: Session, unrenewed: float | None) -> Lease:
        """Take the lease and end the session of the holder before. Raise `LeaseHeld` while another node has it."""
        if (held := self.find_holder(unrenewed)) is not None:
            raise held
        if self.backend is not session:
            self.end_session(self.backend)
        self.holder, self.epoch, self.backend = node, self.epoch + 1, session
        self.expires = self.now + TTL_S
        self.on_taken(self.epoch)
        return Lease(node, self.epoch)

    def require_lease(self, lease: Lease) -> None:
        """Raise `LeaseLost` for an older epoch."""
        if (self.holder, self.epoch) != lease:
            raise lease_taken()

    def renew_lease(self, lease: Lease, session: Session) -> None:
        """Extend the lease, or raise `LeaseLost`."""
        self.require_lease(lease)
        self.expires, self.backend = self.now + TTL_S, session

    def release_lease(self, lease: Lease) -> None:
        """Let the next node begin at once."""
        if (self.holder, self.epoch) == lease:
            self.expires = 0.0

    # -- turns -------------------------------------------------------------------------------------------------------

    def commit(self, events: Sequence[tuple[float, object]], facts: Sequence[Fact], changes: Sequence[Change],
               lease: Lease | None, next_input: int, next_fact: int) -> None:
        """Write a turn, or raise an error and write nothing.

        The two numbers are those that the writer expects to use next.
        """
        if lease is not None:
            self.require_lease(lease)
        # 1. The numbers of journal and facts are primary keys.
        if events and next_input <= self.inputs:
            raise StoreConflict(next_fact, "journal", "", "pk_journal forbids it")
        if any(fact.seq != seq for seq, fact in enumerate(facts, next_fact)) or (facts and next_fact <= self.facts):
            raise StoreConflict(next_fact, "facts", "", f"the next fact is {self.facts + 1}")
        # 2. The rows, on a copy of those that change.
        before = [(change.kind, _key_of(change), self.rows[change.kind].get(_key_of(change))) for change in changes]
        try:
            for change in changes:
                self._write_row(change)
            self._check_indexes(changes)
        except StoreConflict:
            for kind, key, row in reversed(before):
                if row is None:
                    self.rows[kind].pop(key, None)
                else:
                    self.rows[kind][key] = row
            raise
        # 3. The turn is kept.
        for change in changes:
            if change.kind is Contact and change.row.outcome is not None:
                self.ended[change.row.contact] = None
        self.inputs = max(self.inputs, next_input + len(events) - 1)
        self.menus.update((fact.contact, fact) for fact in facts if isinstance(fact, MenuEndedRecorded))
        self.facts = max(self.facts, next_fact + len(facts) - 1)
        self.on_kept(facts, changes)

    def _write_row(self, change: Change) -> None:
        rows, key = self.rows[change.kind], _key_of(change)
        old = rows.get(key)
        if not change.before:
            if old is not None:
                raise _conflict(change, "an index or check of the table refused it")
        elif old is None or old.version != change.before:
            raise _conflict(change, f"expected version {change.before}")
        elif change.kind is Contact and change.groups & END and old.outcome is not None:
            raise _conflict(change, f"expected version {change.before} without an outcome")
        # A column outside of the changed groups keeps its value, as in the statements of the store.
        rows[key] = change.row if old is None or not change.before else old._replace(
            **{name: getattr(change.row, name) for name in _changed_columns(change.kind, change.groups)})

    def _check_indexes(self, changes: Iterable[Change]) -> None:
        """Check the partial unique indexes. All changes of a turn are there, as in the order of `RowWriter`."""
        for change in changes:
            if change.kind is Offer and change.row.state in OFFER_WITH_AGENT:
                for other in self.rows[Offer].values():
                    if other.offer == change.row.offer:
                        continue
                    if change.row.state in OFFER_WITH_CALLER and other.state in OFFER_WITH_CALLER \
                            and other.contact == change.row.contact:
                        raise _conflict(change, "an index or check of the table refused it")
                    if other.state in OFFER_WITH_AGENT and other.agent == change.row.agent \
                            and other.channel is change.row.channel is Channel.VOICE:
                        raise _conflict(change, "an index or check of the table refused it")
            elif change.kind is AgentRecord and change.row.state is not AgentState.SIGNED_OUT and any(
                    other.agent != change.row.agent and other.seat == change.row.seat
                    and other.state is not AgentState.SIGNED_OUT and other.seat is not None
                    for other in self.rows[AgentRecord].values()):
                raise _conflict(change, "an index or check of the table refused it")

    def repair(self, rows: Iterable[Row], lease: Lease | None) -> None:
        """Set rows that contradicted each other to the given values."""
        if lease is not None:
            self.require_lease(lease)
        for row in rows:
            for kind, known in self.rows.items():
                key = getattr(row, KEYS[kind], None)
                if key in known and type(known[key]) is type(row):
                    known[key] = row

    def load_state(self, lease: Lease | None) -> LoadedState:
        """Return everything that is alive."""
        if lease is not None:
            self.require_lease(lease)
        contacts, offers = self.rows[Contact], self.rows[Offer]
        return LoadedState(
            tuple(row for _, row in sorted(contacts.items()) if row.state in LIVE_STATES),
            tuple(row for _, row in sorted(offers.items()) if row.state in OFFER_WITH_AGENT),
            tuple(row for _, row in sorted(self.rows[AgentRecord].items())),
            tuple(self.ended), (), (), (), (),
            tuple(row for _, row in sorted(self.rows[LearnedService].items())),
            tuple(row for _, row in sorted(offers.items()) if row.state not in OFFER_WITH_AGENT
                  and contacts[row.contact].state in LIVE_STATES),
            OfferId(max(offers, default=0) + 1), self.facts + 1)


@cache
def _changed_columns(kind: type, groups: int) -> tuple[str, ...]:
    """Return the columns that an update of these groups sets."""
    return tuple(one.column for one in FIELDS[kind] if not one.once and (not one.group or one.group & groups))


def _key_of(change: Change) -> Any:
    return getattr(change.row, KEYS[change.kind])


def _conflict(change: Change, why: str) -> StoreConflict:
    return StoreConflict(None, change.kind.__name__, str(_key_of(change)), why)
