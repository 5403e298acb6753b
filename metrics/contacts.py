"""The contacts of a period: one line each, with all that reports count of it, and their export as CSV or Parquet.

A contact belongs to the time at which it entered its first queue, whenever it ends: so what was offered is what was
answered, abandoned, went elsewhere and is still there, for every half hour.
"""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Boolean, bindparam, exists, select

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


COLUMNS = ("contact", "channel", "queued_at", "ended_at", "service", "services", "outcome", "within", "wait_s",
           "offers", "talks", "talk_s", "hold_s", "wrapup_s", "transfers", "callback", "first_contact", "came_again")
"""Of the export. `talk_s` is without hold here, so that the three make up the handle time."""


def line(contact: Contact, period: Period) -> dict[str, Any]:
    """A contact for the export. Any: text, numbers, truth values, times, None."""
    def moment(at: float | None) -> datetime | None:
        return None if at is None else period.local(at)

    hold_s = sum(talk.hold_s for talk in contact.talks)
    return {
        "contact": contact.contact, "channel": contact.channel, "queued_at": moment(contact.queued_at),
        "ended_at": moment(contact.ended_at), "service": contact.service, "services": ">".join(contact.services),
        "outcome": contact.outcome, "within": contact.within if contact.outcome == "answered" else None,
        "wait_s": contact.wait_s, "offers": contact.offers, "talks": len(contact.talks),
        "talk_s": sum(talk.talk_s for talk in contact.talks) - hold_s, "hold_s": hold_s,
        "wrapup_s": sum(talk.wrapup_s for talk in contact.talks), "transfers": contact.transfers,
        "callback": contact.callback, "first_contact": contact.first,
        "came_again": contact.came_again if contact.first else None}


def write_csv(path: Path, days: Iterable[list[Contact]], period: Period) -> int:
    """UTF-8, a title line; times as the centre's clock with its offset, empty: unknown or not yet. Gives how many."""
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for found in days:
            writer.writerows([_text(value) for value in line(contact, period).values()] for contact in found)
            count += len(found)
    return count


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    return str(value)


class NoParquet(Exception):
    """The library for Parquet is not installed."""


def write_parquet(path: Path, days: Iterable[list[Contact]], period: Period) -> int:
    """The same columns with their types. Gives how many. NoParquet."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise NoParquet("Parquet needs the library pyarrow, which is not installed: pip install 'santral[parquet]', or "
                        "name a file that ends in .csv") from None
    moment = pa.timestamp("us", tz=str(period.zone))
    kinds = {"queued_at": moment, "ended_at": moment, "within": pa.bool_(), "wait_s": pa.float64(),
             "offers": pa.int64(), "talks": pa.int64(), "talk_s": pa.float64(), "hold_s": pa.float64(),
             "wrapup_s": pa.float64(), "transfers": pa.int64(), "first_contact": pa.bool_(), "came_again": pa.bool_()}
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])
    count = 0
    with parquet.ParquetWriter(path, schema) as writer:
        for found in days:
            writer.write_table(pa.Table.from_pylist([line(one, period) for one in found], schema=schema))
            count += len(found)
    return count
