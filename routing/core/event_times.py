"""Give events that are handled late their own times, so that records tell when something happened."""

from __future__ import annotations

from routing.core.events import (
    CallerHungUp,
    ContactExited,
    Event,
    OfferAnswered,
    OfferConnected,
    OfferEnded,
    OfferRinging,
    TalkEnded,
    TalkFound,
)

LATE_S = 0.5
"""Shortest delay that counts. Records shall be right within a second, and a busy process is late by less."""


def with_time(event: Event, at: float) -> Event:
    """Return an event with the time at which it happened, if it has a place for that and names no time yet."""
    match event:
        case TalkEnded(ended_at=None) | CallerHungUp(ended_at=None) | OfferEnded(ended_at=None):
            return event._replace(ended_at=at)
        case OfferConnected(connected_at=None) | TalkFound(connected_at=None):
            return event._replace(connected_at=at)
        case OfferRinging(rang_at=None):
            return event._replace(rang_at=at)
        case OfferAnswered(answered_at=None):
            return event._replace(answered_at=at)
        case ContactExited(exited_at=None):
            return event._replace(exited_at=at)
    return event
