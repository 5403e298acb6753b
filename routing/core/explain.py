"""Explain why each agent did not get a contact at a decision, and why a contact still waits.

The reasons are derived from the domain as it was at the decision. They are not recorded with the offer, because that
would cost a look at all agents. A reader replays the journal up to the decision and looks (`Engine.explain_offers`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from routing.core.agents import agent_capacity, agent_pairs, break_rules, distress_load
from routing.core.domain import Domain
from routing.core.matching import skill_requirement
from routing.core.matching.agent_pool import CHANNEL_BIT
from routing.core.matching.skill_expression import fits_skills, parse_expression
from routing.core.model.centre_model import HEAVY_LOAD, PHONE_CHANNELS, AgentState
from routing.core.model.ids import AgentId
from routing.core.records import AgentRecord, Contact


class ExclusionReason(StrEnum):
    """The reason for one agent: the first that applies, from the hardest to the softest."""

    CHOSEN = "chosen"
    AWAY = "signed_out"
    SKILL = "skill"
    LEVEL = "level"
    CONDITION = "condition"
    CHANNEL = "channel"
    TOPIC = "topic"
    STATE = "state"
    """The agent is paused, does not respond, is on a private call, or is about to leave."""
    BUSY = "busy"
    """The agent has contacts, and this one does not fit next to them."""
    PHONE = "phone"
    REST = "rest"
    """A rest gap after a contact, a rest after a heavy one, or the pause after a declined call."""
    BREAK = "break"
    """The next planned break starts before such a contact would usually end."""
    LOAD = "load"
    """The contact is heavier than the load limit of the agent allows."""
    KEPT = "kept"
    """The agent is kept free for distress."""
    PAIR = "pair"
    WAITS_FOR_ANOTHER = "waits_for_another"
    """The contact waits for another agent, who knows the caller."""
    RANKED_AFTER = "ranked_after"
    """The agent could have taken the contact. The chosen agent came first by rank, score or index."""
    ABLE = "able"
    """The agent could take the contact. The contact waits for a different reason (`WaitReason`)."""


PRIVATE = frozenset({ExclusionReason.CHANNEL, ExclusionReason.TOPIC, ExclusionReason.REST, ExclusionReason.BREAK,
    ExclusionReason.LOAD, ExclusionReason.PAIR})
"""Reasons that reveal the needs of an agent. Only the agent and the accommodation manager may see them."""


class Ranking(NamedTuple):
    """The rank of an agent among those who could take the contact."""

    level: int
    """Level in the skill that ranks, or -1 if no skill ranks."""
    score: float
    """Value by which the strategy orders the agents. The smallest comes first."""
    tier: int
    """As in `facts.Offered`."""


class Exclusion(NamedTuple):
    """Why one agent did not get the contact."""

    agent: AgentId
    reason: ExclusionReason
    detail: str = ""
    """The skill, the level or the state, for example. Empty if the reason says everything."""
    ranking: Ranking | None = None
    """The ranking of the chosen agent and of those who could have taken the contact. None for all other agents, and if
    no agents were compared."""
    visible_reason: tuple[ExclusionReason, str] | None = None
    """Reason and detail that everybody may see, given with a private reason. Readers without access to private reasons
    get this one. A gap would reveal that there is more behind a break. None if nothing can be seen."""


class WaitReason(StrEnum):
    """Why a waiting contact is offered to no agent, even if agents are free."""

    ON_LINE = "on_line"
    """A callback whose caller has not hung up yet."""
    CALLER_ON_LINE = "caller_on_line"
    """A callback whose caller is on the line in a later call for the same service."""
    NOT_YET = "not_yet"
    """A callback whose time has not come."""
    DIALLED = "dialled"
    """A callback whose caller is being dialled, with no agent reserved."""
    DIAL_LOOK = "dial_look"
    """A callback that is offered to no agent. Its caller is dialled when enough agents are expected to be free."""
    QUIET_HOURS = "quiet_hours"
    """A callback in quiet hours."""
    WITHDRAWN = "withdrawn"
    """A supervisor or a rule has ended the wait, and the caller hears good-bye."""
    FALLBACK = "fallback"
    """The caller is in the fallback queue, from a time without a node."""
    TURNED_AWAY = "turned_away"
    """The service was closed or full, and its rule leads the caller out."""
    CHANNEL = "channel"
    """No adapter took the last offer. The contact is offered again later."""
    IN_MENU = "in_menu"
    """The caller has taken the choice back and is in the menu."""
    NOT_SHOWN = "not_shown"
    """Asterisk has not shown the caller's channel, so the contact may be forged."""
    LINK = "link"
    """The link to the contact's Asterisk is down. A message waits for a call in distress behind such a link."""
    FULL = "full"
    """The service has its limit of contacts at agents."""


def explain_exclusions(d: Domain, contact: Contact, chosen: AgentRecord | None) -> list[Exclusion]:
    """Return one reason for each agent, in the order of the team, as of the moment before the offer is made.

    `chosen` is the agent of the offer, or None if the contact waits.
    """
    return [_exclusion_of(d, contact, record, chosen) for record in d.agents.values() if record.configured
        or record.is_signed_in]


def find_wait_reasons(d: Domain, contact: Contact) -> tuple[WaitReason, ...]:
    """Return the reasons that keep a pending contact from all agents."""
    found = []
    # At most one of these is reported: the first that holds.
    if contact.farewell:
        found.append(WaitReason.WITHDRAWN)
    elif contact.dialling:
        found.append(WaitReason.DIALLED)
    elif contact.callback and contact.leg:
        found.append(WaitReason.ON_LINE)
    elif contact.blocked_by:
        found.append(WaitReason.CALLER_ON_LINE)
    elif contact.is_turned_away:
        found.append(WaitReason.TURNED_AWAY)
    # `not_before` has two uses: a callback's time, and an offer that no adapter took.
    elif contact.not_before > d.now:
        found.append(WaitReason.NOT_YET if contact.callback else WaitReason.FALLBACK
                     if contact.channel in PHONE_CHANNELS else WaitReason.CHANNEL)
    elif contact.callback and d.quiet_hours and not contact.anytime:
        found.append(WaitReason.QUIET_HOURS)
    elif contact.in_menu:
        found.append(WaitReason.IN_MENU)
    elif not contact.shown:
        found.append(WaitReason.NOT_SHOWN)
    elif contact.callback and contact.service.dials_ahead:
        found.append(WaitReason.DIAL_LOOK)
    if not d.can_reach(contact) or (contact.channel not in PHONE_CHANNELS and not contact.service.distress
                                    and d.holds_messages()):
        found.append(WaitReason.LINK)
    quota = d.matching.quotas.get(contact.service.id)
    if quota is not None and quota.taken >= quota.limit:
        found.append(WaitReason.FULL)
    return tuple(found)


def _exclusion_of(d: Domain, contact: Contact, record: AgentRecord, chosen: AgentRecord | None) -> Exclusion:
    if record is chosen:
        return Exclusion(record.id, ExclusionReason.CHOSEN, ranking=_ranking_of(d, contact, record))
    if record.state is AgentState.SIGNED_OUT:
        return Exclusion(record.id, ExclusionReason.AWAY)
    # Hard reasons first. Skills do not change within a shift, and momentary reasons pass.
    found = _skill_reason(d, contact, record) or _profile_reason(d, contact, record) \
        or _momentary_reason(d, contact, record)
    if found is not None:
        return Exclusion(record.id, *found, visible_reason=_visible_reason(d, contact, record) if found[0] in PRIVATE
            else None)
    if contact.preferred is not None and contact.preferred is not record:
        return Exclusion(record.id, ExclusionReason.WAITS_FOR_ANOTHER, contact.preferred.id)
    if chosen is None:
        return Exclusion(record.id, ExclusionReason.ABLE)
    return Exclusion(record.id, ExclusionReason.RANKED_AFTER, ranking=_ranking_of(d, contact, record))


def _ranking_of(d: Domain, contact: Contact, record: AgentRecord) -> Ranking | None:
    # A personal pool has one agent, so nothing is compared there.
    if contact.group is None or contact.group.pool.owner is not None:
        return None
    pool = contact.group.pool
    skills, tier = dict(record.agent.skills), (pool.load and pool.tier_for(record)) or 0
    level = d.matching.step_of(contact, skills)[1] if pool.distress \
        else skill_requirement.level_of(d.matching.requirement_of(contact), skills)
    return Ranking(skill_requirement.UNRANKED if level is None else level,
                   pool.key_for(tier)(record, d.matching.half_life_s), tier)


Reason = tuple[ExclusionReason, str]


def _skill_reason(d: Domain, contact: Contact, record: AgentRecord) -> Reason | None:
    wanted, skills = d.matching.requirement_of(contact), dict(record.agent.skills)
    for skill, least in wanted.needs:
        has = skills.get(skill)
        if has is None:
            return ExclusionReason.SKILL, skill
        if has < least:
            return ExclusionReason.LEVEL, f"{skill} {has} < {least}"
    for where in wanted.where:
        if not fits_skills(parse_expression(where), skills):
            return ExclusionReason.CONDITION, where
    return None


def _profile_reason(d: Domain, contact: Contact, record: AgentRecord) -> Reason | None:
    profile = record.profile
    if not agent_capacity.find_allowed_channels(d, record) & CHANNEL_BIT[contact.channel]:
        return ExclusionReason.CHANNEL, contact.channel
    # A profile may exclude a service by its id, like a topic.
    topics = profile.no_topics & (contact.topics | {str(contact.service.id)})
    return (ExclusionReason.TOPIC, ", ".join(sorted(topics))) if topics else None


def _visible_reason(d: Domain, contact: Contact, record: AgentRecord) -> Reason | None:
    """Return what everybody can see of an agent: the state, other contacts, the phone."""
    found: Reason | None = None
    if record.state in agent_capacity.UNAVAILABLE_STATES or record.pause_pending or record.leave_pending \
            or record.detached_wrapup:
        found = ExclusionReason.STATE, record.state
    elif record.offers and not agent_capacity.channels_beside(d, record) & CHANNEL_BIT[contact.channel]:
        found = ExclusionReason.BUSY, _work_under_way(record)
    elif d.channels[contact.channel].needs_phone and record.seat is not None and not _has_free_phone(d, record):
        found = ExclusionReason.PHONE, ""
    return found


def _momentary_reason(d: Domain, contact: Contact, record: AgentRecord) -> Reason | None:
    bit, at = CHANNEL_BIT[contact.channel], distress_load.earliest_offer_at(record)
    # A visible reason wins over a private one: readers then see the same reason with and without access.
    found = _visible_reason(d, contact, record)
    if found is not None:
        return found
    if at > d.now:
        found = ExclusionReason.REST, f"{at - d.now:.1f} s"
    elif record.breaks and break_rules.is_break_near(d, record):
        found = ExclusionReason.BREAK, ""
    elif record.pair_id and not agent_pairs.limit_pair_channels(d, record, bit) & bit:
        found = ExclusionReason.PAIR, ""
    # Light contacts have no limit. The emergency ceiling raises the limit for contacts that waited beyond it.
    elif contact.service.load >= HEAVY_LOAD \
            and contact.service.load > (record.max_load_emergency if contact.beyond_ceiling
                else record.max_load_distress if contact.service.distress else record.max_load_last_resort):
        found = ExclusionReason.LOAD, ""
    elif _is_kept_free(d, contact, record):
        found = ExclusionReason.KEPT, ""
    return found


def _is_kept_free(d: Domain, contact: Contact, record: AgentRecord) -> bool:
    placement = record.placement if record.key is not None else None
    if contact.service.distress or placement is None:
        return False
    return bool(placement.kept_for & d.matching.closed_reserves) or (
        record.distress_calls_only and d.channels[contact.channel].needs_phone)


def _has_free_phone(d: Domain, record: AgentRecord) -> bool:
    seat = d.seats[record.seat] if record.seat is not None else None
    return seat is not None and seat.reachable and not seat.in_use


def _work_under_way(record: AgentRecord) -> str:
    states = [offer.state for offer in record.offers.values()]
    # The states in the order in which they occupy an agent, from the most to the least.
    order = agent_capacity.ENGAGEMENT
    return ", ".join(f"{states.count(state)} {state}" for state in order if state in states)
