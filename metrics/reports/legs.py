"""Read the legs of calls: one line for each channel of a call in Asterisk, like a CDR but without numbers.

| kind     | begins                               | is answered                           | ends                      |
|----------|--------------------------------------|---------------------------------------|---------------------------|
| `caller` | with the menu, which answers at once | at its start                          | with the last known event |
| `agent`  | when the agent's phone is called     | at the bridge with the caller;        | when the bridge ends      |
|          |                                      | of a callback: when the agent answers |                           |
| `called` | when a callback is dialled           | when the caller is on the line        | with the call, or the try |

A leg belongs to the time at which it began. The agent of a leg is not named, because minutes need no names.
The ring time of a single phone would hint at the needs of its agent. So would an offer that "not now" took back.
A pair has one leg, because two at one time would show who works as a pair.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Double, bindparam, select, text

from metrics.prometheus.names import public_end_reason
from metrics.reports.contacts import ContactIds
from metrics.reports.export import Columns, Row
from metrics.reports.fact_query import SLACK_S, Field, find_number_range, read_facts
from metrics.reports.period import Period
from routing.core.model.centre_model import PHONE_CHANNELS
from routing.core.model.ids import ContactId, OfferId, leg_id
from routing.core.model.reasons import REACHED, REQUESTED, TIME_CHOSEN
from routing.core.queueing.callback_dial import DIAL_S
from routing.store.reader import Query
from routing.store.schema import contacts, offers

ANSWERED, NO_ANSWER, BUSY, FAILED = "ANSWERED", "NO ANSWER", "BUSY", "FAILED"
"""Dispositions of a CDR."""
DISPOSITIONS = {"busy": BUSY, "rejected": BUSY, "unreachable": FAILED, "failed": FAILED, "refused": FAILED,
                "callback_busy": BUSY, "callback_refused": FAILED, "callback_failed": FAILED,
                "callback_no_key": ANSWERED}
"""Disposition by the reason for which an offer or a callback ended. Any other reason means that nobody answered."""

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
    offers.c.connected_at, offers.c.talk_ended_at, offers.c.ended_at, offers.c.dialled_at,
).where(offers.c.offer >= bindparam("first"), offers.c.offer < bindparam("last"),
        offers.c.channel.in_(CALLS)).order_by(offers.c.offer)

_DIALLED = select(contacts.c.contact, contacts.c.service, contacts.c.dials, contacts.c.ended_at).where(
    text("dials <> '[]'"), contacts.c.changed_at >= bindparam("start")).order_by(contacts.c.queued_at)


class Leg(NamedTuple):
    """One channel, with times in Unix seconds."""

    leg: str
    """Id of the leg in Asterisk."""
    contact: str
    kind: str
    service: str
    start: float
    answer: float | None
    end: float | None
    """None: the leg is still there."""
    disposition: str
    reason: str
    """Reason of the end, as the store has it. For a caller who was only in the menu, the end of the menu."""


def export_rows(ask: Query, period: Period, since: float) -> list[Row]:
    """Return the legs of a period, in the order of their start."""
    found = sorted((one for one in (*_caller_legs(ask, period, since), *_phone_legs(ask, period))
                    if period.contains_time(one.start)),
                   key=lambda one: (one.start, one.leg, one.kind))
    return [_export_row(one, period) for one in found]


def _export_row(one: Leg, period: Period) -> Row:
    def local_time(at: float | None) -> datetime | None:
        return None if at is None else period.local_time(at)

    def duration_from(begin: float | None) -> float | None:
        return None if one.end is None else 0.0 if begin is None else round(max(0.0, one.end - begin), 6)

    return (one.leg, one.contact, one.kind, one.service, local_time(one.start), local_time(one.answer),
            local_time(one.end), duration_from(one.start), duration_from(one.answer), one.disposition,
            public_end_reason(one.reason))


def _caller_legs(ask: Query, period: Period, since: float) -> Iterator[Leg]:
    """Yield the legs of callers who called in.

    A menu is recorded when it is over, and lasts less than the hour by which the search is longer.
    """
    # 1. Contacts around the period.
    past = ask(_CONTACTS, start=max(since, period.start - SLACK_S), end=period.end + SLACK_S)
    known = {row[0]: row for row in past}
    names, horizon = ContactIds(known), max([period.end, *(row[3] for row in past)])
    last = _last_signs(ask, names, period.start, horizon)
    # 2. The menu gives the start of a leg. A caller without a contact was only in the menu.
    began: dict[str, float] = {}
    menus: dict[str, Leg] = {}
    for seq, at, _, contact, lasted_s, outcome in read_facts(
            ask, ("MenuEndedRecorded",), (Field("contact"), Field("lasted_s", Double), Field("outcome")),
            period.start, period.end + SLACK_S):
        name = names.row_of(contact, seq)
        # A caller who returns from a failed external transfer enters the menu a second time.
        start = began.setdefault(name, at - lasted_s)
        if name not in known:
            menus[name] = Leg(name, name, "caller", "", start, start, at, ANSWERED, outcome)
    yield from menus.values()
    for name, row in known.items():
        yield _caller_leg(row, began.get(name, row[2]), last.get(name))


def _last_signs(ask: Query, names: ContactIds, start: float, end: float) -> dict[str, float]:
    """Return when each caller was last heard of, if that is not the end of the contact.

    It is the last answer in the survey, or the request for a callback. A caller who was reached without hanging up
    stays to the end.
    """
    said: dict[str, float] = {}
    asked: dict[str, float] = {}
    gone: dict[str, float] = {}
    for seq, at, kind, contact, reason in read_facts(
            ask, ("SurveyAnsweredRecorded", "CallbackChanged", "CallbackDialled"),
            (Field("contact"), Field("reason")), start, end):
        name = names.row_of(contact, seq)
        if kind == "SurveyAnsweredRecorded":
            said[name] = at
        elif kind == "CallbackDialled":
            # A try to dial proves that the caller had hung up: at the request, if one is known.
            gone.setdefault(name, asked.pop(name, at))
        elif reason in (REQUESTED, TIME_CHOSEN):
            asked[name] = at
        elif reason == REACHED:
            asked.pop(name, None)
    # A hang-up for a callback counts more than an answer in a survey.
    return said | asked | gone


def _caller_leg(row: tuple[str, str, float, float, float | None], start: float, last: float | None) -> Leg:
    name, service, _, _, ended_at = row
    return Leg(name, name, "caller", service, start, start, ended_at if last is None else last, ANSWERED, "")


def _phone_legs(ask: Query, period: Period) -> Iterator[Leg]:
    first, last = find_number_range(ask, offers, offers.c.offer, offers.c.offered_at, period.start, period.end)
    reached: dict[str, list[float]] = {}
    changes: dict[str, list[tuple[float, str]]] = {}
    for _, at, _, contact, reason in read_facts(
            ask, ("CallbackChanged",), (Field("contact"), Field("reason")), period.start, period.end + SLACK_S):
        changes.setdefault(contact, []).append((at, reason))
        if reason == REACHED:
            reached.setdefault(contact, []).append(at)
    yield from _dials_without_agent(ask, period, changes)
    for (offer, contact, service, reason, offered_at, connected_at, talk_ended_at, ended_at,
         dialled_at) in ask(_OFFERS, first=first, last=last):
        # 1. The agent's leg, by default.
        end = ended_at if connected_at is None else talk_ended_at
        became = DISPOSITIONS.get(reason, NO_ANSWER) if connected_at is None else ANSWERED
        answer, begun = connected_at, offered_at
        # 2. A callback has a second leg, and its order decides what the agent's leg was.
        if dialled_at is not None:
            yield (called := _callback_leg(contact, service, dialled_at, end, reason, reached.get(contact, [])))
            # The agent was called first and had answered before the caller was dialled.
            if dialled_at > offered_at:
                became, answer = ANSWERED, dialled_at
            # The caller was called first and did not answer, so no phone of an agent was called.
            elif called.answer is None:
                continue
            else:
                begun = called.answer
        ids = OfferId(offer), ContactId(contact)
        yield Leg(leg_id(*ids), contact, "agent", service, begun, answer, end, became, reason)


def _dials_without_agent(ask: Query, period: Period, changes: dict[str, list[tuple[float, str]]]) -> Iterator[Leg]:
    """Yield the legs of callers who were dialled without a reserved agent. `changes` are those of each callback."""
    for contact, service, dials, ended_at in ask(_DIALLED, start=period.start):
        for at, refused in json.loads(dials):
            if refused or not period.contains_time(at):
                continue
            later = next((one for one in changes.get(contact, ()) if one[0] >= at), None)
            # Nothing is recorded of a dial that was stopped, and none lasts longer than this.
            if later is None:
                end = None if ended_at is None else min(ended_at, at + DIAL_S)
                yield Leg(contact, contact, "called", service, at, None, end, NO_ANSWER, "")
            elif later[1] == REACHED:
                yield Leg(contact, contact, "called", service, at, later[0], ended_at, ANSWERED, "")
            else:
                reason = f"callback_{later[1]}"
                yield Leg(contact, contact, "called", service, at, None, later[0],
                          DISPOSITIONS.get(reason, NO_ANSWER), reason)


def _callback_leg(contact: str, service: str, dialled_at: float, end: float | None, reason: str,
                  reached: list[float]) -> Leg:
    place = bisect_left(reached, dialled_at)
    # The first time the caller was reached after this try belongs to it, if it was before the end.
    answer = reached[place] if place < len(reached) and (end is None or reached[place] <= end) else None
    became = ANSWERED if answer is not None else DISPOSITIONS.get(reason, NO_ANSWER)
    return Leg(contact, contact, "called", service, dialled_at, answer, end, became, reason)
