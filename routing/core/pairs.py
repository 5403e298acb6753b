"""Two agents as one: both phones ring, both join the talk.

Agents with the same `Profile.pair_id` are a pair: the first in the centre's list leads. Calls come to the lead only,
and only while both could take one; the offer is one and reserves both. Each wraps up by the own profile, the lead with
the contact, the other one aside. Other channels come to each alone. A pair of one never gets a call; a third is no part
of it.
"""

from __future__ import annotations

from routing.core import capacity
from routing.core.domain import Domain
from routing.core.records import AgentRecord


def pair_up(d: Domain) -> None:
    """Find the pairs of the settings in force."""
    leads: dict[str, AgentRecord] = {}
    for record in d.agents.values():
        record.partner, record.lead = None, False
        pair_id = record.pair_id
        if not pair_id or not record.configured:
            continue
        lead = leads.setdefault(pair_id, record)
        if lead is not record and lead.partner is None:
            lead.partner, lead.lead, record.partner = record, True, lead


def narrow(d: Domain, record: AgentRecord, channels: int) -> int:
    """What may be offered to one of a pair: calls to the lead, while the other one could take them too."""
    partner = record.partner
    if partner is None or not record.lead or not channels & capacity.BY_PHONE \
            or d.timers.at(("rest", partner.id)) is not None:
        return channels & ~capacity.BY_PHONE
    return channels & (~capacity.BY_PHONE | capacity.open_to(d, partner))
