"""Decide which further contacts an agent can take next to the live ones: units, channels, calls.

Every contact takes units of its agent's capacity (`ChannelRow.cost`): one call 100 of 100, a chat 33. At every moment

    sum of the costs of contacts that ring, are talked with or are wrapped up <= Profile.capacity

and of each channel at most `Profile.max_concurrency` contacts. During a call, the contacts that it interrupts
(`ChannelRow.interruptible`) take no units, and no further interruptible contact is offered. Contacts of other channels
are offered if the profile's capacity is larger than a call. A wrap-up takes as much as its contact took. No call is
offered during a wrap-up.

A call comes first. While the phone rings for a call, other contacts go on. The exception is an interruptible contact
that rings at the same agent: its offer is rescinded, because another agent may be free for it. When the call is
connected, the agent's interruptible contacts are held. They continue after the call and its wrap-up.

A hard rule comes on top: `one_at_a_time` allows one contact at all.
An agent whose phone has a call from outside Santral (BUSY) is offered nothing. An unreachable phone keeps only calls
away. Messages need no phone, but an open desk.
"""

from __future__ import annotations

from collections.abc import Mapping

from routing.core import emit
from routing.core.agents import break_rules, distress_load
from routing.core.domain import Domain
from routing.core.matching.agent_pool import BY_PHONE, CHANNEL_BIT
from routing.core.model import commands
from routing.core.model.centre_model import (
    INTERRUPTING,
    AgentState,
    Channel,
    ChannelRow,
    OfferState,
    Profile,
)
from routing.core.records import AgentRecord, Offer

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
ACCEPTED, CONSULTING, WRAPPING = OfferState.ACCEPTED, OfferState.CONSULTING, OfferState.WRAPPING

ENGAGEMENT = (ACCEPTED, CONSULTING, OfferState.PENDING, OfferState.BESIDE, WRAPPING)
"""States of live offers, the most engaging first."""

UNAVAILABLE_STATES = frozenset({AgentState.SIGNED_OUT, AgentState.PAUSED, AgentState.NOT_RESPONDING, AgentState.BUSY})
"""An agent in one of these states is offered nothing, on any channel."""

IDLE_STATES = frozenset({AgentState.READY, AgentState.UNREACHABLE})
"""Open states of an agent without a contact."""


def allowed_channels(profile: Profile, channels: Mapping[Channel, ChannelRow]) -> int:
    """Return the channels, as bits, whose contacts an agent with this profile can take at all."""
    return _bits_of(profile.channels, profile, channels)


def find_allowed_channels(d: Domain, record: AgentRecord) -> int:
    """Return the channels, as bits, whose contacts an agent can take with the present seat and desk."""
    return _bits_of(record.usable_channels, record.profile, d.channels)


def _bits_of(usable: frozenset[Channel], profile: Profile, channels: Mapping[Channel, ChannelRow]) -> int:
    limits = dict(profile.max_concurrency)
    return sum(bit for channel, bit in CHANNEL_BIT.items() if channel in usable and limits.get(channel, 1) > 0
               and channels[channel].cost <= profile.capacity)


def take_capacity(d: Domain, record: AgentRecord, offer: Offer) -> None:
    """Add an offer to the live offers of an agent, and count its units."""
    record.offers[offer.id] = offer
    # The only offer of an agent is counted without a loop: it is the case of nearly every call.
    if len(record.offers) > 1:
        count_used(d, record)
        return
    calls = offer.contact.channel in INTERRUPTING
    record.used_units, record.call_count = offer.cost, 1 if calls else 0
    record.at_capacity = calls and offer.cost >= record.profile.capacity


def release_capacity(d: Domain, record: AgentRecord, offer: Offer) -> None:
    """Remove an offer from the live offers of an agent, and free its units."""
    del record.offers[offer.id]
    if record.offers:
        count_used(d, record)
    else:
        record.used_units, record.call_count, record.at_capacity = 0, 0, False


def count_used(d: Domain, record: AgentRecord) -> None:
    """Count the units and calls of the live offers of an agent."""
    offers, record.at_capacity = record.offers, False
    if not offers:
        record.used_units = record.call_count = 0
    # Nearly every agent has one offer: no loop for it.
    elif len(offers) == 1:
        (offer,) = offers.values()
        calls = offer.contact.channel in INTERRUPTING
        record.used_units, record.call_count = offer.cost, 1 if calls else 0
        record.at_capacity = calls and offer.cost >= record.profile.capacity
    else:
        # Calls are counted first: during a call the contacts that it interrupts take no units.
        record.call_count = sum([offer.contact.channel in INTERRUPTING for offer in offers.values()])
        record.used_units = sum([offer.cost for offer in offers.values()
            if not (record.call_count and is_interruptible(d, offer))])


def is_interruptible(d: Domain, offer: Offer) -> bool:
    """Return whether a call may interrupt the contact of an offer."""
    return d.channels[offer.contact.channel].interruptible


def open_channels(d: Domain, record: AgentRecord) -> int:
    """Return the channels, as bits, whose contacts may be offered to an agent now. 0 means none.

    If a rest is the only obstacle, set the timer for its end.
    """
    state, seat_id = record.state, record.seat
    # 1. The state of the agent, and requests that wait for the end of the talk.
    if state in UNAVAILABLE_STATES or not record.configured or record.detached_wrapup \
            or record.pause_pending or record.leave_pending:
        return 0
    # 2. The capacity next to the live contacts.
    if record.offers:
        mask = channels_beside(d, record)
    else:
        mask = record.allowed_channels if state in IDLE_STATES else 0
    if not mask:
        return 0
    # 3. The phone. In use without a call of ours, nothing comes: another call is on it, or it has not yet reported the
    # end of ours. A message in that moment would take the place of a waiting caller.
    if seat_id is not None:
        seat = d.seats[seat_id]
        if seat.in_use and not record.call_count:
            return 0
        if mask & BY_PHONE and (seat.in_use or not seat.reachable):
            mask &= ~BY_PHONE
    if record.messages_from > d.now:
        mask &= BY_PHONE
    if not mask:
        return 0
    # 4. Rests. Their end is known, so a timer brings the agent back.
    now = d.now
    if record.not_before > now or record.gap_until > now or record.rest_until > now:
        at = distress_load.earliest_offer_at(record)
        record.rest_timer_armed = True
        d.timers.set_deadline(("rest", record.id), at)
        return 0
    # 5. The planned break, which a contact must not reach into.
    if record.break_at <= now or (record.breaks and break_rules.guard_break(d, record)):
        return 0
    return mask


def has_distress_message(d: Domain, record: AgentRecord) -> bool:
    """Return whether a call would interrupt a message in distress of the agent, or take back one that rings."""
    return any(offer.contact.service.distress and (offer.rings or is_interruptible(d, offer))
               for offer in record.offers.values())


def channels_beside(d: Domain, record: AgentRecord) -> int:
    """Return the channels, as bits, that have room for one more contact next to the live ones."""
    if record.at_capacity:
        return 0
    return _channels_next_to(d, record, list(record.offers.values()), record.call_count, record.used_units)


def could_take(d: Domain, record: AgentRecord, bit: int, offer: Offer) -> bool:
    """Return whether a contact of this channel could be offered to an agent at once if this offer were not there.

    The phone may still be in use for the offer, if that is a call.
    """
    now, seat, live = d.now, record.seat, [one for one in record.offers.values() if one is not offer]
    # 1. The state of the agent, and requests that wait for the end of what is at hand.
    if record.state in UNAVAILABLE_STATES or not record.configured or record.detached_wrapup or record.pause_pending \
            or record.leave_pending or record.next_seat is not None or record.rna_count >= record.profile.rna_allowed:
        return False
    # 2. The phone, and the capacity next to the other contacts.
    calls = sum([one.contact.channel in INTERRUPTING for one in live])
    if bit & BY_PHONE:
        if calls or seat is None or not d.seats[seat].reachable:
            return False
    elif record.messages_from > now:
        return False
    # A phone in use without a call of ours has a private one.
    if not offer.voice and not calls and seat is not None and d.seats[seat].in_use:
        return False
    units = sum([one.cost for one in live if not (calls and is_interruptible(d, one))])
    if not (_channels_next_to(d, record, live, calls, units) if live else record.allowed_channels) & bit:
        return False
    # 3. Rests and breaks.
    return distress_load.earliest_offer_at(record) <= now < record.break_at and not break_rules.is_break_near(d, record)


def _channels_next_to(d: Domain, record: AgentRecord, live: list[Offer], call: int, units: int) -> int:
    """Return the channels with room next to these contacts, `call` of them calls, which take these units."""
    profile = record.profile
    if profile.one_at_a_time or record.rna_count >= profile.rna_allowed:
        return 0
    # An interrupted contact waits already: no further contact may join it during the call.
    yielding = [is_interruptible(d, offer) for offer in live]
    if call and any(yielding):
        return 0
    mask, limits = 0, dict(profile.max_concurrency)
    for channel, bit in CHANNEL_BIT.items():
        if not record.allowed_channels & bit or sum([offer.contact.channel is channel for offer in live]) \
                >= limits.get(channel, 1):
            continue
        row, used = d.channels[channel], units
        if row.interrupts:
            if any(offer.state is WRAPPING for offer in live):
                continue
            # The call will hold the interruptible contacts, so their units are free for it.
            used = sum([offer.cost for offer, can in zip(live, yielding, strict=True) if not can])
        elif call and row.interruptible:
            continue
        if used + row.cost <= profile.capacity:
            mask |= bit
    return mask


def state_trigger(record: AgentRecord) -> str:
    """Return the trigger for an agent who has live contacts.

    It follows the most engaging contact: a talk, then a ringing offer, then a wrap-up.
    """
    found = "still_wrapping"
    for offer in record.offers.values():
        if is_talking(offer):
            if not offer.interrupted:
                return "still_talking"
        elif offer.rings:
            found = "still_ringing"
    return found


def is_talking(offer: Offer) -> bool:
    """Return whether the agent talks in this offer: with the caller, or with the consulting agent."""
    return offer.state is ACCEPTED or offer.state is CONSULTING or offer.talks_first


def main_offer(record: AgentRecord) -> Offer | None:
    """Return the most engaging live offer: the talk, else the ringing one, else the wrap-up.

    Return None without any.
    """
    return min(record.offers.values(), key=_engagement, default=None)


def engaging_order(record: AgentRecord) -> list[Offer]:
    """Return the live offers, the most engaging one first as in `main_offer`."""
    return sorted(record.offers.values(), key=_engagement)


def _engagement(offer: Offer) -> tuple[bool, int]:
    return offer.interrupted, ENGAGEMENT.index(offer.state)


def wrapup_until(d: Domain, record: AgentRecord) -> float | None:
    """Return when the last of the agent's wrap-ups ends by the clock. Return None if no wrap-up has a deadline."""
    if len(record.offers) == 1 and not record.detached_wrapup:
        (offer,) = record.offers
        return d.timers.deadline_of(("wrapup", offer))
    ends = [at for offer in record.offers.values() if (at := d.timers.deadline_of(("wrapup", offer.id))) is not None]
    if record.detached_wrapup and (at := d.timers.deadline_of(("detached_wrapup", record.id))) is not None:
        ends.append(at)
    return max(ends, default=None)


def hold_interrupted(d: Domain, record: AgentRecord) -> None:
    """Hold the contacts that a call interrupts, because the call is connected with the agent."""
    for offer in record.offers.values():
        if offer.state is ACCEPTED and not offer.interrupted and is_interruptible(d, offer):
            _interrupt(d, record, offer, True)


def resume_interrupted(d: Domain, record: AgentRecord) -> None:
    """Resume interrupted contacts if the agent has no call any more."""
    if record.detached_wrapup or record.call_count:
        return
    for offer in record.offers.values():
        if offer.interrupted:
            _interrupt(d, record, offer, False)


def _interrupt(d: Domain, record: AgentRecord, offer: Offer, on: bool) -> None:
    offer.interrupted = on
    contact = offer.contact
    d.commands.append(commands.SetInterrupted(offer.id, contact.id, on, contact.node, contact.channel))
    d.mark(offer)
    emit.interrupted(d, offer=offer.id, contact=contact.id, agent=record.id, on=on)
