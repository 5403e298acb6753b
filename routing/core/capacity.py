"""What an agent can take beside what they have: units, channels, calls that need a quiet desk.

Every contact costs units of its agent's capacity (`ChannelRow.cost`): one call 100 of 100, a chat 33. At every moment

    sum of the costs of what rings, is talked or wrapped up <= Profile.capacity

and of each channel at most `Profile.max_concurrency` contacts. While there is a call, the contacts that it interrupts
(`ChannelRow.interruptible`) cost nothing, and nothing new is offered beside them; other channels may be, when the
profile's capacity is larger than a call. A wrap-up takes what its contact took; no call comes beside one.

A call comes first. Nothing happens while its phone rings, except that an interruptible contact which rings at the same
agent is rescinded: it may find another agent. When the call is connected, every interruptible contact that is talked
with is held, with its wrap-up, and goes on after the call.

Hard rules on top: `one_at_a_time` allows one contact at all, with `captions` a call is alone. Who is on a call of their
own (BUSY) is offered nothing; a phone that cannot be reached keeps only calls away.
"""

from __future__ import annotations

from collections.abc import Mapping

from routing.core import breaks, commands, emit, wellbeing
from routing.core.domain import Domain
from routing.core.model import (
    INTERRUPTING,
    PHONE_CHANNELS,
    AgentState,
    Channel,
    ChannelRow,
    OfferState,
    Profile,
)
from routing.core.pool import CHANNEL_BIT
from routing.core.records import AgentRecord, Offer

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
ACCEPTED, CONSULTING, PENDING, WRAPPING = (
    OfferState.ACCEPTED, OfferState.CONSULTING, OfferState.PENDING, OfferState.WRAPPING)

BY_PHONE = sum(CHANNEL_BIT[channel] for channel in PHONE_CHANNELS)
"""Bits of the channels that need the phone of the agent's seat."""

CLOSED = frozenset({AgentState.SIGNED_OUT, AgentState.PAUSED, AgentState.NOT_RESPONDING, AgentState.BUSY})
"""Nothing is offered in these states, on any channel."""

IDLE = frozenset({AgentState.READY, AgentState.UNREACHABLE})
"""Open states without a contact."""


def allowed(profile: Profile, channels: Mapping[Channel, ChannelRow]) -> int:
    """Return the bits of the channels of which an agent can have a contact at all."""
    limits = dict(profile.max_concurrency)
    return sum(bit for channel, bit in CHANNEL_BIT.items() if channel in profile.channels and limits.get(channel, 1) > 0
               and channels[channel].cost <= profile.capacity)


def take(d: Domain, record: AgentRecord, offer: Offer) -> None:
    """The offer is one of the agent's from now on."""
    record.offers[offer.id] = offer
    if len(record.offers) > 1:
        count(d, record)
        return
    calls = offer.contact.channel in INTERRUPTING
    record.used, record.calls = offer.cost, 1 if calls else 0
    record.full = calls and offer.cost >= record.profile.capacity


def release(d: Domain, record: AgentRecord, offer: Offer) -> None:
    """The offer is the agent's no more."""
    del record.offers[offer.id]
    if record.offers:
        count(d, record)
    else:
        record.used, record.calls, record.full = 0, 0, False


def count(d: Domain, record: AgentRecord) -> None:
    """Add up what is used."""
    offers, record.full = record.offers, False
    if not offers:
        record.used = record.calls = 0
    elif len(offers) == 1:  # nearly always
        (offer,) = offers.values()
        calls = offer.contact.channel in INTERRUPTING
        record.used, record.calls = offer.cost, 1 if calls else 0
        record.full = calls and offer.cost >= record.profile.capacity
    else:
        record.calls = sum([offer.contact.channel in INTERRUPTING for offer in offers.values()])
        record.used = sum([offer.cost for offer in offers.values() if not (record.calls and yields(d, offer))])


def yields(d: Domain, offer: Offer) -> bool:
    """A call may interrupt this one."""
    return d.channels[offer.contact.channel].interruptible


def open_to(d: Domain, record: AgentRecord) -> int:
    """The channels of which something may be offered to the agent now, one bit each; 0: nothing. Sets the timer of a
    rest that is the only hindrance."""
    state, seat_id = record.state, record.seat
    if state in CLOSED or seat_id is None or not record.configured or record.aside or record.pause_pending \
            or record.leave_pending:
        return 0
    if record.offers:
        mask = beside(d, record)
    else:
        mask = record.allows if state in IDLE else 0
    if not mask:
        return 0
    seat = d.seats[seat_id]
    if seat.in_use and not seat.settling and not record.calls:
        return 0  # a call of their own
    if mask & BY_PHONE and (seat.in_use or not seat.reachable):
        mask &= ~BY_PHONE
        if not mask:
            return 0
    now = d.now
    if record.not_before > now or record.gap_until > now or record.rest_until > now:
        at = wellbeing.not_before(record)
        record.resting = True
        d.timers.set(("rest", record.id), at)
        return 0
    if record.break_at <= now or (record.breaks and breaks.guarded(d, record)):
        return 0
    return mask


def beside(d: Domain, record: AgentRecord) -> int:
    """Channels that fit beside what is under way."""
    if record.full:
        return 0  # nearly always
    profile, live, call = record.profile, record.offers.values(), record.calls
    if profile.one_at_a_time or record.misses >= profile.misses_allowed or (call and profile.captions):
        return 0
    yielding = [yields(d, offer) for offer in live]
    if call and any(yielding):
        return 0
    mask, limits = 0, dict(profile.max_concurrency)
    for channel, bit in CHANNEL_BIT.items():
        if not record.allows & bit or sum([offer.contact.channel is channel for offer in live]) \
                >= limits.get(channel, 1):
            continue
        row, used = d.channels[channel], record.used
        if row.interrupts:
            if profile.captions or any(offer.state is WRAPPING for offer in live):
                continue
            used = sum([offer.cost for offer, can in zip(live, yielding, strict=True) if not can])
        elif call and row.interruptible:
            continue
        if used + row.cost <= profile.capacity:
            mask |= bit
    return mask


def still(record: AgentRecord) -> str:
    """The trigger of an agent who has something under way: by what engages them most."""
    found = "still_wrapping"
    for offer in record.offers.values():
        if talks(offer):
            if not offer.interrupted:
                return "still_talking"
        elif offer.state is PENDING:
            found = "still_ringing"
    return found


def talks(offer: Offer) -> bool:
    """The agent talks: with the caller, or with another agent about them."""
    return offer.state is ACCEPTED or offer.state is CONSULTING or offer.talks_first


def main_offer(record: AgentRecord) -> Offer | None:
    """What the agent is mostly about: the talk, else the ringing, else the wrap-up; None: nothing is under way."""
    order = (ACCEPTED, CONSULTING, PENDING, WRAPPING)
    live = record.offers.values()
    return min(live, key=lambda offer: (offer.interrupted, order.index(offer.state)), default=None)


def wrapup_until(d: Domain, record: AgentRecord) -> float | None:
    """When the last of the agent's wrap-ups ends by itself; None: none does."""
    if len(record.offers) == 1 and not record.aside:
        (offer,) = record.offers
        return d.timers.at(("wrap", offer))
    ends = [at for offer in record.offers.values() if (at := d.timers.at(("wrap", offer.id))) is not None]
    if record.aside and (at := d.timers.at(("aside", record.id))) is not None:
        ends.append(at)
    return max(ends, default=None)


def hold_interrupted(d: Domain, record: AgentRecord) -> None:
    """Hold what a call interrupts: the call has been connected with the agent."""
    for offer in record.offers.values():
        if offer.state is ACCEPTED and not offer.interrupted and yields(d, offer):
            _interrupt(d, record, offer, True)


def resume_interrupted(d: Domain, record: AgentRecord) -> None:
    """Let interrupted contacts go on if the agent has no call any more."""
    if record.aside or record.calls:
        return
    for offer in record.offers.values():
        if offer.interrupted:
            _interrupt(d, record, offer, False)


def _interrupt(d: Domain, record: AgentRecord, offer: Offer, on: bool) -> None:
    offer.interrupted = on
    contact = offer.contact
    d.commands.append(commands.Interrupt(offer.id, contact.id, on, contact.node, contact.channel))
    d.mark(offer)
    emit.interrupted(d, offer=offer.id, contact=contact.id, agent=record.id, on=on)
