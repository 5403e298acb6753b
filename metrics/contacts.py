"""The contacts of a period: one line each, with all that reports count of it, and their export as CSV or Parquet.

A contact belongs to the time at which it entered its first queue, whenever it ends: so what was offered is what was
answered, abandoned, went elsewhere and is still there, for every half hour.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Boolean, bindparam, exists, select

from metrics.export import Columns, Row
from metrics.past import Field, numbers, told
from metrics.period import Period
from routing.store.reader import Ask
from routing.store.schema import contacts, offers

FCR_S = 7 * 86_400.0
"""Who calls again within a week is taken to call about the same."""

_BEFORE, _AFTER = contacts.alias("before"), contacts.alias("after")
# The words `caller_hash <> ''` let the database see that its index of callers serves.
_CONTACTS = select(
    contacts.c.contact, contacts.c.service, contacts.c.channel, contacts.c.queued_at, contacts.c.changed_at,
    contacts.c.ended_at, contacts.c.outcome, contacts.c.wait_s,
    contacts.c.caller_hash != "",
    exists().where(_BEFORE.c.caller_hash == contacts.c.caller_hash, _BEFORE.c.caller_hash != "",
                   _BEFORE.c.queued_at >= contacts.c.queued_at - FCR_S,
                   _BEFORE.c.queued_at < contacts.c.queued_at),
    exists().where(_AFTER.c.caller_hash == contacts.c.caller_hash, _AFTER.c.caller_hash != "",
                   _AFTER.c.queued_at > contacts.c.queued_at,
                   _AFTER.c.queued_at <= contacts.c.queued_at + FCR_S),
).where(contacts.c.queued_at >= bindparam("start"), contacts.c.queued_at < bindparam("end")
        ).order_by(contacts.c.queued_at, contacts.c.contact)
_OFFERS = select(
    offers.c.contact, offers.c.agent, offers.c.partner, offers.c.service, offers.c.state, offers.c.reason,
    offers.c.offered_at, offers.c.connected_at, offers.c.talk_s, offers.c.held_s, offers.c.wrapup_s,
).where(offers.c.offer >= bindparam("first"), offers.c.offer < bindparam("last")).order_by(offers.c.offer)

FACTS = ("Moved", "Connected", "CallbackChanged", "Consulting", "Returned", "Introduced")
FIELDS = (Field("contact"), Field("before"), Field("service"), Field("within", Boolean), Field("reason"), Field("to"),
          Field("by"))
"""What facts tell of a contact that its row does not."""


@dataclass(slots=True)
class Talk:
    """One agent's part of a contact. Seconds."""

    service: str
    talk_s: float
    """Hold included."""
    hold_s: float
    wrapup_s: float


@dataclass(slots=True)
class Contact:
    """One contact."""

    contact: str
    channel: str
    queued_at: float
    services: list[str]
    """The queues it went through, in order; the last one is where it ended."""
    ended_at: float | None
    outcome: str
    """Empty: it has not ended."""
    wait_s: float | None
    """From the queue, or the transfer before, to the bridge or the end; None: it waits."""
    known: bool
    """The caller can be recognised: there is a hash of the number."""
    came_before: bool
    """The same caller had another contact within `FCR_S` before."""
    came_again: bool
    """And within `FCR_S` after."""
    within: bool = False
    """Answered within the target of the service, at the first connection."""
    callback: str = ""
    """Empty: none was asked for; else `asked`, `reached` (the caller was on the line again) or `failed`."""
    offers: int = 0
    transfers: int = 0
    talks: list[Talk] = field(default_factory=list)

    @property
    def service(self) -> str:
        """Where it ended, or is."""
        return self.services[-1]

    @property
    def first(self) -> bool | None:
        """For the resolution at the first contact: whether this is one. None: nobody knows."""
        return None if not self.known or self.outcome != "answered" else not self.came_before


Rings = Counter[tuple[str, str]]
"""Agent, how an offer to them ended or stands -> so many."""


@dataclass(slots=True)
class Past:
    """Contacts of a period in order, offers made within it, and until when something of them happened."""

    contacts: list[Contact]
    rings: Rings
    horizon: float


class Names:
    """Contact ids as the rows have them. Asterisk may give an id twice when its clock was set back: then the row of
    the earlier contact is named `<id>~<number of the fact that came with the later one>`."""

    def __init__(self, names: Iterable[str]) -> None:
        self._earlier: dict[str, list[tuple[int, str]]] = {}
        for name in names:
            base, mark, seq = name.partition("~")
            if mark and seq.isdigit():
                self._earlier.setdefault(base, []).append((int(seq), name))
        for found in self._earlier.values():
            found.sort()

    def of(self, contact: str, seq: int) -> str:
        """The row that a fact of this number is about."""
        found = self._earlier.get(contact)
        if found is None:
            return contact
        at = bisect_right(found, (seq, "~~"))
        return found[at][1] if at < len(found) else contact


def read(ask: Ask, period: Period, since: float) -> Past:
    """Contacts of a period that came when facts were kept (`since`), with what only those tell: the way through the
    queues, whether the first connection was within the target, callbacks."""
    rows = ask(_CONTACTS, start=max(period.start, since), end=period.end)
    found = {row[0]: Contact(row[0], row[2], row[3], [row[1]], row[5], row[6] or "", row[7], bool(row[8]),
                             bool(row[9]), bool(row[10])) for row in rows}
    past = Past(list(found.values()), Counter(), max([period.end, *(row[4] for row in rows)]))
    names = Names(found)
    seen: set[str] = set()
    ways: dict[str, list[str]] = {}
    asking: set[str] = set()
    """While an agent asks somebody else the caller is theirs: only who is given over has gone on."""
    for seq, _, kind, name, before, service, within, reason, to, by in told(
            ask, FACTS, FIELDS, period.start, past.horizon):
        contact = found.get(names.of(name, seq))
        if contact is None:
            continue
        if kind == "Moved":
            if contact.contact not in asking:
                ways.setdefault(contact.contact, [before]).append(service)
        elif kind == "Consulting":
            asking.add(contact.contact)
            ways.setdefault(contact.contact, [service])  # their row names whom the agent asks
        elif kind in ("Returned", "Introduced"):
            asking.discard(contact.contact)
            if by == "transfer" and to != service:
                ways.setdefault(contact.contact, [service]).append(to)
        elif kind == "Connected":
            if contact.contact not in seen:
                seen.add(contact.contact)
                contact.within = bool(within) and contact.outcome == "answered"
        elif reason in ("asked", "reached"):
            contact.callback = "failed" if contact.outcome == "callback_failed" else reason
    for name, way in ways.items():
        found[name].services = way
    _add_offers(ask, period, past, found)
    return past


def _add_offers(ask: Ask, period: Period, past: Past, found: Mapping[str, Contact]) -> None:
    first, last = numbers(ask, offers, offers.c.offer, offers.c.offered_at, period.start, past.horizon)
    for name, agent, partner, service, state, reason, at, connected_at, talk_s, held_s, wrapup_s in ask(
            _OFFERS, first=first, last=last):
        if period.holds(at):
            past.rings.update((one, state) for one in (agent, partner) if one is not None)
        contact = found.get(name)
        if contact is None:
            continue
        contact.offers += 1
        contact.transfers += reason == "transfer"
        if connected_at is not None and talk_s is not None:
            contact.talks.append(Talk(service, talk_s, held_s, wrapup_s or 0.0))


COLUMNS: Columns = {
    "contact": str, "channel": str, "queued_at": datetime, "ended_at": datetime, "service": str, "services": str,
    "outcome": str, "within": bool, "wait_s": float, "offers": int, "talks": int, "talk_s": float, "hold_s": float,
    "wrapup_s": float, "transfers": int, "callback": str, "first_contact": bool, "came_again": bool}
"""Of the export. `talk_s` is without hold here, so that the three make up the handle time."""


def row(contact: Contact, period: Period) -> Row:
    """A contact for the export."""
    def moment(at: float | None) -> datetime | None:
        return None if at is None else period.local(at)

    hold_s = sum(talk.hold_s for talk in contact.talks)
    return (
        contact.contact, contact.channel, moment(contact.queued_at), moment(contact.ended_at), contact.service,
        ">".join(contact.services), contact.outcome, contact.within if contact.outcome == "answered" else None,
        contact.wait_s, contact.offers, len(contact.talks), sum(talk.talk_s for talk in contact.talks) - hold_s, hold_s,
        sum(talk.wrapup_s for talk in contact.talks), contact.transfers, contact.callback, contact.first,
        contact.came_again if contact.first else None)


def rows(ask: Ask, period: Period, since: float) -> list[Row]:
    """The contacts of a period for the export."""
    return [row(contact, period) for contact in read(ask, period, since).contacts]
