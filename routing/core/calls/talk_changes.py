"""Handle talks: hold, their end, and the wrap-up after them by the agent's mode.

| mode                       | a wrap-up comes                                   | and ends                        |
|----------------------------|---------------------------------------------------|---------------------------------|
| `mandatory`                | after every talk                                  | by the agent                    |
| `mandatory_timeout`        | after every talk                                  | by the clock or the agent       |
| `mandatory_forced_timeout` | after every talk                                  | by the clock                    |
| `optional`                 | if requested in the talk or shortly after         | by the clock or the agent       |
| `agent_requested`          | if requested in the talk                          | by the clock or the agent       |

The clock is the profile's `wrapup_s`. If it is 0 there is no wrap-up, except in the mode `mandatory`. Each contact has
a separate wrap-up. A wrap-up without a contact is *detached*. Agents get one on request after a completed contact, as
the second agent of a pair, or after a transfer.
"""

from __future__ import annotations

from routing.core import emit
from routing.core.agents import agent_capacity, distress_load, presence
from routing.core.calls import legs
from routing.core.changes import CallLost, PlaceChanged
from routing.core.domain import Domain
from routing.core.events import HoldSet
from routing.core.matching import talk_quota
from routing.core.model import commands
from routing.core.model.centre_model import ContactState, OfferState, Service, WrapUpMode
from routing.core.model.reasons import DROPPED, LOST
from routing.core.model.state_tables import LEG, LEG_AFTER, OFFER, OFFER_AFTER, next_state
from routing.core.queueing import callback_index, contact_queue, recent_talks
from routing.core.records import AgentRecord, Offer

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
ACCEPTED, CONSULTING, WRAPPING = OfferState.ACCEPTED, OfferState.CONSULTING, OfferState.WRAPPING
AGENT_REQUESTED, MANDATORY, OPTIONAL = WrapUpMode.AGENT_REQUESTED, WrapUpMode.MANDATORY, WrapUpMode.OPTIONAL
ASSIGNED = ContactState.ASSIGNED
AFTER_END, AFTER_WRAPUP = LEG_AFTER["ended"], OFFER_AFTER["wrapped_up"]

ON_REQUEST_MODES = frozenset({OPTIONAL, AGENT_REQUESTED})
"""Modes in which a wrap-up comes only when the agent asks for it."""


def on_hold_set(d: Domain, event: HoldSet) -> None:
    """Put the caller on hold, or end the hold."""
    offer = d.offers.get(event.offer)
    if offer is not None and offer.state is ACCEPTED and event.on is not (offer.held_since is not None):
        set_hold(d, offer, event.on)


def set_hold(d: Domain, offer: Offer, on: bool) -> None:
    """Start or end the hold of an offer, and emit the fact."""
    if offer.held_since is not None:
        offer.held_s += d.now - offer.held_since
    offer.held_since = d.now if on else None
    d.mark(offer)
    emit.hold_changed(d, offer=offer.id, contact=offer.contact.id, agent=offer.agent.id, on=on, held_s=offer.held_s)


def end_talk(d: Domain, offer: Offer, by: str, at: float, seat_lost: bool = True, to: Service | None = None,
             same_agent_s: float = 0.0) -> None:
    """End the talk of an offer at `at`.

    After a lost talk the caller is requeued with the same age, and waits `same_agent_s` for the same agent first.
    Otherwise the agent gets a wrap-up. `to` is the new service of a transfer, and the caller of this function then
    requeues the contact.
    """
    record, contact = offer.agent, offer.contact
    assert offer.connected_at is not None
    # 1. Limit the end and the hold to the known times. The end may be reported late, or by a clock that was set back.
    if not offer.connected_at <= at <= d.now:
        at = min(d.now, max(at, offer.connected_at))
    if offer.held_since is not None:
        offer.held_s += max(0.0, at - offer.held_since)
        offer.held_since = None
    if offer.held_s > at - offer.connected_at:
        # The talk ended before the end was reported. Time after the end is no hold.
        offer.held_s = at - offer.connected_at
    # 2. Change the state of offer, contact and phones.
    lost, handed, dropped = by == LOST, to is not None, by == DROPPED
    trigger = "talk_lost" if lost else "transferred" if handed else "talk_ended"
    offer.state = OFFER_AFTER[trigger].get(offer.state) or next_state(OFFER, "offer", offer.id, offer.state, trigger)
    contact_queue.follow_contact(contact, trigger)
    if offer.quota is not None:
        talk_quota.uncount_offer(d.matching, offer)
    offer.talk_ended_at, offer.told_late_s = at, d.now - at
    offer.interrupted = False
    offer.leg = AFTER_END.get(offer.leg) or next_state(LEG, "leg", offer.id, offer.leg, "ended")
    leave_phone(d, offer, lost and seat_lost)
    # 3. Change the state of the agents: a wrap-up, or the next contact.
    wraps = not lost and will_wrap_up(record, offer)
    if handed:
        leave_talk(d, record, offer, lost)
    elif wraps:
        profile = record.profile
        if profile.wrapup_mode is not MANDATORY:
            d.timers.set_deadline(("wrapup", offer.id), d.now + profile.wrapup_s)
        presence.change_state(d, record, "talk_ended", "")
    else:
        _release_agent(d, record, offer, trigger if not lost else LOST)
    if offer.partner is not None:
        legs.follow_partner_leg(offer, "ended")
        _end_partner_talk(d, offer.partner, offer, lost)
    # 4. Emit the fact, and note that the caller was served.
    wait_s = offer.connected_at - contact.waits_from()
    if wait_s < 0.0:
        wait_s = 0.0
    offer.reason, offer.talk_s = "caller" if dropped else by, at - offer.connected_at
    if lost or handed:
        offer.ended_at = d.now
    emit.talk_over(d, offer, wait_s, None if to is None else to.id)
    if not (lost or dropped) and recent_talks.note_recent_talk(d, offer, contact.service, at):
        callback_index.note_served(d, contact, contact.service)
    # 5. A contact that was lost or transferred waits again. Any other contact has ended for its caller.
    if lost or handed:
        del d.offers[offer.id]
        if lost:
            contact_queue.requeue_after_drop(d, contact, record, same_agent_s)
        return
    if contact.blocks_callbacks:
        d.changes.append(PlaceChanged(contact))
    contact_queue.end_answered(d, contact, wait_s, at)
    if not wraps:
        _complete_wrapup(d, offer)
    if dropped:
        d.changes.append(CallLost(contact, at))


def leave_phone(d: Domain, offer: Offer, lost: bool) -> None:
    """Free the phones of a call. A desk of another channel stays, but does not get the same contact at once."""
    if not offer.voice:
        if lost:
            offer.agent.not_before = max(offer.agent.not_before, d.now + presence.DECLINE_GAP_S)
        return
    presence.on_leg_over(d, offer.seat)
    if lost:
        presence.lose_seat(d, offer.seat)
    if offer.partner is not None and offer.partner.seat is not None:
        presence.on_leg_over(d, offer.partner.seat)


def can_wrap_up(record: AgentRecord) -> bool:
    """Return whether a wrap-up may follow a talk, by mode or on request. An agent who leaves the shift has none."""
    profile = record.profile
    return not record.leave_pending and (profile.wrapup_s > 0 or profile.wrapup_mode is MANDATORY)


def will_wrap_up(record: AgentRecord, offer: Offer) -> bool:
    """Return whether a wrap-up follows this talk."""
    return (offer.wrapup_requested or record.profile.wrapup_mode not in ON_REQUEST_MODES) and can_wrap_up(record)


def _end_partner_talk(d: Domain, partner: AgentRecord, offer: Offer, lost: bool) -> None:
    """End the talk of the second agent of a pair, who gets a detached wrap-up.

    Both legs are ended. The two others of three would otherwise stay connected (seen on Asterisk 22).
    """
    contact = offer.contact
    d.commands.append(commands.Rescind(offer.id, contact.id, "partner", contact.node, contact.channel, True,
                                       talks=True))
    leave_talk(d, partner, offer, lost)


def leave_talk(d: Domain, record: AgentRecord, offer: Offer, lost: bool) -> None:
    """End an agent's part in a talk whose contact no longer belongs to them. A wrap-up is detached."""
    agent_capacity.release_capacity(d, record, offer)
    distress_load.on_partner_done(d, record, offer)
    if not lost and will_wrap_up(record, offer):
        _start_detached_wrapup(d, record, "talk_ended")
    else:
        record.last_talk_ended_at = d.now
        presence.finish_contact(d, record, LOST if lost else "talk_ended")


def _start_detached_wrapup(d: Domain, record: AgentRecord, trigger: str) -> None:
    record.detached_wrapup, record.last_talk_ended_at = True, None
    if record.profile.wrapup_mode is not MANDATORY:
        d.timers.set_deadline(("detached_wrapup", record.id), d.now + record.profile.wrapup_s)
    presence.change_state(d, record, trigger, "")


def request_late_wrapup(d: Domain, record: AgentRecord) -> bool:
    """Start a wrap-up after a talk that had none, and return whether it started.

    The agent must be idle, and the talk must have ended no longer ago than a wrap-up lasts.
    """
    profile, ended = record.profile, record.last_talk_ended_at
    if profile.wrapup_mode is not OPTIONAL or ended is None or record.state not in presence.READY_STATES \
            or d.now - ended > profile.wrapup_s or not profile.wrapup_s:
        return False
    _start_detached_wrapup(d, record, "wrapup_requested")
    return True


def end_detached_wrapup(d: Domain, record: AgentRecord, reason: str) -> None:
    """End a detached wrap-up. Do nothing if there is none."""
    if record.detached_wrapup:
        record.detached_wrapup = False
        d.timers.cancel_deadline(("detached_wrapup", record.id))
        presence.finish_contact(d, record, reason)


def _release_agent(d: Domain, record: AgentRecord, offer: Offer, reason: str) -> None:
    """Release the agent from a contact that is finished."""
    agent_capacity.release_capacity(d, record, offer)
    distress_load.on_contact_handled(d, offer)
    if record.profile.wrapup_mode is OPTIONAL and offer.state is WRAPPING:
        record.last_talk_ended_at = offer.talk_ended_at
    presence.finish_contact(d, record, reason)


def _complete_wrapup(d: Domain, offer: Offer) -> None:
    contact = offer.contact
    assert offer.talk_ended_at is not None
    offer.state = AFTER_WRAPUP.get(offer.state) \
        or next_state(OFFER, "offer", offer.id, offer.state, "wrapped_up")
    contact_queue.follow_contact(contact, "wrapped_up")
    contact.agent = offer.agent.id
    # Contact and offer refer to each other. Cut the cycle, so that the memory is free at once and not at the next
    # collection.
    contact.offer = None
    del d.offers[offer.id], d.contacts[contact.id]
    # Before the end was reported there was no wrap-up.
    offer.ended_at, offer.wrapup_s = d.now, d.now - offer.talk_ended_at - offer.told_late_s
    emit.wrapped_up(d, offer)


def end_wrapup(d: Domain, offer: Offer, reason: str) -> None:
    """End a wrap-up: the contact is completed, and the agent may have the next one."""
    d.timers.cancel_deadline(("wrapup", offer.id))
    _release_agent(d, offer.agent, offer, reason)
    _complete_wrapup(d, offer)


def still_waits(offer: Offer, now: float, guard_s: float) -> bool:
    """Return whether a hold tick shows that the talk of this offer was dropped.

    Ticks from before the bridge may be `guard_s` late, so earlier ticks show nothing.
    """
    # After a consult transfer the last change of the bridge counts.
    since = offer.connected_at if offer.bridge_changed_at is None else offer.bridge_changed_at
    return offer.contact.state is ASSIGNED and since is not None and now - since > guard_s
