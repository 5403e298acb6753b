"""Override rules of a profile for an emergency: explicitly, and for an hour at most.

Only rules that protect from strain can be overridden. Each use is a fact (`Overridden`) that the agent and the
accommodation manager see. Breaks cannot be overridden, and neither can the limits of what a person can do: channels,
capacity, topics.
"""

from __future__ import annotations

from routing.core import emit
from routing.core.agents import presence
from routing.core.agents.distress_load import OVERRIDE_MAX_S
from routing.core.domain import Domain
from routing.core.events import RulesOverridden
from routing.core.model.centre_model import AgentState
from routing.core.model.errors import OutOfRange
from routing.core.records import AgentRecord

OVERRIDABLE_RULES = frozenset({"rest_gap", "distress_limit", "decompression"})


def on_rules_overridden(d: Domain, event: RulesOverridden) -> None:
    """Set rules of a profile aside until the given time. A time that has passed ends the override.

    Raise OutOfRange if a rule cannot be overridden or the time is too late.
    """
    record = presence.require_agent(d, event.agent)
    unknown = event.rules - OVERRIDABLE_RULES
    if unknown or not event.rules:
        raise OutOfRange(f"rules {', '.join(sorted(unknown)) or '(none)'} of agent {event.agent} cannot be overridden; "
                         f"only {', '.join(sorted(OVERRIDABLE_RULES))} can")
    if not event.until <= d.now + OVERRIDE_MAX_S:
        raise OutOfRange(f"rules of agent {event.agent} overridden until {event.until:.0f}: an hour from now at most "
                         f"({d.now + OVERRIDE_MAX_S:.0f})")
    # The same override again, or the end of one that is not in force, is no change and no fact.
    new = [rule for rule in sorted(event.rules)
           if record.overrides.get(rule, 0.0) != event.until and (event.until > d.now or rule in record.overrides)]
    for rule in new:
        if event.until > d.now:
            record.overrides[rule] = event.until
        else:
            del record.overrides[rule]
        emit.overridden(d, agent=record.id, offer=None, rule=rule, until=max(d.now, event.until), by=event.by)
    if new:
        _end_overridden_rests(d, record)
        _apply_overrides(d, record)


def _end_overridden_rests(d: Domain, record: AgentRecord) -> None:
    """End rests that began under the overridden rules."""
    if "rest_gap" in record.overrides:
        record.gap_until = 0.0
    if "decompression" in record.overrides:
        record.rest_until = 0.0


def _apply_overrides(d: Domain, record: AgentRecord) -> None:
    arm_override_end(d, record)
    record.load_state_changed = record.load_limits_apply = True
    if record.state is not AgentState.SIGNED_OUT:
        presence.emit_request(d, record)
        presence.update_placement(d, record)


def arm_override_end(d: Domain, record: AgentRecord) -> None:
    """Set the timer for the moment when the first overridden rule holds again."""
    if record.overrides:
        d.timers.set_deadline(("override", record.id), min(record.overrides.values()))
    else:
        d.timers.cancel_deadline(("override", record.id))


def end_overrides(d: Domain, record: AgentRecord) -> None:
    """End the overrides whose time is over."""
    for rule in [rule for rule, until in record.overrides.items() if until <= d.now]:
        del record.overrides[rule]
    _apply_overrides(d, record)
