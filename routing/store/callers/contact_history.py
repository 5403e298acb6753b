"""Read the past of one contact: its row, its facts, and the start of a node from which a replay reaches it.

Journal entries of other contacts are not read, because that would be a month of them.

A contact whose id was used again later has `~` and a number after its id in the rows. Facts have the id alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select, text

from routing.core.journal import JournalError, decode_fact
from routing.core.model.centre_model import ABANDONS, Outcome
from routing.core.model.facts import Fact, MenuEndedRecorded
from routing.core.model.ids import AgentId, ContactId, ServiceId
from routing.core.stored import Started
from routing.store.reader import Query
from routing.store.schema import IS_RARE, contacts, facts, journal
from routing.store.store import Store

EARLIER_MAX = 100
"""Earlier contacts of the same caller that are read. The hundredth call before explains nothing."""

MENU_S = 3_600.0
"""Longest time between a path through the menu and the queue entry.

A path is reported when it is over, at the queue entry. A caller who was transferred outside and came back has an
earlier path. No such call takes an hour.
"""

TRAILING_FACTS_S = 60.0
"""Longest delay of facts after the last change of the row, for example a late path through the menu."""


IDS_PAGE = 500
"""Contacts that one query names. SQLite takes 32,766 values, PostgreSQL 65,535."""


class ContactPast(NamedTuple):
    """A contact's row, for readers of its facts. Times are Unix seconds."""

    contact: ContactId
    service: ServiceId
    since: float
    queued_at: float
    agent: AgentId | None
    outcome: Outcome | None
    """None while the contact is alive."""
    changed_at: float
    """Last change of the state."""

    @property
    def name(self) -> ContactId:
        """Return the contact's id in the facts."""
        return ContactId(self.contact.partition("~")[0])


_ROWS = select(*(contacts.c[name] for name in ContactPast._fields))
_FACTS = select(facts.c.seq, facts.c.at, facts.c.kind, facts.c.body).order_by(facts.c.seq)


def find_contacts(ask: Query, beginning: str, limit: int) -> list[ContactPast]:
    """Return contacts whose id begins so, in order of arrival. A contact with exactly this id comes alone."""
    exact = [_parse_past(row) for row in ask(_ROWS.where(contacts.c.contact == beginning))]
    return exact or [_parse_past(row) for row in ask(
        _ROWS.where(func.substr(contacts.c.contact, 1, len(beginning)) == beginning)
        .order_by(contacts.c.queued_at, contacts.c.contact).limit(limit))]


def find_longest(ask: Query, start: float, end: float) -> ContactPast | None:
    """Return the answered or abandoned contact queued in this time that waited longest, or None if none waited."""
    found = ask(_ROWS.where(contacts.c.queued_at >= start, contacts.c.queued_at < end, contacts.c.wait_s > 0.0,
                            contacts.c.outcome.in_([Outcome.ANSWERED, *sorted(ABANDONS)]))
                .order_by(contacts.c.wait_s.desc(), contacts.c.queued_at, contacts.c.contact).limit(1))
    return _parse_past(found[0]) if found else None


def contacts_of_caller(ask: Query, caller_hash: str, before: float) -> list[ContactPast]:
    """Return contacts of the same caller that came before that moment, the latest first, at most `EARLIER_MAX`."""
    return [_parse_past(row) for row in ask(
        _ROWS.where(contacts.c.caller_hash == caller_hash, contacts.c.caller_hash != "",  # names the partial index
                    contacts.c.queued_at < before)
        .order_by(contacts.c.queued_at.desc(), contacts.c.contact).limit(EARLIER_MAX))]


def facts_of(ask: Query, contact: ContactId, queued_at: float, until: float | None) -> list[Fact]:
    """Return the facts about a contact that came at `queued_at`, in order, until the last change of its row.

    `until` is None while the contact is alive. Raise JournalError with the number of an unreadable fact.
    """
    # Facts are in order of time, so a search by halves bounds the range that the text search must read.
    last = ask(select(func.max(facts.c.seq)))[0][0] or 0
    first = _number_at(ask, queued_at - MENU_S, last)
    if until is not None:
        last = min(last, _number_at(ask, until + TRAILING_FACTS_S, last))
    return ask.with_callers([fact for fact in _facts_naming(ask, f'"{contact}"', first, last)
                             if getattr(fact, "contact", None) == contact])


def find_menu_paths(ask: Query, beginning: str) -> list[MenuEndedRecorded]:
    """Return the paths through the menu of contacts whose id begins so. Reads every fact."""
    ways = (fact for fact in _facts_naming(ask, f'"{beginning}', 0, None, MenuEndedRecorded.__name__)
            if isinstance(fact, MenuEndedRecorded) and fact.contact.startswith(beginning))
    return list(ways)


async def find_recorded(store: Store, names: Sequence[str],
                        menus_since: float) -> Mapping[str, MenuEndedRecorded | None]:
    """Return which of these contacts have a record: None for a row, else the last path through the menu that ended from
    that time on."""
    def find(connection: Connection) -> Mapping[str, MenuEndedRecorded | None]:
        ask, found = Query(connection), dict[str, MenuEndedRecorded | None]()
        for start in range(0, len(names), IDS_PAGE):
            found.update((name, None) for (name,) in ask(select(contacts.c.contact).where(
                contacts.c.contact.in_(names[start: start + IDS_PAGE]))))
        if left := set(names) - found.keys():
            first = _number_at(ask, menus_since, ask(select(func.max(facts.c.seq)))[0][0] or 0)
            paths = _facts_naming(ask, "", first, None, MenuEndedRecorded.__name__)
            found.update((one.contact, one) for one in paths
                         if isinstance(one, MenuEndedRecorded) and one.contact in left)
        return found

    return await store.run_query(find)


def start_before(ask: Query, fact: int) -> int | None:
    """Return the number of the last start of a node, or state of the night, before this fact, or None. Raise
    JournalError if a start is unreadable."""
    # One body at a time: those of a month may have 300 MB.
    for (seq,) in ask(select(journal.c.seq).where(journal.c.kind == Started.__name__, text(IS_RARE))
                      .order_by(journal.c.seq.desc())):
        [(body,)] = ask(select(journal.c.body).where(journal.c.seq == seq))
        try:
            first = int(json.loads(body)["next_fact"])  # in every start, complete or not
        except (ValueError, TypeError, KeyError) as error:
            raise JournalError(f"entry {seq}: not a record of kind {Started.__name__}: {error}") from None
        if first <= fact:
            return int(seq)
    return None


def _parse_past(row: Sequence[Any]) -> ContactPast:
    one = ContactPast(*row)
    return one._replace(outcome=None if one.outcome is None else Outcome(one.outcome))


def _number_at(ask: Query, moment: float, last: int) -> int:
    """Return the first fact from this moment on, or `last` + 1 if there is none. Facts are in order of time."""
    low, high = 0, last + 1
    while low < high:
        middle = (low + high) // 2
        row = ask(select(facts.c.at).where(facts.c.seq >= middle).order_by(facts.c.seq).limit(1))
        if row and row[0][0] < moment:
            low = middle + 1
        else:
            high = middle
    return low


def _facts_naming(ask: Query, name: str, first: int, last: int | None, kind: str | None = None) -> Iterator[Fact]:
    wanted = _FACTS.where(facts.c.seq >= first, facts.c.body.contains(name, autoescape=True))
    if last is not None:
        wanted = wanted.where(facts.c.seq <= last)
    if kind is not None:
        wanted = wanted.where(facts.c.kind == kind)
    for seq, at, of, body in ask(wanted):
        try:
            yield decode_fact(of, body, seq, at)
        except JournalError as error:
            raise JournalError(f"fact {seq}: {error}") from None
