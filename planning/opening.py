"""When a centre's services are open and who is on call, on one day: what its files say, as `santral` reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from drawing.chart import clock
from planning.arrivals import DAY_S
from planning.duties import original
from planning.house import Duty
from routing.core.events import ServiceHours
from routing.core.ids import AgentId, ServiceId
from routing.core.model import Centre

Spans = tuple[tuple[float, float], ...]
"""(begin, end), seconds from the day's midnight."""


class Opening(NamedTuple):
    """One day of a centre."""

    hours: Mapping[ServiceId, Spans] = {}
    """Services that are not in it are open all day."""
    on_call: Mapping[AgentId, Spans] = {}
    """Remote counsellors: they are there in these spans and at no other time."""

    def events(self) -> Iterator[tuple[float, ServiceHours]]:
        """What the engine is told of it, from midnight on."""
        for service, spans in self.hours.items():
            if not any(begin <= 0.0 for begin, _ in spans):
                yield 0.0, ServiceHours(service, False)
            for begin, end in spans:
                if begin > 0.0:
                    yield begin, ServiceHours(service, True)
                if end < DAY_S:
                    yield end, ServiceHours(service, False)

    def duties(self) -> tuple[Duty, ...]:
        """Of those on call."""
        return tuple(Duty(agent, begin, end) for agent, spans in self.on_call.items() for begin, end in spans)


OpeningOn = Callable[[str], Opening]
"""Of a day, by the name of its curve: an ISO date, or any other name for an ordinary Wednesday."""


def always(day: str) -> Opening:
    """The `OpeningOn` of a centre that is open day and night and has nobody on call."""
    return Opening()


def among(opening: OpeningOn, centre: Centre) -> OpeningOn:
    """The same of a team of another size: who is not in it is not on call, a copy is when its original is."""
    def on(day: str) -> Opening:
        found = opening(day)
        return found._replace(on_call={agent.id: found.on_call[of] for agent in centre.agents
                                       if (of := original(agent.id)) in found.on_call})

    return on


def at_seats(duties: list[Duty], centre: Centre) -> list[Duty]:
    """Without those who are only ever on call: their plan is the roster."""
    outside = {agent.id for agent in centre.agents if agent.outside}
    return [duty for duty in duties if duty.agent not in outside]


def words(opening: Opening, centre: Centre) -> list[str]:
    """What was taken from the files, in sentences."""
    names = {service.id: service.name for service in centre.services}
    closes = [f"{names.get(service, str(service))} {_written(spans)}" for service, spans in opening.hours.items()]
    found = [f"Open: {'; '.join(closes)}; the others all day."] if closes else []
    if opening.on_call:
        found.append("On call: " + "; ".join(f"{agent} {_written(spans)}"
                                             for agent, spans in opening.on_call.items()) + ".")
    return found


def _written(spans: Spans) -> str:
    return ", ".join(f"{clock(begin)}–{clock(end)}" for begin, end in spans) or "closed"
