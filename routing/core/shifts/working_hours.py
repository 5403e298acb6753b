"""Keep the planned working hours of agents. Expected waits are calculated from them; nobody is signed in or out."""

from __future__ import annotations

from routing.core.agents import presence
from routing.core.domain import Domain
from routing.core.events import WorkingHoursPlanned
from routing.core.model.errors import OutOfRange

SPANS_MAX = 24
"""Limit of spans in one plan: three days with eight spans each."""


def on_working_hours_planned(d: Domain, event: WorkingHoursPlanned) -> None:
    """Replace the planned working hours of an agent. Raise OutOfRange if the spans are not in order."""
    record = presence.require_agent(d, event.agent)
    if len(event.hours) > SPANS_MAX:
        raise OutOfRange(f"{len(event.hours)} spans planned for agent {event.agent}; at most {SPANS_MAX}")
    before = float("-inf")
    for begin, end in event.hours:
        if not before <= begin < end:
            raise OutOfRange(f"working hours of agent {event.agent}: {begin:.0f} to {end:.0f} overlaps with the span "
                             "before, or ends before it begins; give the spans in order")
        before = end
    record.hours = tuple(span for span in event.hours if span[1] > d.now)
