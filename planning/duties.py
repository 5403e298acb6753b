"""Who is at work when: a simple plan for a whole team, or one from a CSV file `agent,start,end,break,...`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from planning import sheet
from planning.arrivals import DAY_S, HOUR_S
from planning.errors import PlanningError
from planning.house import Duty
from routing.core.breaks import LONGEST_S
from routing.core.ids import AgentId
from routing.core.model import Agent, Centre
from routing.core.recess import PLANNED_MOST

SHIFT_S = 8 * HOUR_S
BREAK_S = 900.0
BREAKS_AT_S = (2 * HOUR_S, 4 * HOUR_S, 6 * HOUR_S)
"""Breaks of a shift, counted from its beginning: a quarter of an hour after each two hours (the practice of 15 minutes
per two hours of screen work)."""
STAGGER = 4
"""Breaks of a team's shift begin at so many different quarters of an hour: two are enough to leave somebody there."""

STARTS = (8, 0, 16, 7, 9, 13, 8, 11, 7, 16, 9, 8, 13, 0, 7, 8, 11, 9, 7, 13)
"""Hours at which shifts begin, dealt out in this order to each team: 10 % begin at midnight, 55 % in the morning and
35 % at noon and later, and the first three cover the day."""

COPY = "+"
"""Between an agent's id and the number of a copy: no id of a centre has it."""


def shifts(centre: Centre) -> list[Duty]:
    """The simple plan: shifts of 8 hours that cover the day, each team for itself, breaks staggered. One that goes
    beyond midnight is there at the beginning of the day as well."""
    of_team: Counter[str] = Counter()
    of_shift: Counter[tuple[str, float]] = Counter()
    found: list[Duty] = []
    for agent in centre.agents:
        start = STARTS[of_team[agent.team] % len(STARTS)] * HOUR_S
        later = of_shift[agent.team, start] % STAGGER * BREAK_S
        of_team[agent.team] += 1
        of_shift[agent.team, start] += 1
        found += around(Duty(agent.id, start, start + SHIFT_S,
                             tuple((start + at + later, start + at + later + BREAK_S) for at in BREAKS_AT_S)))
    return found


def all_day(centre: Centre) -> list[Duty]:
    """Everybody is there for the whole day, without a break: what formulae assume."""
    return [Duty(agent.id, 0.0, DAY_S) for agent in centre.agents]


def team_of(centre: Centre, number: int) -> Centre:
    """The centre with so many agents: evenly taken from the team, or the team repeated (`a1001+2` is like `a1001`)."""
    if number < 1:
        raise PlanningError("a centre needs at least one agent")
    team = centre.agents
    if not team:
        raise PlanningError("the centre has no agents; write some into team.yaml")
    if number <= len(team):
        chosen = tuple(team[place * len(team) // number] for place in range(number))
    else:
        chosen = tuple(_like(team[place % len(team)], place // len(team) + 1) for place in range(number))
    return centre._replace(agents=chosen)


def original(agent: AgentId) -> AgentId:
    """Of whom an agent of `team_of` is a copy, or the agent."""
    return AgentId(agent.partition(COPY)[0])


def _like(agent: Agent, copy: int) -> Agent:
    if copy == 1:
        return agent
    pair = agent.profile.pair_id
    profile = agent.profile._replace(pair_id=f"{pair}{COPY}{copy}") if pair else agent.profile
    return agent._replace(id=AgentId(f"{agent.id}{COPY}{copy}"), profile=profile)


def around(duty: Duty) -> list[Duty]:
    """A duty of every day as it looks within one day: what goes beyond midnight began the evening before as well. Who
    would begin with a break, or be in one at midnight, comes after it."""
    if duty.end <= DAY_S:
        return [*_after_break(duty)]
    return [*_after_break(Duty(duty.agent, max(0.0, duty.start - DAY_S), duty.end - DAY_S,
                               tuple((start - DAY_S, end - DAY_S) for start, end in duty.breaks))), *_after_break(duty)]


def _after_break(duty: Duty) -> Iterator[Duty]:
    """The duty from its first moment at work on, if there is one; with the breaks that are left."""
    begin, left = duty.start, []
    for start, end in duty.breaks:
        if start > begin:
            left.append((start, end))
        else:
            begin = max(begin, end)
    if begin < duty.end:
        yield duty._replace(start=begin, breaks=tuple(left))


def read_shifts(path: Path, centre: Centre) -> list[Duty]:
    """Duties from a file: a line `agent,start,end` and any number of breaks, times as 08:00, breaks as 10:00-10:15. An
    end that is not after the start is on the next day. Raises PlanningError with every problem as file:line."""
    lines = sheet.read(path)
    separator = ";" if lines and lines[0].count(";") > lines[0].count(",") else ","
    team = {agent.id for agent in centre.agents}
    found: list[Duty] = []
    problems: list[str] = []
    for number, cell in sheet.rows(path, lines, separator, problems):
        if not any(cell) or (number == 1 and cell[0].casefold() == "agent"):
            continue
        duty = _duty(cell)
        if isinstance(duty, str):
            problems.append(f"{path}:{number}: {duty}")
        elif duty.agent not in team:
            problems.append(f"{path}:{number}: no agent {cell[0]!r} in the team")
        elif any(other.agent == one.agent and other.start < one.end and one.start < other.end
                 for other in found for one in around(duty)):
            problems.append(f"{path}:{number}: {duty.agent} has a duty at that time already")
        else:
            found += around(duty)
    if not found and not problems:
        problems.append(f"{path}: no duties; a line is e.g. a1001,08:00,16:00,10:00-10:15")
    sheet.complain(problems)
    return found


def _duty(cell: list[str]) -> Duty | str:
    """A duty, or what is wrong with the line."""
    if len(cell) < 3:
        return "a line needs agent,start,end"
    start, end = _seconds(cell[1]), _seconds(cell[2])
    if start is None or end is None:
        return f"{(cell[1] if start is None else cell[2])!r} is no time of day; write it as 08:00"
    end = end if end > start else end + DAY_S
    breaks = []
    for text in filter(None, cell[3:]):
        first, dash, last = text.partition("-")
        begin, over = _seconds(first.strip()), _seconds(last.strip())
        if not dash or begin is None or over is None:
            return f"{text!r} is no break; write it as 10:00-10:15"
        begin = begin if begin >= start else begin + DAY_S
        over = over if over > begin else over + DAY_S
        if over > end:
            return f"the break {text} is not within {cell[1]} to {cell[2]}"
        if over - begin > LONGEST_S:
            return f"the break {text} takes more than {LONGEST_S / HOUR_S:g} hours; write two duties"
        breaks.append((begin, over))
    if len(breaks) > PLANNED_MOST:
        return f"{len(breaks)} breaks; at most {PLANNED_MOST} in a duty"
    breaks.sort()
    if any(after[0] < before[1] for before, after in pairwise(breaks)):
        return "two breaks overlap; write them as one"
    return Duty(AgentId(cell[0]), start, end, tuple(breaks))


def _seconds(text: str) -> float | None:
    hours, colon, minutes = text.partition(":")
    if not colon or not (hours.isascii() and hours.isdigit() and minutes.isascii() and minutes.isdigit()):
        return None
    seconds = int(hours) * HOUR_S + int(minutes) * 60.0
    return seconds if int(minutes) < 60 and seconds <= DAY_S else None
