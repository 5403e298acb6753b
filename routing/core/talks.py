"""Talks: hold, their end, and the wrap-up after it by the agent's mode.

| mode                       | a wrap-up comes                              | and ends                         |
|----------------------------|----------------------------------------------|----------------------------------|
| `mandatory`                | after every talk                             | by the agent's word              |
| `mandatory_timeout`        | after every talk                             | by the clock or the word         |
| `mandatory_forced_timeout` | after every talk                             | by the clock                     |
| `optional`                 | when asked for in the talk or shortly after  | by the clock or the word         |
| `agent_requested`          | when asked for in the talk                   | by the clock or the word         |

The clock is the profile's `wrapup_s`; where it is 0 there is no wrap-up, except in mode `mandatory`. Each contact has a
wrap-up of its own. One without a contact is *aside*: asked for when the contact was completed already, or that of the
second agent of a pair, or that of an agent who has sent the caller on.
"""

from __future__ import annotations

from routing.core import (
    agents,
    callback_index,
    capacity,
    commands,
    contacts,
    emit,
    legs,
    quota,
    served,
    wellbeing,
)
from routing.core.changes import CallLost, PlaceChanged
from routing.core.domain import Domain
from routing.core.events import Held
from routing.core.model import ContactState, OfferState, Service, WrapUpMode
from routing.core.records import AgentRecord, Offer
from routing.core.states import AFTER_END, LEG, OFFER, follow

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
ACCEPTED, CONSULTING, WRAPPING = OfferState.ACCEPTED, OfferState.CONSULTING, OfferState.WRAPPING
AGENT_REQUESTED, MANDATORY, OPTIONAL = WrapUpMode.AGENT_REQUESTED, WrapUpMode.MANDATORY, WrapUpMode.OPTIONAL
ASSIGNED = ContactState.ASSIGNED

LOST, TRANSFER = "lost", "transfer"
DROPPED = "dropped"
"""The network lost the caller, nobody put the call down. In the records the talk ended by the caller."""

BY_WISH = frozenset({OPTIONAL, AGENT_REQUESTED})
"""Modes in which a wrap-up comes only when the agent asks for it."""


def held(d: Domain, event: Held) -> None:
    """The caller is on hold, or back."""
    offer = d.offers.get(event.offer)
    if offer is not None and offer.state is ACCEPTED and event.on is not (offer.held_since is not None):
        hold(d, offer, event.on)


def hold(d: Domain, offer: Offer, on: bool) -> None:
    """The caller hears music from now on, or no more."""
    if offer.held_since is not None:
        offer.held_s += d.now - offer.held_since
    offer.held_since = d.now if on else None
    d.mark(offer)
    emit.hold_changed(d, offer=offer.id, contact=offer.contact.id, agent=offer.agent.id, on=on, held_s=offer.held_s)


def talk_over(d: Domain, offer: Offer, by: str, at: float, *, seat_lost: bool = True,
              to: Service | None = None) -> None:
    """The talk ended at `at`. Lost: the caller looks again with the old age. Else the agent wraps up. `to`: of a
    transfer, the service for which the caller waits from now on; the one who calls has the contact enter its line."""
    record, contact = offer.agent, offer.contact
    assert offer.connected_at is not None
    # 1. The talk lasted until `at`, within what is known of it; a hold lasted no longer.
    if not offer.connected_at <= at <= d.now:
        at = min(d.now, max(at, offer.connected_at))
    if offer.held_since is not None:
        offer.held_s += max(0.0, at - offer.held_since)
        offer.held_since = None
    if offer.held_s > at - offer.connected_at:
        offer.held_s = at - offer.connected_at  # it ended before this was heard of: what came after is no hold
    # 2. Move offer, contact and phones on.
    lost, handed, dropped = by == LOST, to is not None, by == DROPPED
    trigger = "talk_lost" if lost else "transferred" if handed else "talk_over"
    offer.state = OFFER.get((offer.state, trigger)) or follow(OFFER, "offer", offer.id, offer.state, trigger)
    contacts.follow_contact(contact, trigger)
    if offer.quota is not None:
        quota.uncount(d.matching, offer)
    offer.talk_over_at = d.now
    offer.interrupted = False
    offer.leg = AFTER_END.get(offer.leg) or follow(LEG, "leg", offer.id, offer.leg, "ended")
    leave_phone(d, offer, lost and seat_lost)
    # 3. Move the agents on: a wrap-up, or the next contact.
    wraps = not lost and _wraps_up(record, offer)
    if handed:
        leave(d, record, offer, lost)
    elif wraps:
        profile = record.profile
        if profile.wrapup_mode is not MANDATORY:
            d.timers.set(("wrap", offer.id), d.now + profile.wrapup_s)
        agents.change(d, record, "talk_over", "")
    else:
        _free(d, record, offer, trigger if not lost else LOST)
    if offer.partner is not None:
        legs.follow_partner_leg(offer, "ended")
        _partner_over(d, offer.partner, offer, lost)
    # 4. Tell of it.
    wait_s = offer.connected_at - contact.waits_from()
    if wait_s < 0.0:
        wait_s = 0.0
    offer.reason, offer.talk_s = "caller" if dropped else by, at - offer.connected_at
    if lost or handed:
        offer.ended_at = d.now
    emit.talk_over(
        d, offer, by=offer.reason, wait_s=wait_s, to=None if to is None else to.id)
    if not (lost or dropped) and served.note(d, offer, contact.service, at):
        callback_index.note_served(d, contact, contact.service)
    # 5. A contact that is lost or sent on waits again; any other has ended for its caller.
    if lost or handed:
        del d.offers[offer.id]
        if lost:
            contacts.cut(d, contact)
        return
    if contact.keeps:
        d.changes.append(PlaceChanged(contact))
    contacts.end_answered(d, contact, wait_s, at)
    if not wraps:
        _wrapped(d, offer)
    if dropped:
        d.changes.append(CallLost(contact, at))


def leave_phone(d: Domain, offer: Offer, lost: bool) -> None:
    """The phones of a call become free; the desk of another channel stays, and does not get the same one at once."""
    if not offer.voice:
        if lost:
            offer.agent.not_before = max(offer.agent.not_before, d.now + agents.DECLINE_GAP_S)
        return
    agents.leg_over(d, offer.seat)
    if lost:
        agents.lose_seat(d, offer.seat)
    if offer.partner is not None and offer.partner.seat is not None:
        agents.leg_over(d, offer.partner.seat)


def can_wrap_up(record: AgentRecord) -> bool:
    """Whether a wrap-up comes after a talk, by itself or when it is asked for. Who leaves the shift has none."""
    profile = record.profile
    return not record.leave_pending and (profile.wrapup_s > 0 or profile.wrapup_mode is MANDATORY)


def _wraps_up(record: AgentRecord, offer: Offer) -> bool:
    """Whether one comes after this talk."""
    return (offer.wrapup_asked or record.profile.wrapup_mode not in BY_WISH) and can_wrap_up(record)


def _partner_over(d: Domain, partner: AgentRecord, offer: Offer, lost: bool) -> None:
    """The second one of a pair: a wrap-up of their own, aside. Both legs are ended, for those who are left of three
    would go on without the one who went (seen on Asterisk 22)."""
    contact = offer.contact
    d.commands.append(commands.Rescind(offer.id, contact.id, "partner", contact.node, contact.channel, True))
    leave(d, partner, offer, lost)


def leave(d: Domain, record: AgentRecord, offer: Offer, lost: bool) -> None:
    """Out of a talk whose contact is no longer theirs: the wrap-up is their own, aside."""
    capacity.release(d, record, offer)
    wellbeing.heard(d, record, offer)
    if not lost and _wraps_up(record, offer):
        _aside(d, record, "talk_over")
    else:
        record.talked_until = d.now
        agents.done(d, record, LOST if lost else "talk_over")


def _aside(d: Domain, record: AgentRecord, trigger: str) -> None:
    record.aside, record.talked_until = True, None
    if record.profile.wrapup_mode is not MANDATORY:
        d.timers.set(("aside", record.id), d.now + record.profile.wrapup_s)
    agents.change(d, record, trigger, "")


def ask_aside(d: Domain, record: AgentRecord) -> bool:
    """Begin a wrap-up after the talk that had none, if it is not too late for it: the agent is idle, and the talk ended
    no longer ago than a wrap-up lasts. False: it is."""
    profile, ended = record.profile, record.talked_until
    if profile.wrapup_mode is not OPTIONAL or ended is None or record.state not in agents.FREE \
            or d.now - ended > profile.wrapup_s or not profile.wrapup_s:
        return False
    _aside(d, record, "wrapup_asked")
    return True


def end_aside(d: Domain, record: AgentRecord, reason: str) -> None:
    """A wrap-up without a contact is over. Fine when there is none."""
    if record.aside:
        record.aside = False
        d.timers.cancel(("aside", record.id))
        agents.done(d, record, reason)


def _free(d: Domain, record: AgentRecord, offer: Offer, reason: str) -> None:
    """The agent is done with this contact."""
    capacity.release(d, record, offer)
    wellbeing.handled(d, offer)
    if record.profile.wrapup_mode is OPTIONAL and offer.state is WRAPPING:
        record.talked_until = offer.talk_over_at
    agents.done(d, record, reason)


def _wrapped(d: Domain, offer: Offer) -> None:
    contact = offer.contact
    assert offer.talk_over_at is not None
    offer.state = OFFER.get((offer.state, "wrapped_up")) or follow(OFFER, "offer", offer.id, offer.state, "wrapped_up")
    contacts.follow_contact(contact, "wrapped_up")
    contact.agent = offer.agent.id
    contact.offer = None  # they hold each other: memory comes back at once, not when the garbage is looked for
    del d.offers[offer.id], d.contacts[contact.id]
    offer.ended_at, offer.wrapup_s = d.now, d.now - offer.talk_over_at
    emit.wrapped_up(d, offer)


def wrap_up(d: Domain, offer: Offer, reason: str) -> None:
    """A wrap-up is over: the contact is completed, the agent may have the next one."""
    d.timers.cancel(("wrap", offer.id))
    _free(d, offer.agent, offer, reason)
    _wrapped(d, offer)


def still_waits(offer: Offer, now: float, guard_s: float) -> bool:
    """A sign of the hold loop from a caller who should be talking: the talk was cut. Signs from before the bridge may
    be this late."""
    since = offer.connected_at if offer.turned_at is None else offer.turned_at
    return offer.contact.state is ASSIGNED and since is not None and now - since > guard_s
