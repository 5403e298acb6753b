"""Contacts in distress: their candidates and phones, the agents kept free for them, the breaks that wait for them."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, log2
from typing import Any, NamedTuple

from routing.core import events as e
from routing.core.model.centre_model import Channel
from tests.oracle import burden as loads
from tests.oracle import choice, rules
from tests.oracle.state import (
    BESIDE,
    BUSY,
    PENDING,
    READY,
    RESERVED,
    RINGING,
    SIGNED_OUT,
    TALKING,
    VOICE,
    WRAPUP,
    Caller,
    Offer,
    Person,
)

HEAVY = 3
NO_BURDEN = -1100.0
POSTPONED_S = 60.0
PHONES_MAX = 3
ACTS = (e.AgentSignedIn, e.AgentSignedOut, e.AgentPaused, e.AgentResumed, e.WrapUpEnded, e.WrapUpExtended,
        e.WrapUpRequested, e.HeavyContactsDeclined)
"""Events of an agent who acts at the desk."""
ON_DUTY = (READY, RINGING, TALKING, WRAPUP, BUSY)


class Fit(NamedTuple):
    """How an agent meets a distress service: the place of the step in the order, the step of the record, the level."""

    order: int
    step: int
    level: int


def fit(h, service, needs: tuple, topics: frozenset, p: Person) -> Fit | None:
    """Return the first step that the agent meets, else the floor, or None if the agent does not fit. The last
    step is the floor of a service without one."""
    banned = choice.no_topics(p)
    if banned and not (banned & h.excluded).isdisjoint(topics | {service.id}):
        return None
    floor = None if service.floor or service.floor_where else len(service.steps) - 1
    level = choice.level_of(_asked(h, service, floor, needs), p.agent.skills)
    if level is None:
        return None
    for step in range(len(service.steps)):
        own = choice.level_of(_asked(h, service, step, needs), p.agent.skills)
        if own is not None:
            return Fit(step, step, own)
    return Fit(len(service.steps), len(service.steps) - 1, level)


def _asked(h, service, step: int | None, needs: tuple) -> tuple:
    return h.remember(("distress", service.id, step, needs), lambda: choice.asked_for(service, step, needs))


def tier(p: Person, load: int, urgent: bool) -> int | None:
    """Return the tier of a contact in distress with this load, or None. Limits of the centre only order."""
    if load < HEAVY or load <= p.bears[0]:
        return 0
    if load <= p.bears_in_distress:
        return 1
    return 2 if urgent and load <= p.bears[2] else None


def burden(h, p: Person) -> float:
    """Return the order of agents above a limit: the load as of its last change, on a scale that decay does not move."""
    if loads.load_now(h, p) <= 0:
        return NO_BURDEN
    return round(log2(p.load) + p.load_at / h.centre.load_half_life_s, 6)


def candidates(h, caller: Caller, open_to: dict[Person, list[Channel]]) -> list[choice.Candidate]:
    """Return the agents for a contact in distress, the best first."""
    service, found = caller.service, []
    for p in open_to if caller.preferred is None else [caller.preferred]:
        if caller.channel not in open_to.get(p, ()):
            continue
        met, level = fit(h, service, caller.needs, caller.topics, p), tier(p, service.load, caller.urgent)
        if met is None or level is None:
            continue
        late = p.asked_last
        if level == 0:
            score = choice.key(h, service.strategy, p)
            order: tuple[Any, ...] = (late, 0, met.order, -choice.rank(service.strategy, p, met.level), score, p.index)
        else:
            score = p.burden
            order = (late, level, score, p.index)
        if caller.preferred is not None and level == 0:
            score = p.idle_since
        found.append(choice.Candidate(order, p, level, score, met.level, met.step))
    return sorted(found, key=lambda one: one.order)


def ringable(h, caller: Caller, p: Person) -> bool:
    """Return whether the contact could ring at the agent now, without the emergency ceiling."""
    if p.touched:  # the same event may have taken a heavy contact away
        loads.look(h, p)
    return not p.asked_last and h.reaches(caller) and caller.channel in choice.takes(h, p) \
        and fit(h, caller.service, caller.needs, caller.topics, p) is not None \
        and tier(p, caller.service.load, False) is not None


# --- agents kept free


def free_for(h, open_to: dict[Person, list[Channel]]) -> list[tuple[int, list[Person]]]:
    """Return for each service with `keep_free`, in order, how many others stay free and the agents who are free."""
    return [(kept_free(h, service), [
        p for p, channels in open_to.items() if VOICE in channels
        and fit(h, service, (), frozenset(), p) is not None and tier(p, service.load, False) in (0, 1)])
        for service in h.centre.services if service.distress and (service.keep_free or service.keep_free_percent)]


def kept_free(h, service) -> int:
    """Return how many others stay free. A share is of the signed-in agents who fit and take calls."""
    fitting = [p for p in h.people.values() if p.state is not SIGNED_OUT and choice.ever(p, VOICE)
               and fit(h, service, (), frozenset(), p) is not None]
    return service.keep_free + ceil(Fraction(len(fitting) * service.keep_free_percent, 100))


def mask(free: list[tuple[int, list[Person]]], p: Person) -> int | None:
    """Return the order of the agent for other contacts, or None while the agent is kept free."""
    found = 0
    for place, (least, people) in enumerate(free):
        if p in people:
            if len(people) - 1 < least:
                return None
            found += 2**place
    return found


def always_kept(h) -> list[Person]:
    """Return the agents whom no other contact ever gets: of those who can become free for a service, as many are there
    as it keeps free, or fewer."""
    found: list[Person] = []
    for service in h.centre.services:
        if service.distress and (service.keep_free or service.keep_free_percent):
            there = [p for p in h.people.values() if can_become_free(h, service, p)]
            found += there if len(there) <= kept_free(h, service) else []
    return found


def can_become_free(h, service, p: Person) -> bool:
    """Return whether the agent is there for the calls of a service, and has not said that nothing heavy may come."""
    return rules.is_there(VOICE, p) and choice.ever(p, VOICE) \
        and fit(h, service, (), frozenset(), p) is not None \
        and not (service.load >= HEAVY and any(one.heavy_declined_until > h.now for one in pair_of(p)))


def pair_of(p: Person) -> list[Person]:
    """Return the agents of whom nothing may be too much: one, or both of a pair, the second while signed in."""
    return [p, p.partner] if p.lead and p.partner.signed else [p]


# --- breaks


def last_on_duty(h, p: Person) -> str | None:
    """Return the first distress service for which the agent is the only one on duty."""
    for service in h.centre.services:
        if service.distress and [one for one in h.people.values() if on_duty(h, service, one)] == [p]:
            return service.id
    return None


def on_duty(h, service, p: Person) -> bool:
    """Return whether the agent serves the calls of a distress service, now or after the present contact."""
    return p.state in ON_DUTY and choice.ever(p, VOICE) and not (p.pause_pending or p.leave_pending) \
        and not (service.load >= HEAVY and p.heavy_declined_until > h.now) \
        and fit(h, service, (), frozenset(), p) is not None


# --- further phones, and agents who are asked last


def ringing(caller: Caller) -> list[Offer]:
    """Return what rings for a caller, the last one first."""
    if caller.offer is None or caller.state is not RESERVED:
        return []
    return [*reversed(caller.beside), caller.offer]


def next_at(h, caller: Caller) -> float | None:
    """Return when one more phone is to ring for a caller, or None."""
    phones, first = ringing(caller), caller.offer
    if not phones or len(phones) == PHONES_MAX or not caller.service.distress or caller.channel is not VOICE \
            or first.partner is not None or first.calls_back or caller.callback \
            or caller.consulting_offer is not None or any(one.answered_at is not None for one in phones):
        return None
    if caller.rings_since is None:
        caller.rings_since = first.made_at
    return caller.rings_since + len(phones) * h.centre.second_phone_s


def seeks(h, caller: Caller) -> bool:
    """Return whether one more phone is to ring now."""
    at = next_at(h, caller)
    return at is not None and at <= h.now


def further_candidates(h, caller: Caller, open_to) -> list[choice.Candidate]:
    """Return the agents whose phone may be the next one: with empty hands, alone, at no key, within the limits."""
    urgent, caller.urgent = caller.urgent, False
    preferred, caller.preferred = caller.preferred, None
    try:
        found = candidates(h, caller, {p: channels for p, channels in open_to.items()
                                                if not p.hands and not p.lead and not p.agent.remote})
    finally:
        caller.urgent, caller.preferred = urgent, preferred
    h.seen["further phones sought"] += 1
    h.seen["further phones in vain"] += not found
    return found


def hold(caller: Caller, offer: Offer) -> None:
    """Let this offer hold the caller. It has rung next to another one."""
    caller.beside.remove(offer)
    caller.offer, offer.state = offer, PENDING


def let_go(h, offer: Offer) -> bool:
    """Take an offer that is over away from its caller. Return whether the caller waits again."""
    caller = offer.caller
    if offer is not caller.offer:
        caller.beside = [one for one in caller.beside if one is not offer]
        return False
    if caller.beside:
        hold(caller, caller.beside[0])
        h.seen["phones that took the first one's place"] += 1
        return False
    caller.offer = None
    return True


def absent(h, offer: Offer, state: str) -> None:
    """Ask those last whose phone rang long enough without being picked up."""
    if not offer.voice or not offer.caller.service.distress or state == "rejected":
        return
    end = h.now if offer.over_at is None else offer.over_at
    rang_s = end - (offer.made_at if offer.rang_at is None else offer.rang_at)
    for p in offer.people:
        up = offer.answered_at is not None if p is offer.person else offer.partner_answered
        if rang_s >= h.centre.second_phone_s and not up:
            p.asked_last = True
            h.seen["agents asked last"] += 1


def here(h, p: Person) -> None:
    """Note that the agent is there after all."""
    h.seen["agents asked last no more"] += p.asked_last
    p.asked_last = False


def is_beside(offer: Offer) -> bool:
    """Return whether the offer rings next to another one."""
    return offer.state is BESIDE
