"""Rules of a profile that do not hold for a while: an emergency, said aloud, for an hour at most.

Only what protects from strain can be relaxed, and each use of it is a fact (`Overridden`) that the agent and the
accommodation manager see. What a person can do (channels, capacity, captions, topics) and breaks cannot be.
"""

from __future__ import annotations

from routing.core import agents, emit
from routing.core.domain import Domain
from routing.core.errors import OutOfRange
from routing.core.events import RulesRelaxed
from routing.core.model import AgentState
from routing.core.records import AgentRecord
from routing.core.wellbeing import RELAXED_S

RULES = frozenset({"rest_gap", "distress_limit", "decompression"})

LONGEST_S = RELAXED_S


def relax(d: Domain, event: RulesRelaxed) -> None:
    """These rules do not hold until then. A time that has passed ends it."""
    record = agents.known(d, event.agent)
    unknown = event.rules - RULES
    if unknown or not event.rules:
        raise OutOfRange(f"rules {', '.join(sorted(unknown)) or '(none)'} of agent {event.agent} cannot be relaxed; "
                         f"only {', '.join(sorted(RULES))} can")
    if not event.until <= d.now + LONGEST_S:
        raise OutOfRange(f"rules of agent {event.agent} relaxed until {event.until:.0f}: an hour from now at most "
                         f"({d.now + LONGEST_S:.0f})")
    new = [rule for rule in sorted(event.rules)
           if record.relaxed.get(rule, 0.0) != event.until and (event.until > d.now or rule in record.relaxed)]
    for rule in new:
        if event.until > d.now:
            record.relaxed[rule] = event.until
        else:
            del record.relaxed[rule]
        emit.overridden(d, agent=record.id, offer=None, rule=rule, until=max(d.now, event.until), by=event.by)
    if new:
        _lift(d, record)
        _tell(d, record)


def _lift(d: Domain, record: AgentRecord) -> None:
    """What was begun under these rules ends now."""
    if "rest_gap" in record.relaxed:
        record.gap_until = 0.0
    if "decompression" in record.relaxed:
        record.rest_until = 0.0


def _tell(d: Domain, record: AgentRecord) -> None:
    arm(d, record)
    record.untold = record.strained = True
    if record.state is not AgentState.SIGNED_OUT:
        agents.note(d, record)
        agents.place(d, record)


def arm(d: Domain, record: AgentRecord) -> None:
    """Be woken when the first of them holds again."""
    if record.relaxed:
        d.timers.set(("relaxed", record.id), min(record.relaxed.values()))
    else:
        d.timers.cancel(("relaxed", record.id))


def over(d: Domain, record: AgentRecord) -> None:
    """A rule holds again."""
    for rule in [rule for rule, until in record.relaxed.items() if until <= d.now]:
        del record.relaxed[rule]
    _tell(d, record)
