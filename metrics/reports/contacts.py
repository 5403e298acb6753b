"""Read the contacts of a period, with everything that reports count of them, and export them as CSV or Parquet.

A contact belongs to the time at which it entered its first queue, whenever it ends. So in every half hour the offered
contacts equal the answered, abandoned, moved and open ones.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Boolean, bindparam, exists, select

from metrics.reports.export import Columns, Row
from metrics.reports.fact_query import Field, find_number_range, has_first_fact, read_facts
from metrics.reports.period import Period
from routing.core.model.centre_model import Outcome
from routing.core.model.reasons import FAILED, REACHED, REQUESTED, TRANSFER
from routing.store.reader import Query
from routing.store.schema import contacts, offers

FCR_S = 7 * 86_400.0
"""A caller who calls again within a week is assumed to call about the same matter."""

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
    contacts.c.source, contacts.c.fallback_talk_s,
).where(contacts.c.queued_at >= bindparam("start"), contacts.c.queued_at < bindparam("end")
        ).order_by(contacts.c.queued_at, contacts.c.contact)
_OFFERS = select(
    offers.c.contact, offers.c.agent, offers.c.partner, offers.c.service, offers.c.state, offers.c.reason,
    offers.c.offered_at, offers.c.connected_at, offers.c.talk_s, offers.c.held_s, offers.c.wrapup_s,
).where(offers.c.offer >= bindparam("first"), offers.c.offer < bindparam("last")).order_by(offers.c.offer)

FACTS = ("Moved", "Connected", "CallbackChanged", "ConsultStarted", "ConsultCancelled", "ConsultCompleted")
FIELDS = (Field("contact"), Field("before"), Field("service"), Field("within", Boolean), Field("reason"), Field("to"),
          Field("by"))
"""Fields of facts that tell more about a contact than its row."""


@dataclass(slots=True)
class Talk:
    """The part of one agent in a contact, in seconds."""

    service: str
    talk_s: float
    """Talk time with hold."""
    hold_s: float
    wrapup_s: float


@dataclass(slots=True)
class Contact:
    """One contact."""

    contact: str
    channel: str
    queued_at: float
    services: list[str]
    """The queues of the contact, in order. It ended in the last one."""
    ended_at: float | None
    outcome: str
    """Empty: the contact has not ended."""
    wait_s: float | None
    """Wait from the queue, or from the last transfer, to the bridge or the end. None: the contact waits."""
    caller_known: bool
    """Whether the caller can be recognised, by a hash of the number."""
    came_before: bool
    """Whether the same caller had another contact within `FCR_S` before."""
    came_again: bool
    """Whether the same caller had another contact within `FCR_S` after."""
    source: str = ""
    """`fallback`: no node answered the caller, and Asterisk's black box tells of the call."""
    fallback_talk_s: float | None = None
    """Talk that the fallback queue gave. None: no such talk, or its length is not known."""
    within: bool = False
    """Whether the first connection was within the target of the service."""
    callback: str = ""
    """Empty: no callback was requested. Otherwise `requested`, `reached` (the caller was on the line again) or
    `failed`."""
    offers: int = 0
    transfers: int = 0
    talks: list[Talk] = field(default_factory=list)

    @property
    def service(self) -> str:
        """The queue in which the contact ended, or is."""
        return self.services[-1]

    @property
    def first_contact(self) -> bool | None:
        """Whether this is a first contact, for the resolution at first contact. None if it cannot be known."""
        return None if not self.caller_known or self.outcome != Outcome.ANSWERED else not self.came_before


Rings = Counter[tuple[str, str]]
"""Number of offers by agent and state."""


@dataclass(slots=True)
class PastContacts:
    """Contacts of a period in order, the offers made in it, and the time of their last event."""

    contacts: list[Contact]
    rings: Rings
    horizon: float


class ContactIds:
    """Contact ids as the rows have them.

    Asterisk may give an id twice if its clock was set back. Then the row of the earlier contact is named `<id>~<number
    of the fact that came with the later one>`.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._earlier: dict[str, list[tuple[int, str]]] = {}
        for name in names:
            base, mark, seq = name.partition("~")
            if mark and seq.isdigit():
                self._earlier.setdefault(base, []).append((int(seq), name))
        for found in self._earlier.values():
            found.sort()

    def row_of(self, contact: str, seq: int) -> str:
        """Return the row to which a fact of this number belongs."""
        found = self._earlier.get(contact)
        if found is None:
            return contact
        # A fact belongs to the first contact that was renamed after it.
        at = bisect_right(found, (seq, "~~"))
        return found[at][1] if at < len(found) else contact


def read_contacts(ask: Query, period: Period, since: float) -> PastContacts:
    """Return the contacts of a period, with the values that only facts hold.

    These are the way through the queues, the target at the first connection, and callbacks. Facts are kept from `since`
    on.
    """
    # 1. Rows of the contacts. A call of an outage came before the first fact, and has all its facts unless some are
    #    purged.
    rows = ask(_CONTACTS, start=period.start if has_first_fact(ask) else max(period.start, since), end=period.end)
    found = {row[0]: Contact(row[0], row[2], row[3], [row[1]], row[5], row[6] or "", row[7], bool(row[8]),
                             bool(row[9]), bool(row[10]), row[11], row[12]) for row in rows}
    # 2. Facts of these contacts, up to the last change of any of them.
    past = PastContacts(list(found.values()), Counter(), max([period.end, *(row[4] for row in rows)]))
    names = ContactIds(found)
    seen: set[str] = set()
    ways: dict[str, list[str]] = {}
    asking: set[str] = set()
    """Contacts in a consult transfer. The caller belongs to the agent until the transfer completes."""
    for seq, _, kind, name, before, service, within, reason, to, by in read_facts(
            ask, FACTS, FIELDS, period.start, past.horizon):
        contact = found.get(names.row_of(name, seq))
        if contact is None:
            continue
        if kind == "Moved":
            if contact.contact not in asking:
                ways.setdefault(contact.contact, [before]).append(service)
        elif kind == "ConsultStarted":
            asking.add(contact.contact)
            # The row of the contact names the service of the consultant meanwhile.
            ways.setdefault(contact.contact, [service])
        elif kind in ("ConsultCancelled", "ConsultCompleted"):
            asking.discard(contact.contact)
            if by == TRANSFER and to != service:
                ways.setdefault(contact.contact, [service]).append(to)
        elif kind == "Connected":
            if contact.contact not in seen:
                seen.add(contact.contact)
                contact.within = bool(within) and contact.outcome == Outcome.ANSWERED
        elif reason in (REQUESTED, REACHED):
            contact.callback = FAILED if contact.outcome == Outcome.CALLBACK_FAILED else reason
    # 3. Contacts that have moved get their whole way.
    for name, way in ways.items():
        found[name].services = way
    # 4. Offers and talks.
    _add_offers(ask, period, past, found)
    return past


def _add_offers(ask: Query, period: Period, past: PastContacts, found: Mapping[str, Contact]) -> None:
    first, last = find_number_range(ask, offers, offers.c.offer, offers.c.offered_at, period.start, past.horizon)
    for name, agent, partner, service, state, reason, at, connected_at, talk_s, held_s, wrapup_s in ask(
            _OFFERS, first=first, last=last):
        # An offer of this period counts for its agents even if its contact came earlier.
        if period.contains_time(at):
            past.rings.update((one, state) for one in (agent, partner) if one is not None)
        contact = found.get(name)
        if contact is None:
            continue
        contact.offers += 1
        contact.transfers += reason == TRANSFER
        if connected_at is not None and talk_s is not None:
            contact.talks.append(Talk(service, talk_s, held_s, wrapup_s or 0.0))


COLUMNS: Columns = {
    "contact": str, "channel": str, "queued_at": datetime, "ended_at": datetime, "service": str, "services": str,
    "outcome": str, "within": bool, "wait_s": float, "offers": int, "talks": int, "talk_s": float, "hold_s": float,
    "wrapup_s": float, "transfers": int, "callback": str, "first_contact": bool, "came_again": bool,
    "source": str, "fallback_talk_s": float}
"""Columns of the export. `talk_s` is without hold here, so that the three add up to the handle time."""


def export_row(contact: Contact, period: Period) -> Row:
    """Return a contact as a row of the export."""
    def local_time(at: float | None) -> datetime | None:
        return None if at is None else period.local_time(at)

    hold_s = sum(talk.hold_s for talk in contact.talks)
    return (
        contact.contact, contact.channel, local_time(contact.queued_at), local_time(contact.ended_at), contact.service,
        ">".join(contact.services), contact.outcome, contact.within if contact.outcome == Outcome.ANSWERED else None,
        contact.wait_s, contact.offers, len(contact.talks), sum(talk.talk_s for talk in contact.talks) - hold_s, hold_s,
        sum(talk.wrapup_s for talk in contact.talks), contact.transfers, contact.callback, contact.first_contact,
        contact.came_again if contact.first_contact else None, contact.source, contact.fallback_talk_s)


def export_rows(ask: Query, period: Period, since: float) -> list[Row]:
    """Return the contacts of a period as rows of the export."""
    return [export_row(contact, period) for contact in read_contacts(ask, period, since).contacts]
