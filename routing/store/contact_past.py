"""One contact's past: its row, its facts, and the start of a node from which on a replay comes to it. What the journal
holds of others is not read, or a month of it would have to be.

A contact whose id was used again later stands in the rows with `~` and a number behind it; facts have the id alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import func, select, text

from routing.core.facts import Fact, MenuPassed
from routing.core.ids import AgentId, ContactId, ServiceId
from routing.core.journal import JournalError, decode_fact
from routing.core.model import Outcome
from routing.core.stored import Started
from routing.store.reader import Ask
from routing.store.schema import SETTINGS_KINDS, contacts, facts, journal, one_of

EARLIER_MAX = 100
"""Contacts of the same caller that are looked at: who calls oftener is not explained by the hundredth call before."""

MENU_S = 3_600.0
"""A way through the menu is told when it is over, at the queue entry; who was led outside in between and came back has
one more before it. An hour is longer than any such call."""

AFTER_S = 60.0
"""What belongs to a contact and is told after the last change of its row: its way through the menu, late."""


class Past(NamedTuple):
    """A contact's row, for those who read its facts. Times are Unix seconds."""

    contact: ContactId
    service: ServiceId
    since: float
    queued_at: float
    agent: AgentId | None
    outcome: Outcome | None
    """None: it is not over."""
    changed_at: float
    """When its state changed last."""

    @property
    def name(self) -> ContactId:
        """Its id in the facts."""
        return ContactId(self.contact.partition("~")[0])


_ROWS = select(*(contacts.c[name] for name in Past._fields))
_FACTS = select(facts.c.seq, facts.c.kind, facts.c.body).order_by(facts.c.seq)


def named(ask: Ask, beginning: str, limit: int) -> list[Past]:
    """Contacts whose id begins so, the first to come before the others; when one has just this id, that one alone."""
    exact = [_past(row) for row in ask(_ROWS.where(contacts.c.contact == beginning))]
    return exact or [_past(row) for row in ask(
        _ROWS.where(func.substr(contacts.c.contact, 1, len(beginning)) == beginning)
        .order_by(contacts.c.queued_at, contacts.c.contact).limit(limit))]


def of_caller(ask: Ask, caller_hash: str, before: float) -> list[Past]:
    """Contacts of the same caller that came before that moment, the latest first, at most `EARLIER_MAX`."""
    return [_past(row) for row in ask(
        _ROWS.where(contacts.c.caller_hash == caller_hash, contacts.c.caller_hash != "",  # names the partial index
                    contacts.c.queued_at < before)
        .order_by(contacts.c.queued_at.desc(), contacts.c.contact).limit(EARLIER_MAX))]


def facts_of(ask: Ask, contact: ContactId, queued_at: float, until: float | None) -> list[Fact]:
    """What the facts tell of a contact that came then, until the last change of its row (None: it is not over), in
    order. Raises JournalError with the number of one that cannot be read."""
    last = ask(select(func.max(facts.c.seq)))[0][0] or 0
    first = _number_at(ask, queued_at - MENU_S, last)
    if until is not None:
        last = min(last, _number_at(ask, until + AFTER_S, last))
    return [fact for fact in _naming(ask, f'"{contact}"', first, last) if getattr(fact, "contact", None) == contact]


def menus(ask: Ask, beginning: str) -> list[MenuPassed]:
    """Ways through the menu of contacts whose id begins so. Looks at every fact."""
    ways = (fact for fact in _naming(ask, f'"{beginning}', 0, None, MenuPassed.__name__)
            if isinstance(fact, MenuPassed) and fact.contact.startswith(beginning))
    return list(ways)


def start_before(ask: Ask, fact: int) -> int | None:
    """Number of the last start of a node before this fact; None: there is none. Raises JournalError."""
    for seq, body in ask(select(journal.c.seq, journal.c.body)
                         .where(journal.c.kind == Started.__name__, text(one_of("kind", SETTINGS_KINDS)))
                         .order_by(journal.c.seq.desc())):
        try:
            first = int(json.loads(body)["next_fact"])  # in every start, whole or not
        except (ValueError, TypeError, KeyError) as error:
            raise JournalError(f"entry {seq}: not a record of kind {Started.__name__}: {error}") from None
        if first <= fact:
            return int(seq)
    return None


def _past(row: Sequence[Any]) -> Past:
    one = Past(*row)
    return one._replace(outcome=None if one.outcome is None else Outcome(one.outcome))


def _number_at(ask: Ask, moment: float, last: int) -> int:
    """The first fact from this moment on, `last` + 1 when there is none: facts come in the order of time."""
    low, high = 0, last + 1
    while low < high:
        middle = (low + high) // 2
        row = ask(select(facts.c.at).where(facts.c.seq >= middle).order_by(facts.c.seq).limit(1))
        if row and row[0][0] < moment:
            low = middle + 1
        else:
            high = middle
    return low


def _naming(ask: Ask, name: str, first: int, last: int | None, kind: str | None = None) -> Iterator[Fact]:
    wanted = _FACTS.where(facts.c.seq >= first, facts.c.body.contains(name, autoescape=True))
    if last is not None:
        wanted = wanted.where(facts.c.seq <= last)
    if kind is not None:
        wanted = wanted.where(facts.c.kind == kind)
    for seq, of, body in ask(wanted):
        try:
            yield decode_fact(of, body)
        except JournalError as error:
            raise JournalError(f"fact {seq}: {error}") from None
