"""Every allowed change of state as data: (state, trigger) -> state. No other code decides about states.

There are three machines, because they end at different times. A contact lives as long as its caller. An offer lives as
long as the agent's leg, and an agent as long as the shift. An illegal (state, trigger) raises `IllegalTransition` and
changes nothing. `docs/develop/states.md` is drawn from these tables.

Three smaller machines belong to an offer. They are the agent's leg (for a pair, each leg), a consult transfer that the
agent of the offer began, and the call to a caller who is called back.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from routing.core.model.centre_model import ENGAGED_STATES, AgentState, ContactState, OfferState
from routing.core.model.errors import IllegalTransition

S = TypeVar("S", bound=StrEnum)


class LegState(StrEnum):
    """An agent's leg: the call to the agent's phone, or the message on the desk."""

    CALLED = "called"
    """The phone is to ring. With a caller-first callback it rings when the caller is there."""
    RINGING = "ringing"
    ANSWERED = "answered"
    """The phone is answered: the whisper announcement, time to read, or the wait for a key."""
    WITH_CONSULTING_AGENT = "with_consulting_agent"
    """The agent talks with the consulting agent, before the caller is connected."""
    LED_TO_CALLER = "led_to_caller"
    """The consulting agent has left, and the caller is not connected yet."""
    BRIDGED = "bridged"
    """The agent and the caller are in one bridge."""
    CONSULTING = "consulting"
    """The agent waits for a consultant, or talks with the consultant."""
    AWAITING_REBRIDGE = "awaiting_rebridge"
    """The caller belongs to the agent again and is not yet in one bridge with the agent."""
    ENDED = "ended"


class ConsultState(StrEnum):
    """A consult transfer, seen from the consulting agent."""

    SEEKING = "seeking"
    """The caller waits for an agent who fits, and the consulting agent waits as well."""
    TALKING = "talking"
    """The consulting agent talks with the consultant."""
    COMPLETED = "completed"
    """The consulting agent has left. The caller goes on to the consultant, or waits on."""
    CANCELLED = "cancelled"
    """The caller belongs to the consulting agent again."""
    CALLER_LEFT = "caller_left"


class CallbackState(StrEnum):
    """The call to a caller who is called back, for one offer."""

    AGENT_CALLED = "agent_called"
    """Agent first: the agent's phone rings."""
    CALLER_DIALLED = "caller_dialled"
    """Agent first: the agent has taken the offer and waits, and the caller's phone rings."""
    CALLER_DIALLED_FIRST = "caller_dialled_first"
    """Caller first: the caller's phone rings, and the agent is reserved."""
    CALLER_THERE = "caller_there"
    """The caller is on the line, and is treated like any other caller."""
    FAILED = "failed"


CONTACT: Mapping[tuple[ContactState, str], ContactState] = {
    # The wait. "exited" is a key of the caller, or the fallback queue.
    (ContactState.PENDING, "offered"): ContactState.RESERVED,
    (ContactState.PENDING, "hung_up"): ContactState.CANCELED,
    (ContactState.PENDING, "exited"): ContactState.CANCELED,
    # The reservation. A closed offer sends the contact back to its queue with its age.
    (ContactState.RESERVED, "offer_closed"): ContactState.PENDING,
    (ContactState.RESERVED, "connected"): ContactState.ASSIGNED,
    (ContactState.RESERVED, "hung_up"): ContactState.CANCELED,
    (ContactState.RESERVED, "exited"): ContactState.CANCELED,
    # The talk. A lost talk and both kinds of transfer make the contact wait again.
    (ContactState.ASSIGNED, "talk_ended"): ContactState.WRAPPING,
    (ContactState.ASSIGNED, "talk_lost"): ContactState.PENDING,
    (ContactState.ASSIGNED, "transferred"): ContactState.PENDING,
    (ContactState.ASSIGNED, "consult_started"): ContactState.PENDING,
    # A cancelled consult transfer gives the caller back, even if a consultant's phone rings already.
    (ContactState.PENDING, "consult_cancelled"): ContactState.ASSIGNED,
    (ContactState.RESERVED, "consult_cancelled"): ContactState.ASSIGNED,
    (ContactState.WRAPPING, "wrapped_up"): ContactState.COMPLETED,
}

OFFER: Mapping[tuple[OfferState, str], OfferState] = {
    # While the offer rings. An answered leg is still pending: only the bridge with the caller counts.
    (OfferState.PENDING, "connected"): OfferState.ACCEPTED,
    (OfferState.PENDING, "declined"): OfferState.REJECTED,
    (OfferState.PENDING, "not_answered"): OfferState.TIMEOUT,
    (OfferState.PENDING, "caller_hung_up"): OfferState.CANCELED,
    (OfferState.PENDING, "rescinded"): OfferState.RESCINDED,
    # A further phone in distress. It becomes the pending offer before it is connected, or when that one has ended.
    (OfferState.BESIDE, "promoted"): OfferState.PENDING,
    (OfferState.BESIDE, "declined"): OfferState.REJECTED,
    (OfferState.BESIDE, "not_answered"): OfferState.TIMEOUT,
    (OfferState.BESIDE, "caller_hung_up"): OfferState.CANCELED,
    (OfferState.BESIDE, "rescinded"): OfferState.RESCINDED,
    # A look at Asterisk has found the talk of an offer that was over: its news were lost.
    **{(state, "found"): OfferState.PENDING for state in (
        OfferState.REJECTED, OfferState.TIMEOUT, OfferState.RESCINDED)},
    # The talk. Only a talk that ended normally is wrapped up with the offer.
    (OfferState.ACCEPTED, "talk_ended"): OfferState.WRAPPING,
    (OfferState.ACCEPTED, "talk_lost"): OfferState.COMPLETED,
    (OfferState.ACCEPTED, "transferred"): OfferState.COMPLETED,
    # A consult transfer. The offer goes on until the consulting agent completes or cancels it.
    (OfferState.ACCEPTED, "consult_started"): OfferState.CONSULTING,
    (OfferState.CONSULTING, "consult_cancelled"): OfferState.ACCEPTED,
    (OfferState.CONSULTING, "transferred"): OfferState.COMPLETED,
    (OfferState.WRAPPING, "wrapped_up"): OfferState.COMPLETED,
}

_BEFORE_BRIDGE = (LegState.CALLED, LegState.RINGING, LegState.ANSWERED)

LEG: Mapping[tuple[LegState, str], LegState] = {
    (LegState.CALLED, "rang"): LegState.RINGING,
    **{(state, "answered"): LegState.ANSWERED for state in (LegState.CALLED, LegState.RINGING)},
    # The event of an earlier state may be missing, so every state before the bridge leads on.
    **{(state, "met_consulting_agent"): LegState.WITH_CONSULTING_AGENT for state in _BEFORE_BRIDGE},
    (LegState.WITH_CONSULTING_AGENT, "consult_completed"): LegState.LED_TO_CALLER,
    # From BRIDGED too: Asterisk reports a bridge again when it is rebuilt.
    **{(state, "bridged"): LegState.BRIDGED for state in (
        *_BEFORE_BRIDGE, LegState.WITH_CONSULTING_AGENT, LegState.LED_TO_CALLER, LegState.AWAITING_REBRIDGE,
        LegState.BRIDGED)},
    # A cancelled consult transfer awaits a new bridge. On a second line the first bridge was never left.
    (LegState.BRIDGED, "consult_started"): LegState.CONSULTING,
    (LegState.CONSULTING, "consult_cancelled"): LegState.AWAITING_REBRIDGE,
    (LegState.CONSULTING, "second_line_ended"): LegState.BRIDGED,
    **{(state, "ended"): LegState.ENDED for state in LegState if state is not LegState.ENDED},
    (LegState.ENDED, "found"): LegState.ANSWERED,
}
"""Asterisk may report a bridge before it reports ringing, and may report it twice."""

CONSULT: Mapping[tuple[ConsultState, str], ConsultState] = {
    (ConsultState.SEEKING, "consultant_answered"): ConsultState.TALKING,
    # A consultant who hangs up leaves the transfer open: the next agent who fits may answer.
    (ConsultState.TALKING, "consultant_left"): ConsultState.SEEKING,
    # The end may come at any time, also while nobody has answered yet.
    **{(state, trigger): after for state in (ConsultState.SEEKING, ConsultState.TALKING) for trigger, after in (
        ("completed", ConsultState.COMPLETED), ("cancelled", ConsultState.CANCELLED),
        ("caller_left", ConsultState.CALLER_LEFT))},
}

CALLBACK: Mapping[tuple[CallbackState, str], CallbackState] = {
    # Only an agent-first callback dials after the agent has taken the offer.
    (CallbackState.AGENT_CALLED, "taken"): CallbackState.CALLER_DIALLED,
    **{(state, trigger): after for state in (
        CallbackState.AGENT_CALLED, CallbackState.CALLER_DIALLED, CallbackState.CALLER_DIALLED_FIRST)
       for trigger, after in (("reached", CallbackState.CALLER_THERE), ("failed", CallbackState.FAILED))},
}
"""A try that is rescinded ends with its offer, in any state."""

_FREE = (AgentState.READY, AgentState.BUSY, AgentState.UNREACHABLE)

AGENT: Mapping[tuple[AgentState, str], AgentState] = {
    # Sign-in, and the offer.
    (AgentState.SIGNED_OUT, "sign_in"): AgentState.READY,
    (AgentState.READY, "offered"): AgentState.RINGING,
    (AgentState.RINGING, "connected"): AgentState.TALKING,
    # The end of ringing, with a pause or sign-out that waited for it.
    (AgentState.RINGING, "released"): AgentState.READY,
    (AgentState.RINGING, "rna_limit_reached"): AgentState.NOT_RESPONDING,
    (AgentState.RINGING, "pause"): AgentState.PAUSED,
    (AgentState.RINGING, "sign_out"): AgentState.SIGNED_OUT,
    # An unreachable phone keeps only calls away. A chat can still be offered.
    (AgentState.UNREACHABLE, "offered"): AgentState.RINGING,
    # A talk that was found: only its offer was over. The agent has perhaps left the queue meanwhile.
    **{(state, "found"): AgentState.TALKING for state in (*_FREE, AgentState.PAUSED, AgentState.NOT_RESPONDING)},
    # The talk. A further contact may be connected while the agent talks.
    (AgentState.TALKING, "talk_ended"): AgentState.WRAPUP,
    (AgentState.TALKING, "connected"): AgentState.TALKING,
    (AgentState.TALKING, "released"): AgentState.READY,
    (AgentState.TALKING, "pause"): AgentState.PAUSED,
    (AgentState.TALKING, "sign_out"): AgentState.SIGNED_OUT,
    # The wrap-up.
    (AgentState.WRAPUP, "released"): AgentState.READY,
    (AgentState.WRAPUP, "pause"): AgentState.PAUSED,
    (AgentState.WRAPUP, "sign_out"): AgentState.SIGNED_OUT,
    (AgentState.WRAPUP, "move"): AgentState.WRAPUP,
    # One of several contacts has changed: the others decide the state.
    **{(state, trigger): after for state in ENGAGED_STATES for trigger, after in (
        ("still_talking", AgentState.TALKING), ("still_ringing", AgentState.RINGING),
        ("still_wrapping", AgentState.WRAPUP))},
    # A ring-no-answer counts for an agent with other contacts too, and takes effect after them.
    **{(state, "rna_limit_reached"): AgentState.NOT_RESPONDING for state in (AgentState.TALKING, AgentState.WRAPUP)},
    # A late wrap-up (WrapUpMode.OPTIONAL) begins after the agent was ready for a moment.
    **{(state, "wrapup_requested"): AgentState.WRAPUP for state in _FREE},
    # Back from a pause or from not responding.
    **{(state, "released"): AgentState.READY for state in (AgentState.PAUSED, AgentState.NOT_RESPONDING)},
    **{(state, "move"): state for state in (AgentState.PAUSED, AgentState.NOT_RESPONDING)},
    # A pause and a sign-out are possible in every state without a contact.
    **{(state, "pause"): AgentState.PAUSED for state in (*_FREE, AgentState.PAUSED, AgentState.NOT_RESPONDING)},
    **{(state, "sign_out"): AgentState.SIGNED_OUT
       for state in (*_FREE, AgentState.PAUSED, AgentState.NOT_RESPONDING)},
    # At a new seat the agent is ready, and the phone decides the rest.
    **{(state, "move"): AgentState.READY for state in _FREE},
    # Reports of the phone.
    **{(state, "seat_free"): AgentState.READY for state in _FREE},
    **{(state, "seat_busy"): AgentState.BUSY for state in _FREE},
    **{(state, "seat_gone"): AgentState.UNREACHABLE for state in _FREE},
}


def group_by_trigger(table: Mapping[tuple[S, str], S]) -> dict[str, dict[S, S]]:
    """Return a table as trigger -> state before -> state after."""
    found: dict[str, dict[S, S]] = {}
    for (before, trigger), after in table.items():
        found.setdefault(trigger, {})[before] = after
    return found


# A pair as the key would be built, hashed and compared at each change. That takes three times as long.
CONTACT_AFTER, OFFER_AFTER, LEG_AFTER = group_by_trigger(CONTACT), group_by_trigger(OFFER), group_by_trigger(LEG)
"""The tables by trigger and state before, for the changes that come with every call."""


def next_state(table: Mapping[tuple[S, str], S], kind: str, subject: object, state: S, trigger: str) -> S:
    """Return the next state.

    Raise `IllegalTransition`, which names subject, state and trigger, if the table has none.
    """
    after = table.get((state, trigger))
    if after is None:
        raise IllegalTransition(kind, subject, state.value, trigger)
    return after


def render_mermaid(table: Mapping[tuple[S, str], S]) -> str:
    """Return a table as the text of a Mermaid state diagram, in the order of the table."""
    lines = ["stateDiagram-v2"]
    lines += [f"    {before.value} --> {after.value}: {trigger}" for (before, trigger), after in table.items()]
    return "\n".join(lines) + "\n"


def render_page() -> str:
    """Return the whole text of `docs/develop/states.md`."""
    parts = [
        "# States\n\nDrawn from the tables in `routing/core/model/state_tables.py`. A test compares this page with the "
        "tables.\n"]
    for title, diagram in (("Contact", render_mermaid(CONTACT)), ("Offer", render_mermaid(OFFER)),
                           ("Agent", render_mermaid(AGENT)),
                           ("Leg of an agent", render_mermaid(LEG)), ("Consult transfer", render_mermaid(CONSULT)),
                           ("Callback", render_mermaid(CALLBACK))):
        parts.append(f"\n## {title}\n\n```mermaid\n{diagram}```\n")
    return "".join(parts)
