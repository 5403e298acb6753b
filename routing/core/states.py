"""Every change of state that is allowed, as data: (state, trigger) -> state. Nothing else decides about states.

Three machines and not one, because they end at different times: a contact lives as long as its caller, an offer as long
as the agent's leg, an agent as long as the shift. An illegal (state, trigger) raises `IllegalTransition` and changes
nothing. `docs/develop/states.md` is drawn from these tables.

Three smaller machines belong to an offer: the agent's leg (of a pair, each leg), a consult transfer that the agent of
the offer began, and the call to a caller who is called back.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from routing.core.errors import IllegalTransition
from routing.core.model import AgentState, ContactState, OfferState

S = TypeVar("S", bound=StrEnum)


class LegState(StrEnum):
    """An agent's leg: the call to their phone, or the message on their desk."""

    CALLED = "called"
    """The phone is to ring. If the caller is dialled first, it rings when the caller is there."""
    RINGING = "ringing"
    ANSWERED = "answered"
    """The phone is answered: the whisper announcement, time to read, or the wait for a key."""
    WITH_CONSULTING_AGENT = "with_consulting_agent"
    """The agent talks with the agent who asks, before the caller is connected."""
    LED_TO_CALLER = "led_to_caller"
    """The agent who asked has left, and the caller is not connected yet."""
    BRIDGED = "bridged"
    """The agent and the caller are in one bridge."""
    CONSULTING = "consulting"
    """The agent asks somebody: waits for them, or talks with them."""
    AWAITING_REBRIDGE = "awaiting_rebridge"
    """The caller belongs to the agent again and is not yet in one bridge with them."""
    ENDED = "ended"


class ConsultState(StrEnum):
    """A consult transfer, seen from the agent who asks."""

    SEEKING = "seeking"
    """The caller waits for whoever fits; the consulting agent waits as well."""
    TALKING = "talking"
    """The consulting agent talks with the agent who was asked."""
    COMPLETED = "completed"
    """The consulting agent has left: the caller goes on to the other agent, or waits on."""
    CANCELLED = "cancelled"
    """The caller belongs to the consulting agent again."""
    CALLER_LEFT = "caller_left"


class CallbackState(StrEnum):
    """The call to a caller who is called back, for one offer."""

    AGENT_CALLED = "agent_called"
    """Agent first: the agent's phone rings."""
    CALLER_DIALLED = "caller_dialled"
    """Agent first: the agent has taken the offer and waits; the caller's phone rings."""
    CALLER_DIALLED_FIRST = "caller_dialled_first"
    """Caller first: the caller's phone rings; the agent is kept free."""
    CALLER_THERE = "caller_there"
    """The caller is on the line and is a caller like any other."""
    FAILED = "failed"

CONTACT: Mapping[tuple[ContactState, str], ContactState] = {
    (ContactState.PENDING, "offered"): ContactState.RESERVED,
    (ContactState.PENDING, "gone"): ContactState.CANCELED,
    (ContactState.PENDING, "left"): ContactState.CANCELED,
    (ContactState.RESERVED, "offer_closed"): ContactState.PENDING,
    (ContactState.RESERVED, "connected"): ContactState.ASSIGNED,
    (ContactState.RESERVED, "gone"): ContactState.CANCELED,
    (ContactState.RESERVED, "left"): ContactState.CANCELED,
    (ContactState.ASSIGNED, "talk_over"): ContactState.WRAPPING,
    (ContactState.ASSIGNED, "talk_lost"): ContactState.PENDING,
    (ContactState.ASSIGNED, "transferred"): ContactState.PENDING,
    (ContactState.ASSIGNED, "consults"): ContactState.PENDING,
    (ContactState.PENDING, "returned"): ContactState.ASSIGNED,
    (ContactState.RESERVED, "returned"): ContactState.ASSIGNED,
    (ContactState.WRAPPING, "wrapped_up"): ContactState.COMPLETED,
}

OFFER: Mapping[tuple[OfferState, str], OfferState] = {
    (OfferState.PENDING, "connected"): OfferState.ACCEPTED,
    (OfferState.PENDING, "declined"): OfferState.REJECTED,
    (OfferState.PENDING, "not_answered"): OfferState.TIMEOUT,
    (OfferState.PENDING, "contact_gone"): OfferState.CANCELED,
    (OfferState.PENDING, "taken_back"): OfferState.RESCINDED,
    (OfferState.ACCEPTED, "talk_over"): OfferState.WRAPPING,
    (OfferState.ACCEPTED, "talk_lost"): OfferState.COMPLETED,
    (OfferState.ACCEPTED, "transferred"): OfferState.COMPLETED,
    (OfferState.ACCEPTED, "consults"): OfferState.CONSULTING,
    (OfferState.CONSULTING, "returned"): OfferState.ACCEPTED,
    (OfferState.CONSULTING, "transferred"): OfferState.COMPLETED,
    (OfferState.WRAPPING, "wrapped_up"): OfferState.COMPLETED,
}

_BEFORE_BRIDGE = (LegState.CALLED, LegState.RINGING, LegState.ANSWERED)

LEG: Mapping[tuple[LegState, str], LegState] = {
    (LegState.CALLED, "rang"): LegState.RINGING,
    **{(state, "answered"): LegState.ANSWERED for state in (LegState.CALLED, LegState.RINGING)},
    **{(state, "met_consulting_agent"): LegState.WITH_CONSULTING_AGENT for state in _BEFORE_BRIDGE},
    (LegState.WITH_CONSULTING_AGENT, "consult_completed"): LegState.LED_TO_CALLER,
    **{(state, "bridged"): LegState.BRIDGED for state in (
        *_BEFORE_BRIDGE, LegState.WITH_CONSULTING_AGENT, LegState.LED_TO_CALLER, LegState.AWAITING_REBRIDGE,
        LegState.BRIDGED)},
    (LegState.BRIDGED, "consults"): LegState.CONSULTING,
    (LegState.CONSULTING, "consult_cancelled"): LegState.AWAITING_REBRIDGE,
    (LegState.CONSULTING, "second_line_ended"): LegState.BRIDGED,
    **{(state, "ended"): LegState.ENDED for state in LegState if state is not LegState.ENDED},
}
"""Asterisk may tell of a bridge before it tells of ringing, and twice."""

AFTER_BRIDGE, AFTER_END = (
    {before: after for (before, trigger), after in LEG.items() if trigger == wanted} for wanted in ("bridged", "ended"))
"""The changes of a leg that come with every call, each by the state before."""

CONSULT: Mapping[tuple[ConsultState, str], ConsultState] = {
    (ConsultState.SEEKING, "consultant_answered"): ConsultState.TALKING,
    (ConsultState.TALKING, "consultant_left"): ConsultState.SEEKING,
    **{(state, trigger): after for state in (ConsultState.SEEKING, ConsultState.TALKING) for trigger, after in (
        ("completed", ConsultState.COMPLETED), ("cancelled", ConsultState.CANCELLED),
        ("caller_left", ConsultState.CALLER_LEFT))},
}

CALLBACK: Mapping[tuple[CallbackState, str], CallbackState] = {
    (CallbackState.AGENT_CALLED, "taken"): CallbackState.CALLER_DIALLED,
    **{(state, trigger): after for state in (
        CallbackState.AGENT_CALLED, CallbackState.CALLER_DIALLED, CallbackState.CALLER_DIALLED_FIRST)
       for trigger, after in (("reached", CallbackState.CALLER_THERE), ("failed", CallbackState.FAILED))},
}
"""A try that is rescinded ends with its offer, in whatever state it is."""

_FREE = (AgentState.READY, AgentState.BUSY, AgentState.UNREACHABLE)

_ENGAGED = (AgentState.TALKING, AgentState.RINGING, AgentState.WRAPUP)
"""An agent with several contacts is in the state of the most engaging one: in this order."""

AGENT: Mapping[tuple[AgentState, str], AgentState] = {
    (AgentState.SIGNED_OUT, "sign_in"): AgentState.READY,
    (AgentState.READY, "offered"): AgentState.RINGING,
    (AgentState.RINGING, "connected"): AgentState.TALKING,
    (AgentState.RINGING, "released"): AgentState.READY,
    (AgentState.RINGING, "missed_too_often"): AgentState.NOT_RESPONDING,
    (AgentState.RINGING, "pause"): AgentState.PAUSED,
    (AgentState.RINGING, "sign_out"): AgentState.SIGNED_OUT,
    (AgentState.UNREACHABLE, "offered"): AgentState.RINGING,
    (AgentState.TALKING, "talk_over"): AgentState.WRAPUP,
    (AgentState.TALKING, "connected"): AgentState.TALKING,
    (AgentState.TALKING, "released"): AgentState.READY,
    (AgentState.TALKING, "pause"): AgentState.PAUSED,
    (AgentState.TALKING, "sign_out"): AgentState.SIGNED_OUT,
    (AgentState.WRAPUP, "released"): AgentState.READY,
    (AgentState.WRAPUP, "pause"): AgentState.PAUSED,
    (AgentState.WRAPUP, "sign_out"): AgentState.SIGNED_OUT,
    (AgentState.WRAPUP, "move"): AgentState.WRAPUP,
    **{(state, trigger): after for state in _ENGAGED for trigger, after in (
        ("still_talking", AgentState.TALKING), ("still_ringing", AgentState.RINGING),
        ("still_wrapping", AgentState.WRAPUP))},
    **{(state, "missed_too_often"): AgentState.NOT_RESPONDING for state in (AgentState.TALKING, AgentState.WRAPUP)},
    **{(state, "wrapup_asked"): AgentState.WRAPUP for state in _FREE},
    **{(state, "released"): AgentState.READY for state in (AgentState.PAUSED, AgentState.NOT_RESPONDING)},
    **{(state, "move"): state for state in (AgentState.PAUSED, AgentState.NOT_RESPONDING)},
    **{(state, "pause"): AgentState.PAUSED for state in (*_FREE, AgentState.PAUSED, AgentState.NOT_RESPONDING)},
    **{(state, "sign_out"): AgentState.SIGNED_OUT
       for state in (*_FREE, AgentState.PAUSED, AgentState.NOT_RESPONDING)},
    **{(state, "move"): AgentState.READY for state in _FREE},
    **{(state, "seat_free"): AgentState.READY for state in _FREE},
    **{(state, "seat_busy"): AgentState.BUSY for state in _FREE},
    **{(state, "seat_gone"): AgentState.UNREACHABLE for state in _FREE},
}


def follow(table: Mapping[tuple[S, str], S], kind: str, subject: object, state: S, trigger: str) -> S:
    """The next state. Raises `IllegalTransition`, which names subject, state and trigger, when the table has none."""
    after = table.get((state, trigger))
    if after is None:
        raise IllegalTransition(kind, subject, state.value, trigger)
    return after


def mermaid(table: Mapping[tuple[S, str], S]) -> str:
    """A table as the text of a Mermaid state diagram, in the table's own order."""
    lines = ["stateDiagram-v2"]
    lines += [f"    {before.value} --> {after.value}: {trigger}" for (before, trigger), after in table.items()]
    return "\n".join(lines) + "\n"


def page() -> str:
    """The whole text of `docs/develop/states.md`."""
    parts = ["# States\n\nDrawn from the tables in `routing/core/states.py`; a test compares this page with them.\n"]
    for title, diagram in (("Contact", mermaid(CONTACT)), ("Offer", mermaid(OFFER)), ("Agent", mermaid(AGENT)),
                           ("Leg of an agent", mermaid(LEG)), ("Consult transfer", mermaid(CONSULT)),
                           ("Callback", mermaid(CALLBACK))):
        parts.append(f"\n## {title}\n\n```mermaid\n{diagram}```\n")
    return "".join(parts)
