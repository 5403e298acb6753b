"""Number the kinds of journal entries and facts, and tell which of their fields identify a caller.

A row holds the number of its kind, which is one byte, and no name.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Integer
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from routing.core.events import Event
from routing.core.journal import EVENTS, FACTS, NAMED
from routing.core.model.privacy import PersonalField, Privacy, find_personal_fields

KINDS = (
    "tick", "Started", "Configured",
    # Events of callers, offers, agents and nodes.
    "ContactQueued", "HoldTick", "CallerHungUp", "ContactExited", "ContactPrioritised", "HeldPositionDeclined",
    "CallbackRequested", "CallbackAccepted", "CallbackReached", "CallbackFailed", "CallerErased", "QuietHoursChanged",
    "ServiceHoursSet", "OfferRinging", "OfferAnswered", "OfferConnected", "OfferEnded", "TalkEnded", "HoldSet",
    "LoadReported", "TransferRequested", "ConsultRequested", "ConsultEndRequested", "FollowUpAgreed",
    "CallerFlaggedAbusive", "SurveyAnswered", "MenuEnded", "AgentSignedIn", "AgentSignedOut", "AgentPaused",
    "AgentResumed", "WrapUpEnded", "WrapUpExtended", "WrapUpRequested", "AgentSkillsChanged", "HeavyContactsDeclined",
    "PageReturned", "RulesOverridden", "BreaksPlanned", "SeatChanged", "LinkChanged", "CommandRefused",
    # Facts.
    "Queued", "Moved", "ContactChanged", "Stepped", "CallbackChanged", "CallbackDialled", "Offered", "OfferRang",
    "OfferClosed", "Connected", "HoldSetRecorded", "WrapUpRequestedRecorded", "FollowUpAgreedRecorded",
    "CallerFlaggedAbusiveRecorded", "ConsultStarted", "ConsultCancelled", "ConsultCompleted", "Interrupted",
    "TalkEndedRecorded", "WrappedUp", "Ended", "AgentChanged", "Overridden", "ServiceChanged", "CentreChanged",
    "PauseLimitReached", "Alarm", "SurveyAnsweredRecorded", "MenuEndedRecorded",
    # Later ones.
    "ReturnedToMenu", "FallbackEntered", "WithdrawalRequested", "MoveRequested", "BreakPostponed", "OutageCallFound",
    "WayOutOffered", "DeskChanged", "DeskChangedRecorded", "CallsRefused", "CallsRefusedRecorded",
    "WorkingHoursPlanned", "ChannelShown", "TalkFound", "ActUndone",
)
"""All kinds. The place of a name is its number in the store, so a new one goes to the end."""

NUMBERS = {name: number for number, name in enumerate(KINDS)}

PERSONAL: dict[str, tuple[PersonalField, ...]] = {
    name: fields for name, kind in EVENTS.items() if (fields := tuple(
        field for field in find_personal_fields(kind) if kind in NAMED or field.privacy is Privacy.HASH))}
"""Fields that identify a caller, by kind of entry. Only starts hold encrypted numbers (`journal`)."""

PERSONAL_NAMES = frozenset(field.path[-1] for kind in (EVENTS | FACTS).values() for field in find_personal_fields(kind))
"""Names of all these fields, in events and in facts."""

NAMED_KINDS = tuple(kind.__name__ for kind in NAMED)
"""Kinds that hold many records, and not one caller."""

_OF_EVENTS: dict[type, tuple[str, ...]] = {
    EVENTS[name]: tuple({field.path[0] for field in fields}) for name, fields in PERSONAL.items()}


def identifies_caller(event: Event | None) -> bool:
    """Return whether an entry of the journal identifies a caller. A start always does."""
    names = _OF_EVENTS.get(type(event))
    return names is not None and (isinstance(event, NAMED) or any(getattr(event, name) for name in names))


class Kind(TypeDecorator[str]):
    """A column with the name of a kind, stored as its number."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        """Return the number of a name. Raise KeyError for an unknown name."""
        return None if value is None else NUMBERS[value]

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        """Return the name of a number. A number without a name stays a number, as text."""
        if value is None:
            return None
        return KINDS[value] if isinstance(value, int) and 0 <= value < len(KINDS) else str(value)
