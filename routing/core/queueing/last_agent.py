"""Remember the last agent of each caller, for last-agent routing. Callers are keyed hashes, opaque to the engine."""

from __future__ import annotations

from routing.core.domain import Domain
from routing.core.memory.callers import Spoke
from routing.core.records import AgentRecord, Contact


def note_last_agent(d: Domain, contact: Contact, record: AgentRecord) -> None:
    """Remember that this agent talks with this caller now. Remember nothing of anonymous services."""
    caller = contact.caller_hash
    if caller and not contact.service.anonymous:
        d.caller_memory.last_agents.set_value(caller, Spoke(caller, record.id, d.now))
