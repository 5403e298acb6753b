"""A queue with two classes and no interruption, as plain as can be: the baseline for distress as a class.

It shares no code with the engine. An agent who becomes free takes the oldest caller of the first class, else the oldest
of the second. Of several free agents a caller of the first class gets one below the soft limit by step and level, else
the least burdened; a caller of the second class gets the best level. Equal agents come by idle time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import NamedTuple


class Caller(NamedTuple):
    """A caller with all random values."""

    at: float
    first: bool
    """Whether the caller is of the first class."""
    handle_s: float
    patience_s: float


class Server(NamedTuple):
    """An agent. A level of -1 stands for a missing skill."""

    first: int
    second: int
    step: int
    """Step of the service of the first class that the agent meets."""


class QueueRules(NamedTuple):
    """Numbers that both sides share."""

    wrapup_s: float
    weight: float
    """Load of a caller of the first class."""
    soft: float
    half_life_s: float


def first_class_waits(callers: Iterable[Caller], servers: Sequence[Server], rules: QueueRules,
                      count_from: float) -> list[float]:
    """Return the waits of the callers of the first class who came from `count_from` on."""
    idle: dict[int, float] = dict.fromkeys(range(len(servers)), 0.0)
    loads = [(0.0, 0.0)] * len(servers)
    ends: list[tuple[float, int]] = []
    lines: tuple[deque[Caller], deque[Caller]] = deque(), deque()
    waits: list[float] = []

    def load_of(number: int, now: float) -> float:
        load, at = loads[number]
        share: float = 2.0 ** ((at - now) / rules.half_life_s)
        return load * share

    def serve(caller: Caller, number: int, now: float) -> None:
        if caller.first:
            loads[number] = load_of(number, now) + rules.weight, now
            if caller.at >= count_from:
                waits.append(now - caller.at)
        heappush(ends, (now + caller.handle_s + rules.wrapup_s, number))

    def order(caller: Caller, number: int, now: float) -> tuple[float, ...]:
        server = servers[number]
        if not caller.first:
            return (-server.second, idle[number], number)
        load = load_of(number, now)
        return (1, load, number) if load >= rules.soft else (0, server.step, -server.first, idle[number], number)

    def free_up(until: float) -> None:
        while ends and ends[0][0] <= until:
            now, number = heappop(ends)
            server, served = servers[number], None
            if lines[0] and server.first >= 0:
                served = lines[0].popleft()
            while served is None and lines[1] and server.second >= 0:
                oldest = lines[1].popleft()
                served = oldest if oldest.at + oldest.patience_s > now else None
            if served is None:
                idle[number] = now
            else:
                serve(served, number, now)

    for caller in callers:
        free_up(caller.at)
        able = [number for number in idle
                if (servers[number].first if caller.first else servers[number].second) >= 0]
        if able:
            best = min(able, key=lambda number: order(caller, number, caller.at))
            del idle[best]
            serve(caller, best, caller.at)
        else:
            lines[not caller.first].append(caller)
    free_up(float("inf"))
    return waits
