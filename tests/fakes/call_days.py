"""Play days of a queue and write them as series of Prometheus' own test: callers, agents, abandons and waits.

Callers come by chance, along the curve of a day. The agents of each hour are the fewest that keep the target, so the
days are ordinary and no better. A fault takes agents away.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from planning.theory.erlang import fewest_agents

HOUR_S, DAY_S = 3600, 86_400
HANDLE_S, PATIENCE_S, TARGET_S, TARGET, SHORT_S = 300.0, 180.0, 20.0, 0.8, 5.0
CURVE = (0.5, 0.4, 0.3, 0.3, 0.3, 0.4, 0.6, 0.9, 1.4, 1.7, 1.8, 1.7, 1.4, 1.5, 1.7, 1.7, 1.5, 1.3, 1.1, 1.0, 0.9, 0.8,
         0.7, 0.6)
"""Calls of each hour, for one call in the mean."""
TIMEOUT_SHARE = 0.15
"""Callers who are asked once more in the menu."""
WHERE = 'queue="destek",channel="voice"'


class Caller(NamedTuple):
    """A caller, from the queue to the end."""

    came: float
    answered: float | None
    ended: float


class Days(NamedTuple):
    """Callers in the order of their arrival."""

    callers: tuple[Caller, ...]
    seconds: float

    def abandons_after(self, moment: float) -> list[float]:
        """Return when callers gave up after a moment. Short abandons are left out."""
        return sorted(one.ended for one in self.callers
                      if one.answered is None and one.ended >= moment and one.ended - one.came > SHORT_S)

    def service_level(self) -> float:
        """Return the share of callers that was answered within the target."""
        within = sum(one.answered is not None and one.answered - one.came <= TARGET_S for one in self.callers)
        return within / len(self.callers)


def play_days(calls_an_hour: float, seconds: float, seed: int, *,
              staff: Callable[[float, int], int] = lambda moment, agents: agents) -> Days:
    """Return days with this many calls an hour in the mean. `staff` changes the agents at a moment: a fault."""
    chance = random.Random(seed)
    rates = [calls_an_hour * share * 24 / sum(CURVE) / HOUR_S for share in CURVE]
    agents = [fewest_agents(rate, HANDLE_S, TARGET, TARGET_S, PATIENCE_S) for rate in rates]
    done: list[Caller] = []
    ends: list[float] = []
    waiting: deque[tuple[float, float]] = deque()

    def serve(now: float) -> None:
        # Callers leave the queue when their patience ends, wherever they stand in it.
        for came, until in [one for one in waiting if one[1] <= now]:
            waiting.remove((came, until))
            done.append(Caller(came, None, until))
        while waiting and len(ends) < staff(now, agents[int(now // HOUR_S) % 24]):
            came, _ = waiting.popleft()
            end = now + chance.expovariate(1 / HANDLE_S)
            heapq.heappush(ends, end)
            done.append(Caller(came, now, end))

    now = 0.0
    while now < seconds:
        rate = rates[int(now // HOUR_S) % 24]
        now += chance.expovariate(rate)
        while ends and ends[0] <= now:
            end = heapq.heappop(ends)
            serve(end)
        serve(now)
        waiting.append((now, now + chance.expovariate(1 / PATIENCE_S)))
        serve(now)
    for came, until in waiting:
        done.append(Caller(came, None, until))
    return Days(tuple(sorted(done)), seconds)


def write_series(days: Days, step_s: int) -> dict[str, str]:
    """Return the series that a node would show, with a sample each `step_s` seconds."""
    size = int(days.seconds // step_s) + 1
    answers = [one.answered for one in days.callers if one.answered is not None]
    ends = [one for one in days.callers if one.answered is not None]
    late = [one.ended for one in ends if one.answered is not None and one.answered - one.came > TARGET_S]
    gave_up = [one for one in days.callers if one.answered is None]
    long = [one.ended for one in gave_up if one.ended - one.came > SHORT_S]
    short = [one.ended for one in gave_up if one.ended - one.came <= SHORT_S]
    asked = random.Random(1)
    menu = [one.came for one in days.callers]

    def count(moments: Iterable[float]) -> str:
        return _write_values(_count_by_step(moments, size, step_s))

    return {
        f"acd_contacts_offered_total{{{WHERE}}}": count(menu),
        'acd_offers_total{queue="destek",result="answered"}': count(answers),
        f'acd_contacts_total{{{WHERE},outcome="answered"}}': count(one.ended for one in ends),
        f'acd_contacts_total{{{WHERE},outcome="abandoned"}}': count(long),
        f'acd_contacts_total{{{WHERE},outcome="abandoned_short"}}': count(short),
        f'acd_sla_contacts_total{{{WHERE},within="true"}}': count(
            one.ended for one in ends if one.answered is not None and one.answered - one.came <= TARGET_S),
        f'acd_sla_contacts_total{{{WHERE},within="false"}}': count([*late, *long, *short]),
        'ivr_calls_total{flow="ana"}': count(menu),
        'ivr_input_events_total{flow="ana",event="timeout"}': count(
            one for one in menu if asked.random() < TIMEOUT_SHARE),
        f"acd_queue_oldest_wait_seconds{{{WHERE}}}": _write_values(_oldest_by_step(days, size, step_s)),
        'acd_queue_abandoned_streak{queue="destek"}': _write_values(_streak_by_step(answers, long, size, step_s)),
        **{series: f"{value}x{size}" for series, value in (
            ('acd_queue_open{queue="destek"}', 1), ('acd_queue_distress{queue="destek"}', 0),
            ('acd_queue_target_seconds{queue="destek"}', TARGET_S), ('acd_queue_target_ratio{queue="destek"}', TARGET),
            ('acd_queue_agents{queue="destek",state="signed_in"}', 2), ('acd_asterisk_connected{link="ami"}', 1),
            ('up{job="santral"}', 1))}}


def _count_by_step(moments: Iterable[float], size: int, step_s: int) -> list[int]:
    values = [0] * size
    for moment in moments:
        place = -int(-moment // step_s)
        if place < size:
            values[place] += 1
    for place in range(1, size):
        values[place] += values[place - 1]
    return values


def _oldest_by_step(days: Days, size: int, step_s: int) -> list[int]:
    values = [0] * size
    for one in days.callers:
        left = one.ended if one.answered is None else one.answered
        for place in range(-int(-one.came // step_s), min(size, -int(-left // step_s))):
            values[place] = max(values[place], round(place * step_s - one.came))
    return values


def _streak_by_step(answers: list[float], abandons: list[float], size: int, step_s: int) -> list[int]:
    values = [0] * size
    streak, changes = 0, deque(sorted([*((moment, 0) for moment in answers), *((moment, 1) for moment in abandons)]))
    for place in range(size):
        while changes and changes[0][0] <= place * step_s:
            streak = streak + 1 if changes.popleft()[1] else 0
        values[place] = streak
    return values


def _write_values(values: Iterable[int]) -> str:
    """Write samples as promtool reads them, equal neighbours as one word."""
    def words() -> Iterator[str]:
        for value, same in groupby(values):
            yield f"{value}x{len(list(same)) - 1}"

    return " ".join(words())
