"""The legs of calls: one line for each channel that a call had in Asterisk, what a CDR is wanted for, without a number.

| kind     | begins                               | is answered                         | ends                       |
|----------|--------------------------------------|-------------------------------------|----------------------------|
| `caller` | with the menu, which answers at once | at its beginning                    | with the last that is known |
| `agent`  | when the agent's phone is called     | when it is together with the        | when they are apart        |
|          |                                      | caller; of a callback: when taken   |                            |
| `called` | when a caller is called back         | when they are on the line           | with the call, or the try  |

A leg belongs to the time at which it began. Who is at the other end of an agent's leg is not told: minutes need no
names, and how long each phone rang for whom would hint at what an agent needs; nor is whether an offer was taken back
by "not now". Of a pair there is one leg: two at the same time would tell who works so.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Double, bindparam, select

from metrics.contacts import Names
from metrics.export import Columns, Row
from metrics.names import end_told
from metrics.past import SLACK_S, Field, numbers, told
from metrics.period import Period
from routing.core.ids import ContactId, OfferId, leg_id
from routing.core.model import PHONE_CHANNELS
from routing.store.reader import Ask
from routing.store.schema import contacts, offers

ANSWERED, NO_ANSWER, BUSY, FAILED = "ANSWERED", "NO ANSWER", "BUSY", "FAILED"
"""A CDR's words for what became of it."""
DISPOSITIONS = {"busy": BUSY, "rejected": BUSY, "unreachable": FAILED, "failed": FAILED, "refused": FAILED,
                "callback_busy": BUSY, "callback_refused": FAILED, "callback_failed": FAILED,
                "callback_no_key": ANSWERED}
"""By the reason for which an offer, or a try to call back, ended; any other: nobody answered."""

COLUMNS: Columns = {"leg": str, "contact": str, "kind": str, "service": str, "start": datetime, "answer": datetime,
                    "end": datetime, "duration_s": float, "billsec_s": float, "disposition": str, "reason": str}

CALLS = [channel.value for channel in PHONE_CHANNELS]
"""Channels whose contacts have legs."""

_CONTACTS = select(
    contacts.c.contact, contacts.c.service, contacts.c.queued_at, contacts.c.changed_at, contacts.c.ended_at,
).where(contacts.c.queued_at >= bindparam("start"), contacts.c.queued_at < bindparam("end"),
        contacts.c.channel.in_(CALLS)).order_by(contacts.c.queued_at, contacts.c.contact)
_OFFERS = select(
    offers.c.offer, offers.c.contact, offers.c.service, offers.c.reason, offers.c.offered_at,
    offers.c.connected_at, offers.c.talk_over_at, offers.c.ended_at, offers.c.dialled_at,
).where(offers.c.offer >= bindparam("first"), offers.c.offer < bindparam("last"),
        offers.c.channel.in_(CALLS)).order_by(offers.c.offer)


class Leg(NamedTuple):
    """One channel. Unix seconds."""

    leg: str
    """Its id in Asterisk."""
    contact: str
    kind: str
    service: str
    start: float
    answer: float | None
    end: float | None
    """None: it is still there."""
    disposition: str
    reason: str
    """Why it ended, as the store says it; of a caller who was in the menu only, how the menu ended."""


def rows(ask: Ask, period: Period, since: float) -> list[Row]:
    """Those of a period, in the order of their beginning."""
    found = sorted((one for one in (*_callers(ask, period, since), *_phones(ask, period)) if period.holds(one.start)),
                   key=lambda one: (one.start, one.leg, one.kind))
    return [_row(one, period) for one in found]


def _row(one: Leg, period: Period) -> Row:
    def moment(at: float | None) -> datetime | None:
        return None if at is None else period.local(at)

    def seconds(begin: float | None) -> float | None:
        return None if one.end is None else 0.0 if begin is None else round(max(0.0, one.end - begin), 6)

    return (one.leg, one.contact, one.kind, one.service, moment(one.start), moment(one.answer), moment(one.end),
            seconds(one.start), seconds(one.answer), one.disposition, end_told(one.reason))


def _callers(ask: Ask, period: Period, since: float) -> Iterator[Leg]:
    """Callers who came in. The menu is told when it is over: an hour is more than it may last."""
    past = ask(_CONTACTS, start=max(since, period.start - SLACK_S), end=period.end + SLACK_S)
    known = {row[0]: row for row in past}
    names, horizon = Names(known), max([period.end, *(row[3] for row in past)])
    last = _last(ask, names, period.start, horizon)
    began: dict[str, float] = {}
    menus: dict[str, Leg] = {}
    for seq, at, _, contact, lasted_s, outcome in told(
            ask, ("MenuPassed",), (Field("contact"), Field("lasted_s", Double), Field("outcome")),
            period.start, period.end + SLACK_S):
        name = names.of(contact, seq)
        start = began.setdefault(name, at - lasted_s)  # who was led outside in vain comes to the menu again
        if name not in known:
            menus[name] = Leg(name, name, "caller", "", start, start, at, ANSWERED, outcome)
    yield from menus.values()
    for name, row in known.items():
        yield _caller(row, began.get(name, row[2]), last.get(name))


def _last(ask: Ask, names: Names, start: float, end: float) -> dict[str, float]:
    """When callers were last heard of, if it is not the end of their contact: in the survey after it, or when they
    asked to be called back. Who never hung up, and was reached so, is there to the end."""
    said: dict[str, float] = {}
    asked: dict[str, float] = {}
    gone: dict[str, float] = {}
    for seq, at, kind, contact, reason in told(ask, ("Surveyed", "CallbackChanged", "CallbackDialled"),
                                               (Field("contact"), Field("reason")), start, end):
        name = names.of(contact, seq)
        if kind == "Surveyed":
            said[name] = at
        elif kind == "CallbackDialled":
            gone.setdefault(name, asked.pop(name, at))
        elif reason == "asked":
            asked[name] = at
        elif reason == "reached":
            asked.pop(name, None)
    return said | asked | gone


def _caller(row: tuple[str, str, float, float, float | None], start: float, last: float | None) -> Leg:
    name, service, _, _, ended_at = row
    return Leg(name, name, "caller", service, start, start, ended_at if last is None else last, ANSWERED, "")


def _phones(ask: Ask, period: Period) -> Iterator[Leg]:
    first, last = numbers(ask, offers, offers.c.offer, offers.c.offered_at, period.start, period.end)
    reached: dict[str, list[float]] = {}
    for _, at, _, contact, reason in told(ask, ("CallbackChanged",), (Field("contact"), Field("reason")),
                                          period.start, period.end + SLACK_S):
        if reason == "reached":
            reached.setdefault(contact, []).append(at)
    for (offer, contact, service, reason, offered_at, connected_at, talk_over_at, ended_at,
         dialled_at) in ask(_OFFERS, first=first, last=last):
        end = ended_at if connected_at is None else talk_over_at
        became = DISPOSITIONS.get(reason, NO_ANSWER) if connected_at is None else ANSWERED
        answer, begun = connected_at, offered_at
        if dialled_at is not None:
            yield (called := _called(contact, service, dialled_at, end, reason, reached.get(contact, [])))
            if dialled_at > offered_at:  # the agent had taken it, and then the caller was dialled
                became, answer = ANSWERED, dialled_at
            elif called.answer is None:  # the caller first: no phone of an agent was called
                continue
            else:
                begun = called.answer
        ids = OfferId(offer), ContactId(contact)
        yield Leg(leg_id(*ids), contact, "agent", service, begun, answer, end, became, reason)


def _called(contact: str, service: str, dialled_at: float, end: float | None, reason: str, reached: list[float]) -> Leg:
    place = bisect_left(reached, dialled_at)
    answer = reached[place] if place < len(reached) and (end is None or reached[place] <= end) else None
    became = ANSWERED if answer is not None else DISPOSITIONS.get(reason, NO_ANSWER)
    return Leg(contact, contact, "called", service, dialled_at, answer, end, became, reason)
