"""The assignment: after every change the same function looks at what is now and brings contacts and agents together.

No handler decides who gets whom. Contacts come in order (age, priority, arrival) and each takes the best agent of those
who fit, so nobody is overtaken by a contact that asks for the same.
"""

from __future__ import annotations

from routing.core import contacts, offers
from routing.core.domain import Domain
from routing.core.match import Group
from routing.core.records import AgentRecord
from routing.core.strategies import longest_idle

RUNNERS_UP = 5
"""Agents named in the decision record beside the chosen one: its cost stays constant."""


def assign(d: Domain) -> None:
    """Make every offer that can be made now. Costs a look at each group that waits, whatever their lengths."""
    relax(d)
    while (group := _first(d)) is not None:
        contact = group.line.head()[2]
        candidates = longest_idle.ranked(group.pool, group.low, RUNNERS_UP + 2)
        record, level = _pick(candidates, contact.missed_by)
        others = tuple(other.id for other, _ in candidates if other is not record)[:RUNNERS_UP]
        offers.make(d, contact, record, level if group.ranked else -1, others)


def relax(d: Domain) -> None:
    """Contacts whose step no signed-in agent can meet go on to the next one at once (the rule of Wazo's skills)."""
    stuck = [group for group in d.matching.active if group.may_relax and not group.pool.signed_mask >> group.low]
    while stuck:
        for _, _, contact in list(stuck.pop().line):
            contacts.next_step(d, contact)
            group = contact.group
            if group is not None and group.may_relax and not group.pool.signed_mask >> group.low \
                    and group not in stuck:
                stuck.append(group)


def _first(d: Domain) -> Group | None:
    """The group whose head is the oldest of those for whom somebody is ready."""
    first: Group | None = None
    if not d.matching.ready:
        return None
    for group in d.matching.active:
        if group.pool.mask >> group.low and d.link_up(group.node) \
                and (first is None or group.line.head() < first.line.head()):
            first = group
    return first


def _pick(candidates: list[tuple[AgentRecord, int]], missed_by: str | None) -> tuple[AgentRecord, int]:
    """The best who did not just let this contact ring; that one only when there is nobody else."""
    if len(candidates) > 1 and candidates[0][0].id == missed_by:
        return candidates[1]
    return candidates[0]
