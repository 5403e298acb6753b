"""Build the state of an agent's desk: one document that says all of what the desk shows.

A desk gets the whole document at each change, so a client that lost the connection misses nothing. The document is
built from one read of the inbox, whose cost does not grow with agents or contacts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from pydantic import ConfigDict, Field

from desk.shape import Shape
from routing.core.inbox import DeskView, HeldContact
from routing.core.model.centre_model import RINGING_OFFER, AgentState, OfferState
from routing.core.model.ids import OfferId, SeatId
from routing.core.model.state_tables import ConsultState

STATE_MAX = 4096
"""Limit of a state in bytes. The longest one, with a ringing offer next to a talk, has less than half of it."""

Recording = Literal["none", "on", "paused"]
WrapUpAfter = Literal["none", "on_request", "requested", "follows"]
PairRole = Literal["speaks", "types"]
PhoneKind = Literal["page", "own"]


class DeskSources(NamedTuple):
    """Facts of the desk that the engine does not know."""

    phone_kind: Callable[[SeatId], PhoneKind] = lambda seat: "own"
    """Return whether the phone of a seat is a page or a separate phone."""
    recording: Callable[[OfferId], Recording] = lambda offer: "none"
    """Return whether the talk of an offer is recorded."""


class PhoneOnDesk(Shape):
    """The phone of the agent's seat."""

    kind: PhoneKind | None = Field(description="`page`: the softphone of the page; null: the agent has no seat.")
    registered: bool = Field(description="Whether the phone can ring.")


class OfferOnDesk(Shape):
    """An offer that rings, or that the agent has answered and is not connected yet."""

    offer: int
    contact: str
    channel: str
    service: str
    service_name: str
    waiting_since: float = Field(description="Start of the wait, Unix seconds.")
    rings_until: float | None = Field(description="End of the ringing, Unix seconds; null: it does not ring. Only for "
                                                  "the agent.")
    answered_at: float | None = Field(description="When the agent has answered; the caller comes after the whisper "
                                                  "announcement or the time to read.")
    callback: bool = Field(description="The caller is called back.")
    language: str = Field(description="Of the caller; empty: the first language of the centre.")
    slow: bool = Field(description="The caller asked for slow speech.")
    returned: bool = Field(description="The caller has talked with an agent before, in this contact or in a call that "
                                       "was dropped.")
    asked_by: str | None = Field(description="The colleague who consults the agent about the caller.")
    time_to_read: bool | None = Field(description="The caller comes when the agent has read. Only for the agent.")
    told_until: float | None = Field(description="End of the words that the caller still hears, Unix seconds; null: "
                                                 "none. The caller comes then. Only for the agent.")


class ConsultOnDesk(Shape):
    """A consult transfer that the agent has begun."""

    to: str | None = Field(description="The colleague who is offered the caller or talks; null: nobody yet.")
    service: str
    state: Literal["seeking", "talking"]
    since: float


class TalkOnDesk(Shape):
    """The talk with a caller, or with the colleague who consults the agent."""

    offer: int
    contact: str
    channel: str
    service: str
    service_name: str
    since: float
    on_hold_since: float | None
    recording: Recording
    consult: ConsultOnDesk | None
    callback: bool
    language: str
    slow: bool
    returned: bool
    asked_by: str | None = Field(description="The colleague with whom the agent talks before the caller is connected.")
    partner: str | None = Field(description="The other agent of a pair.")
    pair_role: PairRole | None = Field(description="Part of this agent in a pair: the first one of the team speaks "
                                                   "with the caller, the second one types.")
    follow_up: bool = Field(description="The caller has agreed to a callback if the call is lost.")
    abusive: bool = Field(description="The caller is flagged as abusive.")
    reported_load: int | None = Field(description="Weight that was reported. Only for the agent.")
    wrapup_after: WrapUpAfter | None = Field(
        description="`none`: no wrap-up comes after the talk; `on_request`: it comes if the agent asks for it; "
                    "`follows`: it comes anyway. Only for the agent.")


class WrapUpOnDesk(Shape):
    """The wrap-up after a contact."""

    contact: str | None = Field(description="Null after a consult transfer: the caller is elsewhere.")
    service: str | None
    service_name: str | None
    until: float | None = Field(description="End by the clock, Unix seconds; null: none. Only for the agent.")
    reported_load: int | None = Field(description="Weight that was reported. Only for the agent.")


class BreakOnDesk(Shape):
    """The breaks of the agent."""

    planned_at: float | None = Field(description="Start of the next break, Unix seconds. Only for the agent.")
    pending_reason: str = Field(description="Reason of the break that begins after the talk; empty: none.")
    until: float | None = Field(description="End of a planned break that goes on. Only for the agent.")
    limit_at: float | None = Field(description="When the break reaches the limit of its reason; null: no limit.")
    over_limit: bool
    postponed: bool = Field(description="A short break is due and waits: nobody else is on duty in distress.")


class DeskState(Shape):
    """Everything that an agent's desk shows at one moment."""

    model_config = ConfigDict(serialize_by_alias=True)

    agent: str
    at: float = Field(description="Time of the node, Unix seconds. All other times are on the same clock.")
    state: str
    reason: str
    since: float
    seat: str | None
    phone: PhoneOnDesk
    offer: OfferOnDesk | None
    talk: TalkOnDesk | None
    wrapup: WrapUpOnDesk | None
    break_: BreakOnDesk = Field(alias="break")
    heavy_declined_until: float | None = Field(description="End of \"not now\". Only for the agent.")
    leaving: bool = Field(description="The agent is signed out after the talk.")
    resting_until: float | None = Field(description="End of the rest after a heavy contact. Only for the agent.")
    overrides: dict[str, float] = Field(description="Protective rules that are set aside, and until when. Only for the "
                                                    "agent.")
    messages: list[dict[str, str]] = Field(default=[], description="Messages at the desk.")


def build_desk_state(view: DeskView, sources: DeskSources, *, own: bool) -> DeskState:
    """Build the state of a desk from a read of the inbox.

    Without `own`, everything that would show an accommodation is left out: times that follow from the agent's profile,
    and what the agent has declined.
    """
    agent = view.agent
    seat = agent.seat
    talk = next((one for one in view.contacts if _is_talk(one)), None)
    offer = next((one for one in view.contacts if one.state in RINGING_OFFER and one is not talk), None)
    wraps = next((one for one in view.contacts if one.state is OfferState.WRAPPING), None)
    breaks = BreakOnDesk(planned_at=view.break_planned_at if own else None, pending_reason=agent.pause_pending,
                         until=view.break_until if own else None, limit_at=agent.pause_limit_at,
                         over_limit=agent.over_limit, postponed=agent.break_postponed)
    return DeskState(
        agent=agent.agent, at=view.at, state=agent.state.value, reason=agent.reason, since=agent.since, seat=seat,
        phone=PhoneOnDesk(kind=None if seat is None else sources.phone_kind(seat), registered=view.phone_registered),
        offer=None if offer is None else _build_offer(offer, own=own),
        talk=None if talk is None else _build_talk(talk, sources, own=own), wrapup=_build_wrapup(view, wraps, own=own),
        leaving=view.leave_pending, heavy_declined_until=agent.heavy_declined_until if own else None,
        resting_until=agent.resting_until if own else None, overrides=dict(agent.overrides) if own else {},
        # The name in JSON is a keyword of Python.
        messages=[], **{"break": breaks})


def _is_talk(one: HeldContact) -> bool:
    return one.state in (OfferState.ACCEPTED, OfferState.CONSULTING) or one.talks_first


def _build_offer(one: HeldContact, *, own: bool) -> OfferOnDesk:
    return OfferOnDesk(
        offer=one.offer, contact=one.contact, channel=one.channel.value, service=one.service,
        service_name=one.service_name, waiting_since=one.waiting_since, rings_until=one.rings_until if own else None,
        answered_at=one.answered_at, callback=one.callback, language=one.language, slow=one.slow,
        returned=one.returned, asked_by=one.asked_by, time_to_read=one.time_to_read if own else None,
        told_until=one.told_until if own else None)


def _build_talk(one: HeldContact, sources: DeskSources, *, own: bool) -> TalkOnDesk:
    asks = one.consult
    since = one.answered_at if one.talks_first else one.talking_since
    return TalkOnDesk(
        offer=one.offer, contact=one.contact, channel=one.channel.value, service=one.service,
        service_name=one.service_name, since=one.waiting_since if since is None else since,
        on_hold_since=one.on_hold_since, recording="none" if one.talks_first else sources.recording(one.offer),
        consult=None if asks is None else ConsultOnDesk(
            to=asks.agent, service=asks.service, since=asks.since,
            state="talking" if asks.state is ConsultState.TALKING else "seeking"),
        callback=one.callback, language=one.language, slow=one.slow, returned=one.returned,
        asked_by=one.asked_by if one.talks_first else None, partner=one.partner,
        pair_role=None if one.partner is None else "speaks" if one.leads_pair else "types", follow_up=one.follow_up,
        abusive=one.abusive, reported_load=one.reported_load if own else None,
        wrapup_after=_find_wrapup_after(one) if own else None)


def _find_wrapup_after(one: HeldContact) -> WrapUpAfter:
    if not one.wrapup_possible:
        return "none"
    if one.wrapup_requested:
        return "requested"
    return "follows" if one.wrapup_follows else "on_request"


def _build_wrapup(view: DeskView, one: HeldContact | None, *, own: bool) -> WrapUpOnDesk | None:
    if one is None and view.agent.state is not AgentState.WRAPUP:
        return None
    return WrapUpOnDesk(
        contact=None if one is None else one.contact, service=None if one is None else one.service,
        service_name=None if one is None else one.service_name,
        until=view.agent.until if own else None,
        reported_load=one.reported_load if own and one is not None else None)
