"""Choose what the export of a caller holds: only what is the caller's own.

A row or fact of a call also speaks of the agent. The time that a phone may ring, or the time to read before a talk,
would tell of an accommodation. So each field is named here, and a field that is not named stays out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CONTACT_FIELDS = frozenset({
    "contact", "service", "channel", "queued_at", "entered_at", "position", "slow", "needs", "topics", "language",
    "outcome", "ended_at", "wait_s", "callback", "tries", "not_before", "anytime", "expires_at", "follow_up",
    "abusive"})
"""Columns of a contact."""

TALK_FIELDS = frozenset({"contact", "service", "channel", "connected_at", "talk_s", "held_s"})
"""Columns of an offer that became a talk. Others only say whom the centre rang."""

COURSE_FIELDS: Mapping[str, frozenset[str]] = {kind: frozenset(names.split()) for kind, names in {
    "MenuEndedRecorded": "entry nodes outcome lasted_s service timeouts wrong repeats slow",
    "Queued": "service channel since position slow topics language",
    "Moved": "before service reason waited_s position",
    "WayOutOffered": "service trigger way",
    "ContactChanged": "service priority position topics",
    "CallbackChanged": "service tries not_before reason callback anytime",
    "CallbackDialled": "service",
    "Connected": "service channel wait_s",
    "HoldSetRecorded": "on held_s",
    "FollowUpAgreedRecorded": "service agreed",
    "CallerFlaggedAbusiveRecorded": "service abusive",
    "ConsultStarted": "service to",
    "ConsultCancelled": "service",
    "ConsultCompleted": "service to by talk_s held_s",
    "TalkEndedRecorded": "service by talk_s held_s to",
    "Ended": "service outcome wait_s position key ended_at",
    "SurveyAnsweredRecorded": "service question answer",
}.items()}
"""Fields of each kind of fact in the course of a call, together with its time and contact."""

AGENT_KINDS = frozenset({"Stepped", "Offered", "OfferRang", "OfferClosed", "WrapUpRequestedRecorded", "Interrupted",
                         "WrappedUp", "Alarm"})
"""Facts with a contact that speak of agents or of the machine, and not of the caller."""


def select_fields(row: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """Return the named fields of a row, in the order of the row."""
    return {name: value for name, value in row.items() if name in names}


def select_course(at: float, kind: str, fields: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what the export tells of a fact, or None if it is not about the caller."""
    if kind not in COURSE_FIELDS:
        return None
    return {"at": at, "kind": kind, "contact": fields["contact"], **select_fields(fields, COURSE_FIELDS[kind])}
