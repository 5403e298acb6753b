"""The assignment: after every change the same function looks at what is now and brings contacts and agents together.

No handler decides who gets whom. Contacts come in order (age by weight, points, arrival) and each takes the best agent
of those who fit, so nobody is overtaken by a contact that asks for the same. What nothing has happened to since the
last time is not looked at: see `match`.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from routing.core import agents, breaks, callback, contacts, offers, requirement
from routing.core.domain import Domain
from routing.core.kind import tier_of
from routing.core.model import PHONE_CHANNELS
from routing.core.records import CALLER_DIALLED_FIRST, AgentRecord, Contact, ContactGroup
from routing.core.strategies import fewest_contacts

RUNNERS_UP = 5
"""Agents named in the decision record beside the chosen one: its cost stays constant."""


def assign(d: Domain) -> None:
    """Make every offer that can be made now. Costs a look at each group that the change has touched."""
    matching = d.matching
    fresh, calling, unmet = matching.fresh, matching.calling, matching.unmet
    while fresh or calling or unmet:
        if unmet:
            relax(d)  # also after an offer: nobody may be able to take what it took back
        if fresh:
            if not calling and len(fresh) == 1:
                (record,) = fresh
                group = turn_of(d, record)
                if group is not None:
                    _offer(d, group, record)
                    continue
            matching.settle()
        group = _first(d, calling, True)
        if group is None:
            calling.clear()
        else:
            _offer(d, group, group.pool.first(group.allowed))
            if group.head is None:
                calling.pop(group, None)


def relax(d: Domain) -> None:
    """Contacts whose step no signed-in agent can meet go on to the next one at once (the rule of Wazo's skills)."""
    unmet = d.matching.unmet
    while unmet:
        group, _ = unmet.popitem()
        if group.line.size and group.unmet:
            for _, _, contact in list(group.line):
                contacts.next_step(d, contact, "nobody")


def turn_of(d: Domain, record: AgentRecord) -> ContactGroup | None:
    """Whose turn it is when this agent has become ready and nothing else has changed: the group with the first head
    of those that the agent serves."""
    standing, matching = record.standing, d.matching
    assert standing is not None
    return _first(d, standing.groups if standing.version == matching.version and not record.own
                  else matching.reach(record))


def _first(d: Domain, groups: Iterable[ContactGroup], ready: bool = False) -> ContactGroup | None:
    """Of these groups the one whose head comes first: the greatest age by weight and points, then the first to
    arrive. A group whose link is down or whose service has enough contacts at agents waits on. `ready`: only where
    somebody stands who could take it."""
    first: ContactGroup | None = None
    first_age, first_number = inf, 0
    now, links = d.now, d.links
    for group in groups:
        head = group.head
        if head is not None and (not ready or group.pool.mask & group.allowed):
            age = head[0] - now * group.weight
            if age <= first_age and (age < first_age or head[1] < first_number) \
                    and (group.quota is None or group.quota.taken < group.quota.limit) \
                    and (group.node not in links or links[group.node].up):
                first, first_age, first_number = group, age, head[1]
    return first


def _too_near(d: Domain, contact: Contact, record: AgentRecord) -> bool:
    """The next break of the agent, or for a call that of the other one of the pair."""
    if breaks.protected(d, record):
        return True
    partner = record.partner if record.lead and contact.channel in PHONE_CHANNELS else None
    return partner is not None and breaks.protected(d, partner)


def _offer(d: Domain, group: ContactGroup, record: AgentRecord) -> None:
    """The head of a group to an agent who stands for it, or is about to. What contacts take may have been learned to be
    more since the agent stood there, idle: whose break is too near by now is put where they belong instead."""
    assert group.head is not None
    contact, pool, matching = group.head[2], group.pool, d.matching
    if (record.breaks or record.lead) and _too_near(d, contact, record):
        agents.place(d, record)
        return
    if d.watch is not None:
        d.watch(d, contact, record)
    beside = pool.best(group.allowed, RUNNERS_UP + 1)
    if beside and beside[0] is record:  # who is about to stand is in no line
        del beside[0]
    runners_up = tuple([one.id for one in beside[:RUNNERS_UP]
                        if not ((one.breaks or one.lead) and _too_near(d, contact, one))])
    assert record.kind is not None
    if pool.ranks_by is not None:
        level: int | None = record.kind.skills[pool.ranks_by]
    elif pool.owner is None:
        level = requirement.level(pool.requirement, record.kind.skills)
    else:
        level = requirement.level(matching.requirement_of(contact), record.kind.skills)
    score = pool.key(record, matching.half_life_s)
    if matching.counts_offers:
        fewest_contacts.count(record, d.now, matching.half_life_s)
    offer = offers.make(d, contact, record, requirement.UNRANKED if level is None else level,
                        runners_up, pool.name, score, (pool.load and tier_of(record, pool.load)) or 0)
    if offer.callback is CALLER_DIALLED_FIRST:
        callback.dial(d, offer)
    else:
        offers.ring(d, offer)
