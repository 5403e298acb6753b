"""Who could not be offered a contact at a decision, and why: derived from the domain as it stood then. The same of a
contact that still waits.

Nothing of this is recorded with the offer: it would cost a look at everybody. Whoever asks replays the journal up to
the decision (`Domain.watch`) and looks.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from routing.core import breaks, capacity, pairs, requirement, wellbeing
from routing.core.domain import Domain
from routing.core.expression import fits, parse
from routing.core.ids import AgentId
from routing.core.kind import tier_of
from routing.core.model import AgentState, OfferState
from routing.core.pool import CHANNEL_BIT, HEAVY
from routing.core.records import AgentRecord, Contact


class Why(StrEnum):
    """One reason for each agent: the first that holds, from the hardest to the softest."""

    CHOSEN = "chosen"
    AWAY = "signed_out"
    SKILL = "skill"
    LEVEL = "level"
    CONDITION = "condition"
    CHANNEL = "channel"
    TOPIC = "topic"
    STATE = "state"
    """Paused, not responding, on a call of their own, or leaving."""
    BUSY = "busy"
    """Has contacts, and this one does not fit beside them."""
    PHONE = "phone"
    REST = "rest"
    """A gap after a contact, a rest after a heavy one, or the moment after a declined call."""
    BREAK = "break"
    """A planned break is nearer than such a contact is long."""
    LOAD = "load"
    """The limit of what the agent bears."""
    PAIR = "pair"
    OTHER = "waits_for_another"
    """The contact waits for the agent who knows the caller."""
    LATER = "ranked_after"
    """Could have taken it: the chosen one came first by rank, score or index."""
    ABLE = "able"
    """Could take it: what keeps the contact is no agent (`Held`)."""


PRIVATE = frozenset({Why.CHANNEL, Why.TOPIC, Why.REST, Why.BREAK, Why.LOAD, Why.PAIR})
"""Reasons that come from what an agent needs: for the agent and the accommodation manager, nobody else."""


class Merit(NamedTuple):
    """By what an agent who could take the contact stands among the others."""

    level: int
    """In the skill that ranks, -1 when nothing does."""
    score: float
    """By which the strategy orders: the smaller the better."""
    tier: int
    """As in `facts.Offered`."""


class Exclusion(NamedTuple):
    """Why one agent did not get the contact."""

    agent: AgentId
    why: Why
    detail: str = ""
    """The skill, the level, the state ...; empty: nothing more to say."""
    merit: Merit | None = None
    """Of the chosen one and of who could have taken it too; None: of the others, and where nobody was compared."""
    seen: tuple[Why, str] | None = None
    """With a private reason: what anybody could see that keeps this agent from contacts just then, reason and detail.
    Who may not know the private one is told this: else somebody on a break would show that there is more. None: nothing
    can be seen."""


class Held(StrEnum):
    """Why a contact that waits is offered to nobody, whoever is free."""

    ON_LINE = "on_line"
    """A callback whose caller has not hung up yet."""
    CALLS_US = "calls_us"
    """A callback whose caller is on the line in a later call for the same service."""
    NOT_YET = "not_yet"
    """A callback whose time has not come."""
    QUIET = "quiet"
    """A callback in quiet hours."""
    NET = "net"
    """The caller was sent to the safety net a moment ago."""
    CHANNEL = "channel"
    """No adapter took the last offer: its channel is tried again later."""
    LINK = "link"
    """The link to its Asterisk is down."""
    FULL = "full"
    """So many contacts of its service are at agents as may be."""


def of(d: Domain, contact: Contact, chosen: AgentRecord | None) -> list[Exclusion]:
    """Every agent of the team with one reason, in the team's order, as things stand before the offer is made. None:
    nobody is chosen, the contact waits."""
    return [_one(d, contact, record, chosen) for record in d.agents.values() if record.configured or record.signed]


def held(d: Domain, contact: Contact) -> tuple[Held, ...]:
    """What keeps a pending contact from everybody."""
    found = []
    if contact.callback and contact.leg:
        found.append(Held.ON_LINE)
    elif contact.kept_by:
        found.append(Held.CALLS_US)
    elif contact.not_before > d.now:
        found.append(Held.NOT_YET if contact.callback else Held.NET if contact.not_overflowed_before > d.now
                     else Held.CHANNEL)
    elif contact.callback and d.quiet and not contact.anytime:
        found.append(Held.QUIET)
    if not d.link_up(contact.node):
        found.append(Held.LINK)
    quota = d.matching.quotas.get(contact.service.id)
    if quota is not None and quota.taken >= quota.limit:
        found.append(Held.FULL)
    return tuple(found)


def _one(d: Domain, contact: Contact, record: AgentRecord, chosen: AgentRecord | None) -> Exclusion:
    if record is chosen:
        return Exclusion(record.id, Why.CHOSEN, merit=_merit(d, contact, record))
    if record.state is AgentState.SIGNED_OUT:
        return Exclusion(record.id, Why.AWAY)
    found = _by_skills(d, contact, record) or _by_profile(d, contact, record) or _by_moment(d, contact, record)
    if found is not None:
        return Exclusion(record.id, *found, seen=_seen(d, contact, record) if found[0] in PRIVATE else None)
    if contact.preferred is not None and contact.preferred is not record:
        return Exclusion(record.id, Why.OTHER, contact.preferred.id)
    if chosen is None:
        return Exclusion(record.id, Why.ABLE)
    return Exclusion(record.id, Why.LATER, merit=_merit(d, contact, record))


def _merit(d: Domain, contact: Contact, record: AgentRecord) -> Merit | None:
    if contact.group is None or contact.group.pool.owner is not None:
        return None
    pool = contact.group.pool
    level = requirement.level(d.matching.requirement_of(contact), dict(record.agent.skills))
    return Merit(requirement.UNRANKED if level is None else level, pool.key(record, d.matching.half_life_s),
                 (pool.load and tier_of(record, pool.load)) or 0)


Reason = tuple[Why, str]


def _by_skills(d: Domain, contact: Contact, record: AgentRecord) -> Reason | None:
    wanted, skills = d.matching.requirement_of(contact), dict(record.agent.skills)
    for skill, least in wanted.needs:
        has = skills.get(skill)
        if has is None:
            return Why.SKILL, skill
        if has < least:
            return Why.LEVEL, f"{skill} {has} < {least}"
    for where in wanted.where:
        if not fits(parse(where), skills):
            return Why.CONDITION, where
    return None


def _by_profile(d: Domain, contact: Contact, record: AgentRecord) -> Reason | None:
    profile = record.profile
    if not capacity.allowed(profile, d.channels) & CHANNEL_BIT[contact.channel]:
        return Why.CHANNEL, contact.channel
    topics = profile.no_topics & (contact.topics | {str(contact.service.id)})
    return (Why.TOPIC, ", ".join(sorted(topics))) if topics else None


def _seen(d: Domain, contact: Contact, record: AgentRecord) -> Reason | None:
    """What everybody sees of an agent: the state, other contacts, the phone."""
    found: Reason | None = None
    if record.state in capacity.CLOSED or record.pause_pending or record.leave_pending or record.aside:
        found = Why.STATE, record.state
    elif record.offers and not capacity.beside(d, record) & CHANNEL_BIT[contact.channel]:
        found = Why.BUSY, _under_way(record)
    elif d.channels[contact.channel].needs_phone and record.seat is not None and not _phone(d, record):
        found = Why.PHONE, ""
    return found


def _by_moment(d: Domain, contact: Contact, record: AgentRecord) -> Reason | None:
    bit, at = CHANNEL_BIT[contact.channel], wellbeing.not_before(record)
    found = _seen(d, contact, record)
    if found is not None:
        return found
    if at > d.now:
        found = Why.REST, f"{at - d.now:.1f} s"
    elif record.breaks and breaks.protected(d, record):
        found = Why.BREAK, ""
    elif record.pair_id and not pairs.narrow(d, record, bit) & bit:
        found = Why.PAIR, ""
    elif contact.service.load >= HEAVY \
            and contact.service.load > (record.utmost if contact.urgent else record.atmost):
        found = Why.LOAD, ""
    return found


def _phone(d: Domain, record: AgentRecord) -> bool:
    seat = d.seats[record.seat] if record.seat is not None else None
    return seat is not None and seat.reachable and not seat.in_use


def _under_way(record: AgentRecord) -> str:
    states = [offer.state for offer in record.offers.values()]
    order = (OfferState.ACCEPTED, OfferState.CONSULTING, OfferState.PENDING, OfferState.WRAPPING)
    return ", ".join(f"{states.count(state)} {state}" for state in order if state in states)
