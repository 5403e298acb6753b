"""A queue with steps and levels, as plain as can be: the baseline for the steps and levels of a centre.

It shares no code with the engine and looks at everybody each time. A call asks for a level of one skill, and for a
lower one after each step. Of several free agents it takes the best level, then the longest idle one. A free agent
takes the call with the earliest start, points subtracted. The agent is busy while the phone rings, in the talk and in
wrap-up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from math import inf
from typing import NamedTuple

POINT_S = 60.0
"""One point is worth a minute of age."""


class PlainService(NamedTuple):
    """A kind of calls."""

    steps: Sequence[tuple[int, float]]
    """Least level, and the seconds until the next step."""
    points: int = 0


class PlainCall(NamedTuple):
    """A call with its random values."""

    at: float
    kind: int
    talk_s: float


class Served(NamedTuple):
    """The wait of a call until the talk, and the agent."""

    wait_s: float
    agent: int


def serve_calls(calls: Iterable[PlainCall], levels: Sequence[Sequence[int]], services: Sequence[PlainService],
                ring_s: float, wrapup_s: float) -> list[Served]:
    """Return what becomes of each call. `levels` has for each agent the level of each kind, -1 without the skill."""
    waiting: dict[int, tuple[PlainCall, int]] = {}
    idle: dict[int, float] = dict.fromkeys(range(len(levels)), 0.0)
    events: list[tuple[float, int, int]] = []
    served: dict[int, Served] = {}

    def fits(agent: int, call: PlainCall, step: int) -> bool:
        return levels[agent][call.kind] >= services[call.kind].steps[step][0]

    def start_talk(number: int, agent: int, now: float) -> None:
        call, _ = waiting.pop(number)
        del idle[agent]
        served[number] = Served(now + ring_s - call.at, agent)
        heappush(events, (now + ring_s + call.talk_s + wrapup_s, -1, agent))

    def seek_agent(number: int, now: float) -> None:
        call, step = waiting[number]
        able = [agent for agent in idle if fits(agent, call, step)]
        if able:
            start_talk(number, min(able, key=lambda agent: (-levels[agent][call.kind], idle[agent], agent)), now)
        elif services[call.kind].steps[step][1] < inf:
            heappush(events, (now + services[call.kind].steps[step][1], number, step))

    def pass_time(until: float) -> None:
        while events and events[0][0] <= until:
            now, number, value = heappop(events)
            if number < 0:
                idle[value] = now
                able = [one for one, (call, step) in waiting.items() if fits(value, call, step)]
                if able:
                    start_talk(min(able, key=lambda one: (waiting[one][0].at - POINT_S * services[
                        waiting[one][0].kind].points, one)), value, now)
            elif number in waiting:
                waiting[number] = waiting[number][0], value + 1
                seek_agent(number, now)

    for number, call in enumerate(calls):
        pass_time(call.at)
        waiting[number] = call, 0
        seek_agent(number, call.at)
    pass_time(inf)
    return [served[number] for number in sorted(served)]
