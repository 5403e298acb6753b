"""Take back what nobody has answered, for a person in distress who waits.

The claim comes after the assignment: no free agent fits the person. An agent is claimed who could have the person at
once if one offer were not there:

1. the offer of a callback, of any service, whose caller is not on the line; the agent has answered, or rings
2. else a call of another class that rings

The offer is rescinded and its contact goes back to its place. Nobody has missed anything, so nothing is counted. The
assignment then gives the agent to the first in line, as soon as the phone has reported that it is free. For two seconds
the person claims no second phone. A talk, an answered phone and another person in distress are never touched.
"""

from __future__ import annotations

from routing.core.agents import agent_capacity, distress_load, presence
from routing.core.calls import offer_changes
from routing.core.domain import Domain
from routing.core.matching.agent_pool import BY_PHONE, DISTRESS
from routing.core.model.centre_model import PHONE_CHANNELS, OfferState
from routing.core.model.reasons import FOR_DISTRESS
from routing.core.model.state_tables import LegState
from routing.core.records import Contact, ContactGroup, Offer

_Order = tuple[bool, int, float, int]


def claim_agent(d: Domain) -> bool:
    """Take back one offer for the first person in distress who can have its agent. Return False if there is none."""
    offers = [offer for offer in d.offers.values() if _is_unanswered(d, offer)]
    first: tuple[float, int, Contact, Offer] | None = None
    for group in d.matching.waiting_groups if offers else ():
        contact = _first_without_phone(d, group)
        if contact is None:
            continue
        ranked = [(order, offer.id, offer) for offer in offers if (order := _order_of(d, group, offer)) is not None]
        if ranked:
            age = contact.entry[0] - d.now * group.weight
            found = age, contact.number, contact, min(ranked)[2]
            first = found if first is None or found[:2] < first[:2] else first
    if first is None:
        return False
    _, _, contact, offer = first
    contact.claimed_at = d.now
    offer.contact.dial_released = offer.dialling
    offer_changes.rescind_offer(d, offer, FOR_DISTRESS)
    offer_changes.close_offer(d, offer, "rescinded", FOR_DISTRESS, keep_idle=True)
    return True


def _is_unanswered(d: Domain, offer: Offer) -> bool:
    """Return whether an offer may be taken back: nobody has answered it, and its link is up."""
    contact = offer.contact
    if not offer.voice or offer.state is not OfferState.PENDING or offer.talks_first or not d.can_reach(contact):
        return False
    return contact.callback or (not contact.service.distress and offer.answered_at is None
                                and offer.partner_leg is not LegState.ANSWERED)


def _first_without_phone(d: Domain, group: ContactGroup) -> Contact | None:
    """Return the first contact of a group that may claim an agent, or None if there is none.

    It is a person in distress who is there, whose link is up, and who has claimed none just now.
    """
    if group.precedence != DISTRESS:
        return None
    for _, _, contact in group.queue:
        if contact.channel not in PHONE_CHANNELS or not d.can_reach(contact):
            return None
        if contact.claimed_at + presence.SETTLE_S <= d.now:
            return contact
    return None


def _order_of(d: Domain, group: ContactGroup, offer: Offer) -> _Order | None:
    """Return the order of the agent of an offer for a group, were the offer not there. None if the agent is unable."""
    record, pool, by_phone = offer.agent, group.pool, bool(group.pool.channel & BY_PHONE)
    rank = None if record.cohort is None else record.cohort.find_rank(pool)
    # Calls come to a pair only together.
    if rank is None or (by_phone and record.pair_id and offer.partner is None):
        return None
    agents = distress_load.hearing_agents(offer) if by_phone else (record,)
    if not all(agent_capacity.could_take(d, one, pool.channel, offer) for one in agents):
        return None
    tier = pool.tier_for(distress_load.limits_without(d, agents, offer))
    if tier is None:
        return None
    number = pool.queue_number(rank, tier, asked_last=record.asked_last)
    if not group.allowed >> number & 1:
        return None
    return not offer.contact.callback, -number, pool.key_for(tier)(record, d.matching.half_life_s), record.index
