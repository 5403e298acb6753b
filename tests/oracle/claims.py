"""People in distress who wait take back agents whose offer nobody has answered."""

from __future__ import annotations

from typing import Any

from tests.oracle import burden, calls, choice, distress
from tests.oracle.state import NOT_RESPONDING, PAUSED, PENDING, SIGNED_OUT, VOICE, Caller, Offer, Person


def claim_one(h) -> bool:
    """Take back one offer for the first person in distress who can have its agent. Return False if there is none."""
    waiting = [c for c in h.callers.values() if c.looks(h.now, h.quiet) and c.service.distress and not c.callback
               and c.channel is VOICE and h.reaches(c) and c.claimed_at + 2.0 <= h.now]
    for caller in sorted(waiting, key=lambda c: (c.place[0] - h.now * c.service.weight, c.number)):
        found = [(order, one) for one in h.offers.values() if unanswered(h, one)
                 and (order := order_without(h, caller, one)) is not None]
        if found:
            _, offer = min(found, key=lambda pair: (pair[0], pair[1].id))
            h.seen[f"claims of {'dials' if offer.dialling else 'callbacks' if offer.caller.callback else 'calls'}"] += 1
            caller.claimed_at = h.now
            offer.caller.dial_released = offer.dialling
            calls.rescind(h, offer, "distress")
            calls.close(h, offer, "rescinded", "distress", keep_idle=True)
            for p in h.people.values():
                if p.touched:
                    burden.look(h, p)
            return True
    return False


def unanswered(h, offer: Offer) -> bool:
    """Return whether nobody has answered: the caller is not on the line, or a phone rings for another class."""
    if not offer.voice or offer.state is not PENDING or offer.with_consulting_agent or not h.reaches(offer.caller):
        return False
    if offer.caller.callback:
        return True
    return not offer.caller.service.distress and offer.answered_at is None and not offer.partner_answered


def order_without(h, caller: Caller, offer: Offer) -> tuple[Any, ...] | None:
    """Return the order of the agent for the caller if the offer were not there, or None if the agent is unable."""
    voice, p = caller.channel is VOICE, offer.person
    people = offer.people if voice else [p]
    if voice and p.agent.profile.pair_id and offer.partner is None:
        return None
    if not all(could_take(h, one, caller, offer) for one in people):
        return None
    met = distress.fit(h, caller.service, caller.needs, caller.topics, p)
    if met is None:
        return None
    bears, in_distress = limits_without(h, people, offer)
    load = caller.service.load
    if load < distress.HEAVY or load <= bears[0]:
        service = caller.service
        return (not offer.caller.callback, p.asked_last, 0, met.order, -choice.rank(service.strategy, p, met.level),
                choice.key(h, service.strategy, p), p.index)
    if load <= in_distress:
        return not offer.caller.callback, p.asked_last, 1, distress.burden(h, p), p.index
    if caller.urgent and load <= bears[2]:
        return not offer.caller.callback, p.asked_last, 2, distress.burden(h, p), p.index
    return None


def could_take(h, p: Person, caller: Caller, offer: Offer) -> bool:
    """Return whether the agent could be offered the contact at once if the offer were not there. Its phone may be in
    use for the offer."""
    live = [one for one in p.hands if one is not offer]
    if p.state in (SIGNED_OUT, PAUSED, NOT_RESPONDING) or not p.configured or p.detached_wrapup or p.pause_pending \
            or p.leave_pending or p.next_seat is not None or p.rna_count >= p.agent.profile.rna_allowed:
        return False
    if caller.channel is VOICE:
        if any(one.voice for one in live) or p.phone is None or not p.phone.reachable:
            return False
    elif p.messages_from > h.now:
        return False
    if not offer.voice and p.phone is not None and p.phone.in_use and not any(one.voice for one in live):
        return False  # a private call
    if max(p.not_before, p.gap_until, p.rest_until) > h.now or burden.break_near(h, p) \
            or burden.break_due(h, p) <= h.now or not choice.ever(p, caller.channel):
        return False
    with_offer, p.hands = p.hands, live
    try:
        return choice.beside(h, p, caller.channel)
    finally:
        p.hands = with_offer


def limits_without(h, people: list[Person], offer: Offer) -> tuple[tuple[int, ...], int]:
    """Return the loads that these agents bear together if the offer were not there, and that of distress."""
    bears, in_distress = [], []
    for p in people:
        with_offer, p.hands = p.hands, [one for one in p.hands if one is not offer]
        bears.append(burden.bears(h, p))
        in_distress.append(burden.bears_in_distress(h, p))
        p.hands = with_offer
    return tuple(map(min, zip(*bears, strict=True))), min(in_distress)
