"""Offers: made, ringing, answered, connected, talked, wrapped up, and every way in which they end before."""

from __future__ import annotations

from routing.core import agents, commands, contacts, facts
from routing.core.domain import Domain
from routing.core.events import Held, OfferAnswered, OfferConnected, OfferEnded, OfferRinging, TalkEnded
from routing.core.ids import AgentId, OfferId
from routing.core.model import AgentState, ContactState, OfferState
from routing.core.records import AgentRecord, Contact, Offer
from routing.core.states import OFFER, follow

VANISHED_S = 2.0
"""A phone that was told to ring and did not say so within this time is gone: the next agent gets the call at once.
Asterisk itself would retransmit the INVITE for 32 s (timer B of RFC 3261)."""

RING_GRACE_S = 3.0
"""Asterisk ends the ringing by itself after the profile's time. Should its word never come, the engine ends it."""

BRIEF_S = 30.0
"""The longest way from an answered phone to the connection: the spoken brief and the wait for key 1."""

TIMERS = ("vanish", "ring", "brief")
"""Deadlines of an offer. They stand still while the link is down."""

LOST = "lost"


def make(d: Domain, contact: Contact, record: AgentRecord, level: int, runners_up: tuple[AgentId, ...]) -> None:
    """Reserve the contact for the agent and have the phone ring."""
    assert record.seat is not None
    profile, service = record.agent.profile, contact.service
    offer = Offer(OfferId(d.next_offer), contact, record, record.seat, d.now, profile.ring_timeout_s, contact.step,
                  level)
    d.next_offer += 1
    idle_s, ready, signed = d.now - record.idle_since, d.matching.ready, d.matching.signed_in
    d.matching.part(contact)
    contacts.follow_contact(contact, "offered")
    d.offers[offer.id] = record.offers[offer.id] = contact.offer = offer
    agents.change(d, record, "offered", "")
    d.facts.append(facts.Offered(
        *d.stamp(), offer.id, contact.id, contact.version, record.id, record.version, offer.seat, service.id,
        contact.channel, offer.ring_s, offer.step, level, idle_s, runners_up, ready, signed,
        len(d.line(service.id))))
    d.commands.append(commands.Offer(
        offer.id, contact.id, contact.leg, record.id, offer.seat, service.id, service.name, offer.ring_s,
        profile.answer_mode, profile.brief, d.now - contact.since, contact.node))
    d.timers.set(("vanish", offer.id), d.now + VANISHED_S)
    d.timers.set(("ring", offer.id), d.now + offer.ring_s + RING_GRACE_S)


def rescind(d: Domain, offer: Offer, reason: str) -> None:
    """Have the agent's leg ended."""
    d.commands.append(commands.Rescind(offer.id, offer.contact.id, reason, offer.contact.node))


def close(d: Domain, offer: Offer, trigger: str, reason: str, *, to: str = "released", to_reason: str = "",
          keep_idle: bool = False) -> None:
    """An offer ends without a connection. `to`: the agent's trigger. The contact looks again unless it is gone."""
    record, contact = offer.agent, offer.contact
    offer.state = follow(OFFER, "offer", offer.id, offer.state, trigger)
    for timer in TIMERS:
        d.timers.cancel((timer, offer.id))
    del d.offers[offer.id]
    record.offers.pop(offer.id, None)
    agents.leg_over(d, offer.seat)
    agents.change(d, record, to, to_reason or reason, keep_idle=keep_idle)
    stays = offer.state is not OfferState.CANCELED
    if stays:
        contacts.back(d, contact)
    d.facts.append(facts.OfferClosed(
        *d.stamp(), offer.id, contact.id, record.id, record.version, contact.service.id, contact.channel, offer.state,
        reason, 0.0 if offer.rang_at is None else d.now - offer.rang_at, contact.version if stays else None))


def cancel(d: Domain, offer: Offer) -> None:
    """The contact is gone while the phone rings: the agent is free at once, with the place among the idle."""
    rescind(d, offer, "contact_gone")
    close(d, offer, "contact_gone", "contact_gone", keep_idle=True)


def take_back(d: Domain, record: AgentRecord, reason: str, to: str, to_reason: str) -> None:
    """The agent signs out or takes a break while the phone rings."""
    for offer in list(record.offers.values()):
        rescind(d, offer, reason)
        close(d, offer, "taken_back", reason, to=to, to_reason=to_reason)


def missed(d: Domain, offer: Offer, reason: str) -> None:
    """Nobody took it. Enough misses in a row and the agent gets nothing more until they say that they are there."""
    record = offer.agent
    record.misses += 1
    offer.contact.missed_by = record.id
    often = record.misses >= record.agent.profile.misses_allowed
    close(d, offer, "not_answered", reason, to="missed_too_often" if often else "released",
          to_reason="misses" if often else "missed")


def _declined(d: Domain, offer: Offer, reason: str) -> None:
    offer.agent.not_before = max(offer.agent.not_before, d.now + agents.DECLINE_GAP_S)
    close(d, offer, "declined", reason)


def _seat_lost(d: Domain, offer: Offer, reason: str) -> None:
    agents.lose_seat(d, offer.seat)
    close(d, offer, "taken_back", reason)


def vanished(d: Domain, offer: Offer) -> None:
    """The phone never rang."""
    rescind(d, offer, "vanished")
    _seat_lost(d, offer, "vanished")


def overdue(d: Domain, offer: Offer) -> None:
    """Ringing or brief lasted too long and Asterisk did not say so."""
    rescind(d, offer, "stale")
    missed(d, offer, "stale")


def ringing(d: Domain, event: OfferRinging) -> None:
    """The phone rings."""
    offer = d.offers.get(event.offer)
    if offer is None or offer.state is not OfferState.PENDING or offer.rang_at is not None:
        return
    if offer.answered_at is not None:
        return
    offer.rang_at = d.now
    d.timers.cancel(("vanish", offer.id))
    d.facts.append(facts.OfferRang(*d.stamp(), offer.id, offer.contact.id, offer.agent.id))


def answered(d: Domain, event: OfferAnswered) -> None:
    """The agent's leg is up; the brief may still be spoken."""
    offer = d.offers.get(event.offer)
    if offer is None or offer.state is not OfferState.PENDING or offer.answered_at is not None:
        return
    offer.answered_at = d.now
    d.timers.cancel(("vanish", offer.id))
    d.timers.cancel(("ring", offer.id))
    if d.link_up(offer.contact.node):
        d.timers.set(("brief", offer.id), d.now + BRIEF_S)


def connected(d: Domain, event: OfferConnected) -> None:
    """Agent and caller are together, if it is really this caller."""
    offer = d.offers.get(event.offer)
    if offer is None or offer.state is OfferState.WRAPPING:
        return
    contact, record = offer.contact, offer.agent
    if event.contact != contact.id:
        d.facts.append(facts.Alarm(*d.stamp(), "bridge_mismatch", event.contact, offer.id, record.id))
        rescind(d, offer, "mismatch")
        if offer.state is OfferState.PENDING:
            close(d, offer, "taken_back", "mismatch")
        return
    if offer.state is not OfferState.PENDING:
        return
    for timer in TIMERS:
        d.timers.cancel((timer, offer.id))
    offer.state = follow(OFFER, "offer", offer.id, offer.state, "connected")
    at = d.now if event.connected_at is None else min(d.now, max(event.connected_at, offer.offered_at))
    offer.connected_at = at
    contacts.leave_line(d, contact)
    contacts.follow_contact(contact, "connected")
    contact.missed_by = None
    record.misses = 0
    agents.change(d, record, "connected", "")
    wait_s = max(0.0, at - contact.since)
    d.facts.append(facts.Connected(
        *d.stamp(), offer.id, contact.id, contact.version, record.id, record.version, offer.seat, contact.service.id,
        contact.channel, wait_s, max(0.0, at - (offer.offered_at if offer.rang_at is None else offer.rang_at)),
        contact.original_position, wait_s <= contact.service.target_s, None if at == d.now else at))


def ended(d: Domain, event: OfferEnded) -> None:
    """The agent's leg is gone."""
    offer = d.offers.get(event.offer)
    if offer is None:
        return
    if offer.state is OfferState.ACCEPTED:
        talk_over(d, offer, LOST if event.reason == LOST else "agent", d.now)
    elif offer.state is OfferState.PENDING:
        if event.reason == "no_answer":
            missed(d, offer, event.reason)
        elif event.reason in ("unreachable", LOST):
            _seat_lost(d, offer, event.reason)
        else:
            _declined(d, offer, event.reason)


def talk_ended(d: Domain, event: TalkEnded) -> None:
    """Caller and agent are apart."""
    offer = d.offers.get(event.offer)
    if offer is not None and offer.state is OfferState.ACCEPTED:
        talk_over(d, offer, event.by, d.now if event.ended_at is None else event.ended_at)


def held(d: Domain, event: Held) -> None:
    """The caller is on hold, or back."""
    offer = d.offers.get(event.offer)
    if offer is None or offer.state is not OfferState.ACCEPTED or event.on is (offer.held_since is not None):
        return
    if offer.held_since is not None:
        offer.held_s += d.now - offer.held_since
    offer.held_since = d.now if event.on else None
    d.facts.append(facts.HoldChanged(
        *d.stamp(), offer.id, offer.contact.id, offer.agent.id, event.on, offer.held_s))


def talk_over(d: Domain, offer: Offer, by: str, at: float, *, seat_lost: bool = True) -> None:
    """The talk ended at `at`. Lost: the caller looks again with the old age. Else the agent wraps up."""
    record, contact = offer.agent, offer.contact
    assert offer.connected_at is not None
    at = min(d.now, max(at, offer.connected_at))
    if offer.held_since is not None:
        offer.held_s += max(0.0, at - offer.held_since)
        offer.held_since = None
    lost = by == LOST
    trigger = "talk_lost" if lost else "talk_over"
    offer.state = follow(OFFER, "offer", offer.id, offer.state, trigger)
    contacts.follow_contact(contact, trigger)
    offer.talk_over_at = d.now
    wrapup_s = 0.0 if lost or record.leave_pending else record.agent.profile.wrapup_s
    agents.leg_over(d, offer.seat)
    if lost and seat_lost:
        agents.lose_seat(d, offer.seat)
    if wrapup_s > 0:
        d.timers.set(("wrap", record.id), d.now + wrapup_s)
        agents.change(d, record, "talk_over", "")
    else:
        _free(d, record, offer, "lost" if lost else "talk_over")
    wait_s = max(0.0, offer.connected_at - contact.since)
    d.facts.append(facts.TalkOver(
        *d.stamp(), offer.id, contact.id, contact.version, contact.state, record.id, record.version,
        contact.service.id, contact.channel, by, wait_s, at - offer.connected_at, offer.held_s,
        contact.original_position))
    if lost:
        del d.offers[offer.id]
        contact.offer = None
        contacts.enter(d, contact)
        return
    contacts.end_answered(d, contact, wait_s, at)
    if wrapup_s <= 0:
        _wrapped(d, offer)


def _free(d: Domain, record: AgentRecord, offer: Offer, reason: str) -> None:
    """The agent is done with a contact: ready, or what they have asked for meanwhile."""
    record.offers.pop(offer.id, None)
    if record.leave_pending or not record.configured:
        agents.change(d, record, "sign_out", "signed_out" if record.configured else "removed")
    elif record.pause_pending:
        agents.change(d, record, "pause", record.pause_pending)
    else:
        agents.change(d, record, "released", reason)


def _wrapped(d: Domain, offer: Offer) -> None:
    contact, record = offer.contact, offer.agent
    assert offer.talk_over_at is not None
    offer.state = follow(OFFER, "offer", offer.id, offer.state, "wrapped_up")
    contacts.follow_contact(contact, "wrapped_up")
    del d.offers[offer.id], d.contacts[contact.id]
    d.facts.append(facts.WrappedUp(
        *d.stamp(), offer.id, contact.id, contact.version, record.id, record.version, contact.service.id,
        contact.channel, d.now - offer.talk_over_at))


def wrap_up(d: Domain, record: AgentRecord, reason: str) -> None:
    """Wrap-up is over: the contact is completed, the agent may have the next one."""
    if record.state is not AgentState.WRAPUP:
        return
    for offer in list(record.offers.values()):
        d.timers.cancel(("wrap", record.id))
        _free(d, record, offer, reason)
        _wrapped(d, offer)


def still_waits(offer: Offer, now: float, guard_s: float) -> bool:
    """A sign of the hold loop from a caller who should be talking: the talk was cut. Signs from before the bridge may
    be this late."""
    return (offer.contact.state is ContactState.ASSIGNED and offer.connected_at is not None
            and now - offer.connected_at > guard_s)
