"""Assign waiting contacts to ready agents. The same function runs after every change.

No handler decides which agent gets which contact. Contacts are taken in order: distress first (people who are there,
then callbacks), then age by weight and points, then arrival. Each contact takes the best agent of those who fit. No
contact overtakes another contact with the same requirement.
Contacts and agents that did not change since the last run are not looked at (`matching`).
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from routing.core.agents import break_rules, presence
from routing.core.calls import callback_flow, offer_changes, ring_moment
from routing.core.domain import Domain
from routing.core.matching import skill_requirement
from routing.core.matching.agent_pool import BY_PHONE
from routing.core.matching.strategies import fewest_contacts
from routing.core.model.centre_model import PHONE_CHANNELS
from routing.core.queueing import contact_queue, second_phone
from routing.core.records import CALLER_DIALLED_FIRST, AgentRecord, Contact, ContactGroup

ROUNDING = 1e-9
"""A share of callbacks adds up to a whole turn, but for the rounding of its sums."""
RUNNERS_UP = 5
"""Number of agents in the decision record after the chosen one. The bound keeps the cost of a record constant."""


def assign_contacts(d: Domain) -> None:
    """Make every offer that can be made now.

    The cost is one look at each group that the change has touched.
    """
    matching = d.matching
    fresh, calling, to_review = matching.newly_ready, matching.dirty_groups, matching.groups_to_review
    while fresh or calling or to_review:
        if to_review:
            # Each offer may change which steps can be met: a call takes back what rings, and perhaps no agent can take
            # that now.
            review_steps(d)
        if fresh:
            # 1. If only one agent became ready, only the groups of that agent can have an offer. This is the common
            # case.
            if not calling and len(fresh) == 1:
                (record,) = fresh
                group = group_for_agent(d, record)
                # A further phone is sought among all ready agents.
                if group is not None and not group.beside:
                    _offer_head(d, group, record)
                    continue
            # 2. Otherwise put the new agents into their queues, which marks their groups, and compare the heads of all
            # groups.
            matching.settle_agents()
        group = (_first_by_turn if matching.late_count else _oldest_group)(d, calling, True)
        if group is None:
            calling.clear()
        else:
            if group.beside:
                _offer_beside(d, group)
            else:
                _offer_head(d, group, group.pool.first_agent(group.allowed))
            if group.head is None:
                calling.pop(group, None)


def release_messages(d: Domain) -> None:
    """Have the next assignment look at the messages, if nothing holds them back any more."""
    if not d.holds_messages():
        d.matching.dirty_groups.update(dict.fromkeys(
            [group for group in d.matching.waiting_groups if not group.pool.channel & BY_PHONE]))


def review_steps(d: Domain) -> None:
    """Search in a later step for contacts whose step no agent who is signed in can meet, until one can again.

    Their time in the step runs on. A moment without agents therefore relaxes nobody for good.
    """
    matching = d.matching
    while matching.groups_to_review:
        group, _ = matching.groups_to_review.popitem()
        contacts = [entry[2] for entry in group.queue] if group.is_unservable else list(group.displaced)
        for contact in contacts:
            contact_queue.restart_search(d, contact)


def group_for_agent(d: Domain, record: AgentRecord) -> ContactGroup | None:
    """Return the group whose head an agent gets who became ready while nothing else changed.

    This is the group with the first head among those that the agent serves. Return None if no contact waits there.
    """
    standing, matching = record.placement, d.matching
    assert standing is not None
    # The stored groups are valid until a new group is made. Personal pools are not among them.
    groups = standing.groups if standing.version == matching.version and not record.personal_pools \
        else matching.groups_served(record)
    # An agent who is kept free takes distress only.
    if standing.kept_for & matching.closed_reserves:
        groups = tuple([group for group in groups if group.distress])
    return (_first_by_turn if matching.late_count else _oldest_group)(d, groups, False)


def _first_by_turn(d: Domain, groups: Iterable[ContactGroup], ready: bool) -> ContactGroup | None:
    """Return the group whose head comes first while callbacks that were held back wait.

    Such a callback is passed over if another contact could be offered and callbacks have not gained a turn. Distress
    neither takes a turn nor gives one.
    """
    kinds: tuple[list[ContactGroup], list[ContactGroup]] = [], []
    for group in groups:
        kinds[group.late].append(group)
    live, late = _oldest_group(d, kinds[False], ready), _oldest_group(d, kinds[True], ready)
    turns = d.turns
    turns.contested = live is not None and late is not None and not live.distress
    if live is None or late is None or live.distress:
        return late if live is None else live
    if turns.credit + d.centre.callback_share < 1.0 - ROUNDING:
        return live
    return _oldest_group(d, (live, late), ready)


def _note_turn(d: Domain, group: ContactGroup) -> None:
    """Count an offer at a choice between a callback that was held back and another contact."""
    turns, share = d.turns, d.centre.callback_share
    turns.credit = turns.credit + share - 1.0 if group.late else min(turns.credit + share, 1.0)
    turns.contested = False


def _oldest_group(d: Domain, groups: Iterable[ContactGroup], ready: bool) -> ContactGroup | None:
    """Return the group whose head comes first: by class, greatest age by weight and points, then earliest arrival.

    Skip a group that may not be offered now, or whose service already has its limit of contacts at agents. With
    `ready`, consider only groups with a ready agent. Return None if no group is left.
    """
    first: ContactGroup | None = None
    first_age, first_number = 0.0, 0
    now = d.now
    for group in groups:
        head = group.head
        if head is None or (ready and not group.pool.mask & group.allowed) \
                or (group.quota is not None and group.quota.taken >= group.quota.limit) \
                or not _may_offer(d, group) or (group.beside and ready and not _agents_beside(group, 1)):
            continue
        # Services of different weight age at different speeds, so the key alone does not order them.
        age = head[0] - now * group.weight
        # Mostly there is one group, and nothing to compare.
        if first is None or group.precedence < first.precedence or (group.precedence == first.precedence and (
                age < first_age or (age == first_age and head[1] < first_number))):
            first, first_age, first_number = group, age, head[1]
    return first


def _may_offer(d: Domain, group: ContactGroup) -> bool:
    """Return whether the contacts of a group may be offered now.

    Calls need the link to their Asterisk. Messages need none, but stay behind a call in distress whose link is down:
    its agent must not be at a message when the link is back.
    """
    if group.pool.channel & BY_PHONE:
        link = d.links.get(group.node)
        return link is None or link.up
    return group.distress or not d.holds_messages()


def _is_break_too_near(d: Domain, contact: Contact, record: AgentRecord) -> bool:
    """Return whether the next break of the agent is too near. For a call, the partner's break counts too."""
    if break_rules.is_break_near(d, record):
        return True
    partner = record.partner if record.leads_pair and contact.channel in PHONE_CHANNELS else None
    return partner is not None and break_rules.is_break_near(d, partner)


def _agents_beside(group: ContactGroup, limit: int) -> list[AgentRecord]:
    """Return at most `limit` agents, the best first, whose phones may ring next to another one for these contacts."""
    return list(islice(filter(second_phone.can_ring_beside, group.pool.agents_in_order(group.allowed)), limit))


def _offer_beside(d: Domain, group: ContactGroup) -> None:
    """Let one more phone ring for the first contact of a group, for whom a phone rings already."""
    _offer_head(d, group, _agents_beside(group, 1)[0])


def _offer_head(d: Domain, group: ContactGroup, record: AgentRecord) -> None:
    """Offer the first contact of a group to an agent.

    The expected handle time may have grown since the agent was indexed, so that a planned break is now too near. The
    agent is then indexed again instead.
    """
    assert group.head is not None
    contact, pool, matching = group.head[2], group.pool, d.matching
    # 1. Check the planned breaks again.
    if (record.breaks or record.leads_pair) and _is_break_too_near(d, contact, record):
        d.turns.contested = False
        presence.update_placement(d, record)
        return
    if d.turns.contested:
        _note_turn(d, group)
    # 2. Collect the runners-up before the agent is reserved.
    if d.on_choice is not None:
        d.on_choice(d, contact, record)
    beside = _agents_beside(group, RUNNERS_UP + 1) if group.beside \
        else pool.best_agents(group.allowed, RUNNERS_UP + 1)
    # An agent who became ready just now is in no queue yet, so the list may start with a different agent.
    if beside and beside[0] is record:
        del beside[0]
    runners_up = tuple([one.id for one in beside[:RUNNERS_UP]
                        if not ((one.breaks or one.leads_pair) and _is_break_too_near(d, contact, one))])
    # 3. Read the step, the skill level and the score for the decision record.
    assert record.cohort is not None
    step, tier = contact.step, (pool.load and pool.tier_for(record)) or 0
    level: int | None
    score = (pool.key_for(tier) if tier else pool.key)(record, matching.half_life_s)
    if group.distress:
        step, level = matching.step_of(contact, record.cohort.skills)
        if tier:
            score = matching.burden(record, matching.half_life_s)
    elif pool.ranks_by is not None:
        level = record.cohort.skills[pool.ranks_by]
    elif pool.owner is None:
        level = skill_requirement.level_of(pool.requirement, record.cohort.skills)
    else:
        level = skill_requirement.level_of(matching.requirement_of(contact), record.cohort.skills)
    # 4. Make the offer. The score must be read before this offer is counted.
    if matching.counts_offers:
        fewest_contacts.count_offer(record, d.now, matching.half_life_s)
    offer = offer_changes.make_offer(d, contact, record, skill_requirement.UNRANKED if level is None else level,
                        runners_up, pool.name, score, tier, step, ring_moment.moment_of(d, contact, record),
                        group.beside)
    if offer.callback is CALLER_DIALLED_FIRST:
        callback_flow.dial_caller(d, offer)
    else:
        ring_moment.ring_in_time(d, offer)
