"""Let two agents take calls as a pair: both phones ring, and both agents join the talk.

Agents with the same `Profile.pair_id` are a pair. The first one in the centre's list leads. Only the lead is offered
calls, and only while both agents could take one. One offer reserves both. The lead wraps up with the contact, and the
partner has a detached wrap-up. Each follows their own profile. Contacts of other channels come to each agent alone. A
pair of one agent gets no calls. A third agent with the same id is not part of the pair.
"""

from __future__ import annotations

from routing.core.agents import agent_capacity
from routing.core.domain import Domain
from routing.core.matching.agent_pool import BY_PHONE
from routing.core.records import AgentRecord


def pair_up(d: Domain) -> None:
    """Find the pairs of the settings in force."""
    leads: dict[str, AgentRecord] = {}
    for record in d.agents.values():
        record.partner, record.leads_pair = None, False
        pair_id = record.pair_id
        if not pair_id or not record.configured:
            continue
        # The first agent with this id leads, and the second one is the partner. A lead with a partner takes no third
        # agent.
        lead = leads.setdefault(pair_id, record)
        if lead is not record and lead.partner is None:
            lead.partner, lead.leads_pair, record.partner = record, True, lead


def limit_pair_channels(d: Domain, record: AgentRecord, channels: int) -> int:
    """Return the channels that one agent of a pair may be offered: calls only to the lead, and only if the partner
    could take a call too.
    """
    partner = record.partner
    if partner is None or not record.leads_pair or not channels & BY_PHONE \
            or d.timers.deadline_of(("rest", partner.id)) is not None:
        return channels & ~BY_PHONE
    # The partner must be free at the same moment. A partner who rests has a timer, and is looked at when it ends.
    return channels & (~BY_PHONE | agent_capacity.open_channels(d, partner))
