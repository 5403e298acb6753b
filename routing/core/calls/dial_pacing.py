"""Dial callers of callbacks without a reserved agent, in proportion to the agents who are expected to be free.

A look comes every `callback_dial.LOOK_S` while such a callback could be dialled. It takes the callbacks in the order of
offers and dials the caller if

    agents expected to be free - callers being dialled - contacts in front >= 1

where all three count only what the same agents serve. Everything is a whole number, and every doubt counts against a
dial: a caller who answers must not wait long.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from routing.core.agents import break_rules
from routing.core.domain import Domain
from routing.core.matching.agent_cohort import CALLS
from routing.core.model.centre_model import HEAVY_LOAD, Channel, OfferState
from routing.core.queueing import callback_dial
from routing.core.records import AgentRecord, Contact, ContactGroup, Offer

FREE_WITHIN_S = 20.0
"""Time from the dial to the answer. The network takes up to ten seconds, and a person about as long."""

ANSWERED_WAITING_MAX = 0
"""Callers of a service who have answered a dial and wait. Above it, no further caller of the service is dialled."""

WHOLE_AGENT = 1_000
"""Agents in a talk count as thousandths, so that no rounding of a sum decides."""

ROUNDING = 1e-9
"""Turns of callbacks that were held back add up to a whole number, but for rounding."""


def dial_callers(d: Domain) -> None:
    """Dial as many callers as agents are expected to be free. Plan the next look if a caller may still be dialled."""
    d.dial_look_due = False
    d.timers.cancel_deadline((callback_dial.LOOK_TIMER, ""))
    candidates = [contact for waiting in d.waiting_callbacks.values() for contact in waiting
                  if callback_dial.may_dial(d, contact)]
    candidates.sort(key=lambda contact: (_age_key(d, contact), contact.number))
    left = False
    for contact in candidates:
        if _has_turn(d, contact):
            callback_dial.begin_dial(d, contact)
        else:
            left = True
    if left:
        callback_dial.arm_look(d)


def _age_key(d: Domain, contact: Contact) -> float:
    """Return the key by which contacts of services with different weights are compared: the smallest comes first."""
    return contact.entry[0] - d.now * contact.service.weight


def _has_turn(d: Domain, contact: Contact) -> bool:
    """Return whether an agent is expected to be free for a callback and not needed by others."""
    service = contact.service
    # 1. The link, callers who wait although they were called, and the limit of contacts at agents.
    if not d.link_up(contact.node) or _count_answered(d, contact) > ANSWERED_WAITING_MAX:
        return False
    dialled = [one for waiting in d.waiting_callbacks.values() for one in waiting if one.dialling]
    quota = d.matching.quotas.get(service.id)
    if quota is not None and quota.taken + sum([one.service.id == service.id for one in dialled]) >= quota.limit:
        return False
    # 2. Agents who are expected to be free, less the callers who are being dialled for them.
    group = group_of(d, contact)
    others = [one for one in dialled if d.matching.share_agents(group, group_of(d, one))]
    spare = count_ready(d, group) + count_soon_free(d, group) - len(others)
    # 3. Contacts in front who wait for these agents.
    if spare <= 0:
        return False
    return spare > _count_in_front(d, contact, group, sum([one.deferred for one in others]), spare)


def _count_answered(d: Domain, contact: Contact) -> int:
    """Return how many callers of the service have answered such a dial and wait for an agent."""
    return sum([entry[2].has_answered_dial for entry in d.queues[contact.service.id]])


def group_of(d: Domain, contact: Contact) -> ContactGroup:
    """Return the group in which the caller would wait after the answer."""
    return d.matching.group_of(contact, d.matching.first_servable_step(contact, contact.timed_step))


def count_ready(d: Domain, group: ContactGroup) -> int:
    """Return how many agents could be offered a contact of a group now."""
    pool, found = group.pool, 0
    mask = pool.mask & group.allowed
    while mask:
        number = mask.bit_length() - 1
        found += sum([not _is_break_too_near(d, record) for record in pool.ready_queues[number]])
        mask ^= 1 << number
    return found


def _is_break_too_near(d: Domain, record: AgentRecord) -> bool:
    """Return whether the next break of the agent, or of the partner, is too near."""
    return break_rules.is_break_near(d, record) or (
        record.leads_pair and record.partner is not None and break_rules.is_break_near(d, record.partner))


def count_soon_free(d: Domain, group: ContactGroup) -> int:
    """Return how many more agents are expected to be free for a group within `FREE_WITHIN_S`.

    An agent counts whole if the wrap-up ends by then. Agents in a talk count together: each by the share of the mean
    handle time that passes meanwhile. An agent does not count at all if a rest, a break or a distress service may come
    first.
    """
    if group.pool.load:
        return 0
    whole, parts = 0, 0
    for record in _agents_of(d, group):
        if not _is_simple(d, record):
            continue
        (offer,) = record.offers.values()
        if offer.state is OfferState.ACCEPTED:
            mean_s = d.handle_times[offer.contact.service.id].mean_s
            parts += min(WHOLE_AGENT, int(WHOLE_AGENT * FREE_WITHIN_S / mean_s))
        elif offer.state is OfferState.WRAPPING:
            until = d.timers.deadline_of(("wrapup", offer.id))
            whole += until is not None and until <= d.now + FREE_WITHIN_S
    return whole + parts // WHOLE_AGENT


def _agents_of(d: Domain, group: ContactGroup) -> Iterable[AgentRecord]:
    """Yield the agents who are signed in, fit a group and are kept free for no distress service."""
    for kind in d.matching.cohorts_of(group):
        if not kind.reserves:
            yield from kind.agents


def _is_simple(d: Domain, record: AgentRecord) -> bool:
    """Return whether the agent has one light call and is ready after it, as far as anybody knows."""
    return len(record.offers) == 1 and all(map(_is_light_call, record.offers.values())) and record.configured \
        and not (record.pause_pending or record.leave_pending or record.detached_wrapup or record.pair_id) \
        and not break_rules.is_break_near(d, record)


def _is_light_call(offer: Offer) -> bool:
    # A rest may follow a heavy contact.
    return offer.contact.channel is Channel.VOICE and offer.contact.service.load < HEAVY_LOAD


def _count_in_front(d: Domain, contact: Contact, group: ContactGroup, late_dials: int, most: int) -> int:
    """Return how many contacts in front of a callback wait for the same agents, or at least `most`.

    Distress is always in front, and other contacts by age. A callback that was held back also has in front as many
    live contacts as have their turn before it.
    """
    key = _age_key(d, contact), contact.number
    distress = older = live = 0
    for other in d.matching.waiting_groups:
        if other.pool.channel != CALLS or other.beside or not d.matching.share_agents(group, other):
            continue
        if other.distress:
            distress += other.queue.size
            continue
        live += 0 if other.late else other.queue.size
        for start, number, _ in other.queue:
            if (start - d.now * other.weight, number) >= key:
                break
            older += 1
            if older >= most:
                return older
    if not contact.deferred:
        return distress + older
    share = d.centre.callback_share
    return distress + max(older, min(live, math.ceil((late_dials + 1) * (1.0 - share) / share - ROUNDING)))
