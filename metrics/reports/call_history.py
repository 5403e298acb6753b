"""Count recorded calls by day, service and half hour, with the work they made, for a forecast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from math import sqrt
from zoneinfo import ZoneInfo

from metrics.reports.contacts import Contact, read_contacts
from metrics.reports.fact_query import recorded_span
from metrics.reports.period import Period
from routing.core.model.centre_model import ABANDONS
from routing.store.reader import Query

HALF_HOURS = 48
WEEKS_READ = 70
"""Weeks that are read: a year, the six weeks before it, and eight to judge the season."""
WEEK_S = 7 * 86_400.0
LEAST_TALKS = 100
"""Fewest talks that give a handle time. The mean of fewer is off by a fifth or more."""
LEAST_ABANDONS = 50
"""Fewest abandons that give a patience, which is off by a seventh then."""
VOICE = "voice"


@dataclass
class ServiceWork:
    """Talks and waits of one service."""

    talks: int = 0
    handle_s: float = 0.0
    handle_squares: float = 0.0
    waited_s: float = 0.0
    """Waits of all contacts, also of those who gave up."""
    abandoned: int = 0

    def count_contact(self, contact: Contact) -> None:
        """Count the wait of a contact that ended here."""
        self.waited_s += contact.wait_s or 0.0
        self.abandoned += contact.outcome in ABANDONS

    def count_talk(self, seconds: float) -> None:
        """Count a talk with its wrap-up."""
        self.talks += 1
        self.handle_s += seconds
        self.handle_squares += seconds * seconds

    @property
    def handle(self) -> tuple[float, float] | None:
        """Mean and standard deviation of the handle time, or None of too few talks."""
        if self.talks < LEAST_TALKS:
            return None
        mean = self.handle_s / self.talks
        return mean, sqrt(max(0.0, self.handle_squares / self.talks - mean * mean))

    @property
    def patience_s(self) -> float | None:
        """Mean patience, all waits / abandons, as for an exponential patience. None of too few abandons."""
        return self.waited_s / self.abandoned if self.abandoned >= LEAST_ABANDONS else None


@dataclass
class CallHistory:
    """Calls of the whole days of a record."""

    days: dict[date, dict[str, list[float]]] = field(default_factory=dict)
    work: dict[str, ServiceWork] = field(default_factory=dict)

    def count_contact(self, contact: Contact, day: dict[str, list[float]], slot: int) -> None:
        """Count a call in each of its queues, as the reports do, and its talks where they were."""
        for service in contact.services:
            day.setdefault(service, [0.0] * HALF_HOURS)[slot] += 1
        self.work.setdefault(contact.service, ServiceWork()).count_contact(contact)
        for talk in contact.talks:
            self.work.setdefault(talk.service, ServiceWork()).count_talk(talk.talk_s + talk.wrapup_s)


def read_history(ask: Query, zone: ZoneInfo,
                 progress: Callable[[float], None] = lambda _: None) -> CallHistory | None:
    """Return the last weeks of a record, or None if it is empty.

    Days that the record has only in part are left out.
    """
    span = recorded_span(ask)
    if span is None:
        return None
    # 1. The days that are whole in the record.
    since = max(span[0], span[1] - WEEKS_READ * WEEK_S)
    parts = Period("interval", since, span[1], zone).split_by_day()
    found = CallHistory()
    for number, part in enumerate(parts):
        if (number == 0 and part.start > part.midnight) or number == len(parts) - 1:
            continue
        # 2. A day at a time bounds the memory.
        day = found.days[part.local_time(part.start).date()] = {}
        for contact in read_contacts(ask, part, since).contacts:
            if contact.channel == VOICE:
                at = part.local_time(contact.queued_at)
                found.count_contact(contact, day, at.hour * 2 + at.minute // 30)
        progress((number + 1) / len(parts))
    return found
