"""Breaks: planned ones and the short ones that come by themselves."""

from __future__ import annotations

from routing.core.domain import Domain
from routing.core.records import AgentRecord


def protected(d: Domain, record: AgentRecord) -> bool:
    """The next break is so near that a contact would reach into it: nothing is offered any more."""
    return False
