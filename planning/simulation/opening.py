"""Hold opening hours and on-call times of one day, as `santral` reads them from the files of a centre."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from drawing.chart import format_clock
from planning.simulation.arrivals import DAY_S
from planning.simulation.centre_run import Duty
from planning.simulation.duty_plan import original_of
from routing.core.events import ServiceHoursSet, WorkingHoursPlanned
from routing.core.model.centre_model import Centre
from routing.core.model.ids import AgentId, ServiceId

Spans = tuple[tuple[float, float], ...]
"""Pairs of begin and end, seconds from the day's midnight."""


class OpeningHours(NamedTuple):
    """Opening hours and on-call times of one day."""

    hours: Mapping[ServiceId, Spans] = {}
    """Hours by service. A service without hours is open all day."""
    on_call: Mapping[AgentId, Spans] = {}
    """Spans in which remote counsellors work. They work at no other time."""
    on_duty: Mapping[AgentId, Spans] = {}
    """Working hours of agents at seats, empty on a day off. An agent without an entry has no fixed hours."""
    breaks: Mapping[AgentId, Spans] = {}
    """Daily breaks of agents who have any."""

    def hour_events(self) -> Iterator[tuple[float, ServiceHoursSet | WorkingHoursPlanned]]:
        """Yield the planned hours of agents, and the opening and closing events of the day, from midnight on."""
        for agents in (self.on_call, self.on_duty):
            for agent, planned in agents.items():
                if planned:
                    yield 0.0, WorkingHoursPlanned(agent, planned)
        for service, spans in self.hours.items():
            # The engine takes a service as open, so one that is closed at midnight must be closed there.
            if not any(begin <= 0.0 for begin, _ in spans):
                yield 0.0, ServiceHoursSet(service, False)
            for begin, end in spans:
                if begin > 0.0:
                    yield begin, ServiceHoursSet(service, True)
                if end < DAY_S:
                    yield end, ServiceHoursSet(service, False)

    def complete_duties(self, duties: Iterable[Duty]) -> tuple[Duty, ...]:
        """Return these duties and those of agents on call. Agents with fixed hours work these instead."""
        return (*(duty for duty in duties if duty.agent not in self.on_duty),
                *(Duty(agent, begin, end) for agents in (self.on_call, self.on_duty) for agent, spans in agents.items()
                  for begin, end in spans))


OpeningOn = Callable[[str], OpeningHours]
"""Return the hours of a day by the name of its curve: an ISO date, or any other name for an ordinary Wednesday."""


def always_open(day: str) -> OpeningHours:
    """Return the hours of a centre that is always open and has no agent on call."""
    return OpeningHours()


def restrict_to_team(opening: OpeningOn, centre: Centre) -> OpeningOn:
    """Return the hours for a team of another size. A copy of an agent works with its original."""
    def opening_on(day: str) -> OpeningHours:
        found = opening(day)
        return OpeningHours(found.hours, *(
            {agent.id: of_agents[of] for agent in centre.agents if (of := original_of(agent.id)) in of_agents}
            for of_agents in (found.on_call, found.on_duty, found.breaks)))

    return opening_on


def ignore_on_duty(opening: OpeningOn) -> OpeningOn:
    """Return the hours without the agents' own, because the duties are given in another way."""
    return lambda day: opening(day)._replace(on_duty={})


def exclude_on_call(duties: list[Duty], centre: Centre) -> list[Duty]:
    """Return the duties without remote agents, because the roster already gives theirs."""
    outside = {agent.id for agent in centre.agents if agent.remote}
    return [duty for duty in duties if duty.agent not in outside]


def describe_opening(opening: OpeningHours, centre: Centre) -> list[str]:
    """Return sentences that say which hours were taken from the files."""
    names = {service.id: service.name for service in centre.services}
    closes = [f"{names.get(service, str(service))} {_format_spans(spans)}" for service, spans in opening.hours.items()]
    found = [f"Open: {'; '.join(closes)}; the others all day."] if closes else []
    if opening.on_call:
        found.append("On call: " + "; ".join(f"{agent} {_format_spans(spans)}"
                                             for agent, spans in opening.on_call.items()) + ".")
    return found


def _format_spans(spans: Spans) -> str:
    return ", ".join(f"{format_clock(begin)}–{format_clock(end)}" for begin, end in spans) or "closed"
