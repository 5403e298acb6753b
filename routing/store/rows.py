"""From facts to rows: what each fact changes, with what it expects to find.

Every change is compare-and-set: `UPDATE … WHERE id = … AND state IN … AND version = v - 1`. A fact that hits no row, or
that a unique index refuses, is a `StoreConflict`, and the transaction of the whole turn is rolled back. Agents' rows
are changed by `AgentChanged` alone; the `agent_version` of other facts says what the engine saw and is kept with the
offer. Statements are built once (`statement.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import Text, TextClause, bindparam, delete, false, func, insert, select, text, true, update
from sqlalchemy.engine import Dialect
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.sql.elements import ColumnElement

from routing.core import facts as f
from routing.core import talk_facts as tf
from routing.core.facts import Fact
from routing.core.model import Channel, ContactState, OfferState, Outcome
from routing.store.errors import StoreConflict
from routing.store.schema import CONTACT_LIVE, OFFER_WITH_AGENT, agents, contacts, keyed, offers, one_of
from routing.store.statement import Statement

SLOTS_MAX = 64
"""Slots of a channel that one agent may fill: far above any capacity a person can have, so that a wrong engine is
refused and not obeyed for ever."""

EMPTY = "[]"


def _json(value: Any) -> str:
    """What has no column type of its own, as JSON text. Any: tuples and mappings of plain values."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) if value else EMPTY


def _in(states: Iterable[str]) -> TextClause:
    """In one of these states, in the very words of the partial indexes: SQLite then sees that one serves."""
    return text(one_of("state", states))


def _move(from_states: Iterable[str], *columns: str, where: Iterable[ColumnElement[bool]] = ()) -> Statement:
    """`contacts` to a new state and version, setting `columns` too."""
    return Statement(update(contacts)
                     .where(contacts.c.contact == bindparam("b_contact"), contacts.c.version == bindparam("b_before"),
                            _in(from_states), *where)
                     .values({name: bindparam(name) for name in ("state", "version", "changed_at", *columns)}))


def _offer(from_states: Iterable[str], *columns: str) -> Statement:
    return Statement(update(offers)
                     .where(offers.c.offer == bindparam("b_offer"), offers.c.contact == bindparam("b_contact"),
                            _in(from_states))
                     .values({name: bindparam(name) for name in columns}))


_NEW_CONTACT = ("contact", "state", "version", "service", "channel", "since", "queued_at", "changed_at", "priority",
                "position", "leg", "slow", "node", "caller_hash", "caller_box", "visited", "needs", "topics",
                "language", "entered_at")
_ADD_CONTACT = Statement(insert(contacts), _NEW_CONTACT)
_ADD_NEW_CONTACT = Statement(insert(contacts), _NEW_CONTACT, " ON CONFLICT DO NOTHING")
_ENDED_BEFORE = Statement(select(contacts.c.outcome)
                          .where(contacts.c.contact == bindparam("b_contact"),
                                 text(f"NOT {one_of('state', CONTACT_LIVE)}")))
_RENAME = (
    Statement(insert(contacts).from_select(
        ["contact", *(column.name for column in contacts.c if column.name != "contact")],
        select(bindparam("b_name", type_=Text), *(column for column in contacts.c if column.name != "contact"))
        .where(contacts.c.contact == bindparam("b_contact")))),
    Statement(update(offers).where(offers.c.contact == bindparam("b_contact")).values(contact=bindparam("b_name"))),
    Statement(delete(contacts).where(contacts.c.contact == bindparam("b_contact"))))
_ADD_OFFER = Statement(insert(offers), (
    "offer", "contact", "agent", "seat", "service", "channel", "slot", "state", "agent_version", "offered_at", "ring_s",
    "step", "level", "reason", "held_s", "partner"))
_AGENT = ("version", "team", "state", "reason", "seat", "since", "misses", "idle_since", "wrapup_until",
          "pause_pending", "leave_pending", "skills")
_ADD_AGENT = Statement(insert(agents), ("agent", *_AGENT))
# A waiting caller may have been moved to another service since the queue entry: the row follows.
_RESERVE = _move(["pending"], "offer", "agent", "service")
_RETURN = _move(["reserved"], "offer", "agent")
_ASSIGN = _move(["reserved"], "offer", "agent", "wait_s")
_TALKED = _move(["assigned"])
_TALK_LOST = _move(["assigned"], "offer", "agent", "step_since", "entered_at")
_ASKED = _move(["assigned"], "offer", "agent", "service", "step", "step_since", "entered_at", "handed_at")
_SENT_ON = _move(["assigned"], "offer", "agent", "service", "step", "step_since", "entered_at", "visited", "handed_at")
# The wait before the talk is what it was: it does not count from the question.
_RETURNED = Statement(update(contacts)
                      .where(contacts.c.contact == bindparam("b_contact"), contacts.c.version == bindparam("b_before"),
                             _in(["pending", "reserved"]))
                      .values({name: bindparam(name) for name in ("state", "version", "changed_at", "offer", "agent",
                                                                  "service")}
                              | {"handed_at": select(offers.c.connected_at)
                                 .where(offers.c.offer == bindparam("b_offer")).scalar_subquery()
                                 - contacts.c.wait_s}))
_COMPLETE = _move(["wrapping"])
_CANCEL = _move(["pending", "reserved"], "outcome", "ended_at", "wait_s", "service",
                where=[contacts.c.outcome.is_(None)])


def _noted(*columns: str, **kept: ColumnElement[Any]) -> Statement:
    """Something about a waiting contact, whose state stays as it is. `kept`: columns set from what the row says."""
    return Statement(update(contacts)
                     .where(contacts.c.contact == bindparam("b_contact"), contacts.c.version == bindparam("b_before"),
                            _in(["pending", "reserved"]))
                     .values({name: bindparam(name) for name in ("version", "changed_at", *columns)} | kept))


_STEPPED = _noted("service", "step", "step_since")
_CALLBACK = ("service", "callback", "tries", "not_before", "leg", "anytime", "callback_hash", "callback_box")
_CALLED_BACK = _noted(*_CALLBACK)
_REACHED = _noted(*_CALLBACK, "entered_at")
_RANKED = _noted("priority", "needs", "topics")
# Another age is no longer wait in this service: where no time is named it was the start of the wait until now.
_AGED = _noted("priority", "needs", "topics", "since",
               entered_at=func.coalesce(contacts.c.entered_at, contacts.c.since))
_MOVED = _noted("service", "step", "step_since", "entered_at", "visited")
_AGREED = Statement(update(contacts).where(contacts.c.contact == bindparam("b_contact"))
                    .values(follow_up=bindparam("follow_up")))
_ABUSED = Statement(update(contacts).where(contacts.c.contact == bindparam("b_contact"))
                    .values(abusive=true(), topics=bindparam("topics")))
_OF_CONTACT = contacts.alias("of_contact")
_NOT_ABUSED = Statement(update(contacts).where(
    text("abusive"), contacts.c.caller_hash == select(_OF_CONTACT.c.caller_hash).where(
        _OF_CONTACT.c.contact == bindparam("b_contact")).scalar_subquery()).values(abusive=false()))
"""Of all contacts of the caller: what was said of them before is taken back too."""
_TOPICS = Statement(update(contacts).where(contacts.c.contact == bindparam("b_contact"))
                    .values(topics=bindparam("topics")))
_NOBODY = {column.name: "" for column in contacts.c if column.name.endswith(("_hash", "_box"))}
_UNKNOWN = Statement(update(contacts).where(contacts.c.contact == bindparam("b_contact"))
                     .values({name: bindparam(name) for name in _NOBODY}))
_GIVEN_OVER = Statement(update(contacts).where(contacts.c.contact == bindparam("b_contact"))
                        .values(entered_at=bindparam("entered_at"), visited=bindparam("visited")))
_UNKEYED = Statement(delete(keyed).where(keyed.c.contact == bindparam("b_contact")))
_VISITED = Statement(select(contacts.c.visited).where(contacts.c.contact == bindparam("b_contact")))
_BURDEN = Statement(update(agents).where(agents.c.agent == bindparam("b_agent"))
                    .values(wellbeing=bindparam("wellbeing")))
_INTERRUPT = _offer(["accepted"], "interrupted")
# The outcome of an answered contact comes beside the change of its state, with the same version or the next.
_OUTCOME = Statement(
    update(contacts)
    .where(contacts.c.contact == bindparam("b_contact"), contacts.c.outcome.is_(None),
           _in(CONTACT_LIVE), contacts.c.version.in_([bindparam("b_before"), bindparam("b_same")]))
    .values({name: bindparam(name) for name in ("state", "version", "outcome", "ended_at")}))
_RANG = _offer(["pending"], "rang_at")
_DIALLED = _offer(["pending"], "dialled_at")
_CLOSE = _offer(["pending"], "state", "ended_at", "reason")
_ACCEPT = _offer(["pending"], "state", "connected_at")
_CONSULT, _RETAKEN = _offer(["accepted"], "state"), _offer(["consulting"], "state")
_INTRODUCED = _offer(["consulting"], "state", "talk_over_at", "ended_at", "reason", "talk_s", "held_s")
_HOLD = _offer(["accepted"], "held_s", "held_since")
_WRAPUP = _offer(["pending", "accepted", "consulting"], "wrapup_asked")
_TALK_OVER = _offer(["accepted"], "state", "talk_over_at", "ended_at", "reason", "talk_s", "held_s")
_WRAPPED = _offer(["wrapping"], "state", "ended_at", "wrapup_s")
_CHANGE_AGENT = Statement(update(agents)
                          .where(agents.c.agent == bindparam("b_agent"), agents.c.version == bindparam("b_before"),
                                 agents.c.state == bindparam("b_state"))
                          .values({name: bindparam(name) for name in _AGENT}))
_SLOTS = Statement(select(offers.c.slot).where(
    offers.c.agent == bindparam("b_agent"), offers.c.channel == bindparam("b_channel"),
    _in(OFFER_WITH_AGENT)))


class Rows:
    """Applies facts with one cursor of the driver, inside the caller's transaction. `refused`: the driver's error for
    what an index or a check refuses."""

    def __init__(self, cursor: DBAPICursor, dialect: Dialect, refused: type[Exception]) -> None:
        self._cursor = cursor
        self._dialect = dialect
        self._refused = refused

    def apply(self, fact: Fact) -> None:
        """Change the rows as the fact says. Raises `StoreConflict`; then the caller rolls back."""
        change = _CHANGES.get(type(fact))
        if change is None:
            return
        try:
            change(self, fact)
        except self._refused as error:
            # The driver's words quote the row (PostgreSQL does): only the class is told.
            raise StoreConflict(fact.seq, type(fact).__name__, subject(fact),
                                f"an index or check of the table refused it ({type(error).__name__})") from None

    def _run(self, statement: Statement, values: Mapping[str, Any]) -> int:
        return statement.run(self._cursor, self._dialect, values)

    def _set(self, fact: Fact, statement: Statement, expected: str, **values: Any) -> None:
        if statement.run(self._cursor, self._dialect, values) != 1:
            raise StoreConflict(fact.seq, type(fact).__name__, subject(fact), f"expected {expected}")

    def _queued(self, fact: f.Queued) -> None:
        row = {
            "contact": fact.contact, "state": ContactState.PENDING.value, "version": fact.version,
            "service": fact.service, "channel": fact.channel.value, "since": fact.since, "queued_at": fact.at,
            "changed_at": fact.at, "priority": fact.priority, "position": fact.position, "leg": fact.leg,
            "slow": fact.slow, "node": fact.node, "caller_hash": fact.caller_hash, "caller_box": fact.caller_box,
            "visited": EMPTY, "needs": _json(fact.needs), "topics": _json(sorted(fact.topics)),
            "language": fact.language, "entered_at": fact.entered_at,
        }
        if self._run(_ADD_NEW_CONTACT, row) == 1:
            return
        # Asterisk counts anew after its start: with a clock that was set back a caller may get the id of an earlier
        # one. That one's record stays, under a name of its own (no Uniqueid has a `~`).
        self._run(_ENDED_BEFORE, {"b_contact": fact.contact})
        if self._cursor.fetchone() is not None:
            for statement in _RENAME:
                self._run(statement, {"b_contact": fact.contact, "b_name": f"{fact.contact}~{fact.seq}"})
        self._run(_ADD_CONTACT, row)

    def _offered(self, fact: f.Offered) -> None:
        self._contact(fact, _RESERVE, fact.version, ContactState.RESERVED, "pending", offer=fact.offer,
                      agent=fact.agent, service=fact.service)
        self._run(_ADD_OFFER, {
            "offer": fact.offer, "contact": fact.contact, "agent": fact.agent, "seat": fact.seat,
            "service": fact.service, "channel": fact.channel.value, "slot": self._slot(fact),
            "state": OfferState.PENDING.value, "agent_version": fact.agent_version, "offered_at": fact.at,
            "ring_s": fact.ring_s, "step": fact.step, "level": fact.level, "reason": "", "held_s": 0.0,
            "partner": fact.partner,
        })

    def _slot(self, fact: f.Offered) -> int:
        """Voice has one slot: a second call is refused by the index. Other channels take the first that is free."""
        if fact.channel is Channel.VOICE:
            return 0
        self._run(_SLOTS, {"b_agent": fact.agent, "b_channel": fact.channel.value})
        taken = {slot for (slot,) in self._cursor.fetchall()}
        free = next((slot for slot in range(SLOTS_MAX) if slot not in taken), None)
        if free is None:
            raise StoreConflict(fact.seq, "Offered", subject(fact), f"agent has {SLOTS_MAX} live offers already")
        return free

    def _contact(self, fact: Fact, statement: Statement, version: int, state: ContactState, expected: str,
                 **values: Any) -> None:
        self._set(fact, statement, f"contact {expected} with version {version - 1}", b_contact=_contact_of(fact),
                  b_before=version - 1, state=state.value, version=version, changed_at=fact.at, **values)

    def _offer(self, fact: Any, statement: Statement, expected: str, **values: Any) -> None:
        self._set(fact, statement, f"its offer {fact.offer} {expected}", b_offer=fact.offer, b_contact=fact.contact,
                  **values)

    def _rang(self, fact: f.OfferRang) -> None:
        self._offer(fact, _RANG, "pending", rang_at=fact.at)

    def _closed(self, fact: f.OfferClosed) -> None:
        self._offer(fact, _CLOSE, "pending", state=fact.state.value, ended_at=fact.at, reason=fact.reason)
        if fact.contact_version is not None:
            self._contact(fact, _RETURN, fact.contact_version, ContactState.PENDING, "reserved", offer=None, agent=None)

    def _connected(self, fact: tf.Connected) -> None:
        self._offer(fact, _ACCEPT, "pending", state=OfferState.ACCEPTED.value,
                    connected_at=fact.at if fact.connected_at is None else fact.connected_at)
        self._contact(fact, _ASSIGN, fact.version, ContactState.ASSIGNED, "reserved", offer=fact.offer,
                      agent=fact.agent, wait_s=fact.wait_s)

    def _note(self, fact: Any, statement: Statement, **values: Any) -> None:
        """Something about a waiting contact, whose state stays. Any: of the facts that say so."""
        self._set(fact, statement, f"contact waiting with version {fact.version - 1}", b_contact=fact.contact,
                  b_before=fact.version - 1, version=fact.version, changed_at=fact.at, **values)

    def _stepped(self, fact: f.Stepped) -> None:
        self._note(fact, _STEPPED, service=fact.service, step=fact.step, step_since=fact.at)

    def _moved(self, fact: f.Moved) -> None:
        visited: list[str] = []
        if fact.reason != "chosen":
            self._run(_VISITED, {"b_contact": fact.contact})
            found = self._cursor.fetchone()
            visited = json.loads(found[0] if found else EMPTY)
            if fact.reason != "transfer":  # of which `TalkOver` or `Consulting` has told already
                visited.append(fact.before)
        self._note(fact, _MOVED, service=fact.service, step=0, step_since=fact.at, entered_at=fact.at,
                   visited=_json(visited))
        self._unknown(fact)

    def _unknown(self, fact: f.Moved | tf.Introduced) -> None:
        if fact.unknown:
            self._run(_UNKNOWN, {"b_contact": fact.contact, **_NOBODY})
            self._run(_UNKEYED, {"b_contact": fact.contact})

    def _called_back(self, fact: f.CallbackChanged) -> None:
        values = {"service": fact.service, "callback": fact.callback, "tries": fact.tries, "leg": fact.leg,
                  "not_before": fact.not_before, "anytime": fact.anytime, "callback_hash": fact.callback_hash,
                  "callback_box": fact.callback_box}
        if fact.callback:
            self._note(fact, _CALLED_BACK, **values)
        else:
            self._note(fact, _REACHED, entered_at=fact.at, **values)

    def _dialled(self, fact: f.CallbackDialled) -> None:
        self._offer(fact, _DIALLED, "pending", dialled_at=fact.at)

    def _ranked(self, fact: f.ContactChanged) -> None:
        said = {"priority": fact.priority, "needs": _json(fact.needs), "topics": _json(sorted(fact.topics))}
        if fact.since is None:
            self._note(fact, _RANKED, **said)
        else:
            self._note(fact, _AGED, **said, since=fact.since)

    def _interrupted(self, fact: tf.Interrupted) -> None:
        self._offer(fact, _INTERRUPT, "accepted", interrupted=fact.on)

    def _held(self, fact: tf.HoldChanged) -> None:
        self._offer(fact, _HOLD, "accepted", held_s=fact.held_s, held_since=fact.at if fact.on else None)

    def _wants_wrap_up(self, fact: tf.WrapUpWanted) -> None:
        self._offer(fact, _WRAPUP, "in a talk", wrapup_asked=True)

    def _agreed(self, fact: tf.FollowUpSet) -> None:
        self._run(_AGREED, {"b_contact": fact.contact, "follow_up": fact.agreed})

    def _abused(self, fact: tf.AbuseNoted) -> None:
        said = {"b_contact": fact.contact, "topics": _json(sorted(fact.topics))}
        if fact.abusive:
            self._run(_ABUSED, said)
        else:
            self._run(_NOT_ABUSED, {"b_contact": fact.contact})
            self._run(_TOPICS, said)

    def _talk_over(self, fact: tf.TalkOver) -> None:
        # After a cut talk there is nothing to wrap up: the caller goes to the front, the agent is free. Of a transfer
        # the wrap-up is the agent's own: the contact is with somebody else by then.
        waits = fact.state is ContactState.PENDING
        self._offer(fact, _TALK_OVER, "accepted", talk_over_at=fact.at, ended_at=fact.at if waits else None,
                    state=(OfferState.COMPLETED if waits else OfferState.WRAPPING).value,
                    reason=fact.by, talk_s=fact.talk_s, held_s=fact.held_s)
        if fact.to is not None:
            self._contact(fact, _SENT_ON, fact.version, fact.state, "assigned", offer=None, agent=None, service=fact.to,
                          step=0, step_since=fact.at, entered_at=fact.at, visited=EMPTY, handed_at=fact.at)
        elif waits:
            self._contact(fact, _TALK_LOST, fact.version, fact.state, "assigned", offer=None, agent=None,
                          step_since=fact.at, entered_at=fact.at)
        else:
            self._contact(fact, _TALKED, fact.version, fact.state, "assigned")

    def _consulting(self, fact: tf.Consulting) -> None:
        self._offer(fact, _CONSULT, "accepted", state=OfferState.CONSULTING.value)
        self._contact(fact, _ASKED, fact.version, ContactState.PENDING, "assigned", offer=None, agent=None,
                      service=fact.to, step=0, step_since=fact.at, entered_at=fact.at, handed_at=fact.at)

    def _returned(self, fact: tf.Returned) -> None:
        self._contact(fact, _RETURNED, fact.version, ContactState.ASSIGNED, "waiting", offer=fact.offer,
                      b_offer=fact.offer, agent=fact.agent, service=fact.service)
        self._offer(fact, _RETAKEN, "consulting", state=OfferState.ACCEPTED.value)

    def _introduced(self, fact: tf.Introduced) -> None:
        self._offer(fact, _INTRODUCED, "consulting", state=OfferState.COMPLETED.value, talk_over_at=fact.at,
                    ended_at=fact.at, reason=fact.by, talk_s=fact.talk_s, held_s=fact.held_s)
        if fact.by != "caller":
            self._run(_GIVEN_OVER, {"b_contact": fact.contact, "entered_at": fact.at, "visited": EMPTY})
        self._unknown(fact)

    def _wrapped_up(self, fact: tf.WrappedUp) -> None:
        self._offer(fact, _WRAPPED, "wrapping", state=OfferState.COMPLETED.value, ended_at=fact.at,
                    wrapup_s=fact.wrapup_s)
        self._contact(fact, _COMPLETE, fact.version, ContactState.COMPLETED, "wrapping")

    def _ended(self, fact: f.Ended) -> None:
        ended_at = fact.at if fact.ended_at is None else fact.ended_at
        if fact.outcome is Outcome.ANSWERED and fact.state is not ContactState.CANCELED:
            self._set(fact, _OUTCOME, f"a live contact without an outcome, version {fact.version}",
                      b_contact=fact.contact, b_before=fact.version - 1, b_same=fact.version, state=fact.state.value,
                      version=fact.version, outcome=fact.outcome.value, ended_at=ended_at)
        else:
            self._contact(fact, _CANCEL, fact.version, fact.state, "live without an outcome",
                          outcome=fact.outcome.value, ended_at=ended_at, wait_s=fact.wait_s,
                          service=fact.service)

    def _agent(self, fact: f.AgentChanged) -> None:
        since = fact.at if fact.since is None else fact.since
        values = {"version": fact.version, "team": fact.team, "state": fact.state.value, "reason": fact.reason,
                  "seat": fact.seat, "since": since, "misses": fact.misses,
                  "idle_since": since if fact.idle_since is None else fact.idle_since,
                  "wrapup_until": fact.wrapup_until, "pause_pending": fact.pause_pending,
                  "leave_pending": fact.leave_pending,
                  "skills": None if fact.skills is None else _json(fact.skills)}
        if fact.version == 1:
            self._run(_ADD_AGENT, {"agent": fact.agent, **values})
        else:
            self._set(fact, _CHANGE_AGENT, f"agent {fact.before.value} with version {fact.version - 1}",
                      b_agent=fact.agent, b_before=fact.version - 1, b_state=fact.before.value, **values)
        if fact.wellbeing is not None:
            self._run(_BURDEN, {"b_agent": fact.agent, "wellbeing": _json(fact.wellbeing._asdict())})


_CHANGES: dict[type, Callable[[Rows, Any], None]] = {
    f.Queued: Rows._queued, f.Offered: Rows._offered, f.OfferRang: Rows._rang, f.OfferClosed: Rows._closed,
    tf.Connected: Rows._connected, tf.HoldChanged: Rows._held, tf.TalkOver: Rows._talk_over,
    tf.FollowUpSet: Rows._agreed, tf.AbuseNoted: Rows._abused, tf.WrapUpWanted: Rows._wants_wrap_up,
    tf.WrappedUp: Rows._wrapped_up,
    f.Ended: Rows._ended, f.AgentChanged: Rows._agent,
    f.Moved: Rows._moved, f.Stepped: Rows._stepped, f.CallbackChanged: Rows._called_back,
    f.CallbackDialled: Rows._dialled,
    tf.Consulting: Rows._consulting, tf.Returned: Rows._returned, tf.Introduced: Rows._introduced,
    f.ContactChanged: Rows._ranked, tf.Interrupted: Rows._interrupted,
}
"""The others (`CentreChanged`, `ServiceChanged`, `Overridden`, `Alarm`) change no row; they stand in `facts`."""


def _contact_of(fact: Any) -> str:
    return str(fact.contact)


def subject(fact: Fact) -> str:
    """Whom a fact is about, for messages: ids only."""
    found = [f"{name} {value}" for name in ("contact", "offer", "agent")
             if (value := getattr(fact, name, None)) is not None]
    return ", ".join(found)
