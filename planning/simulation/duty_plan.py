"""Plan working times: a simple plan for a whole team, or one from a CSV file `agent,start,end,break,...`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from planning.errors import PlanningError
from planning.simulation import sheet
from planning.simulation.arrivals import DAY_S, HOUR_S
from planning.simulation.centre_run import Duty
from routing.core.agents.break_rules import BREAK_MAX_S
from routing.core.model.centre_model import Agent, Centre
from routing.core.model.ids import AgentId
from routing.core.shifts.break_plan import PLANNED_MAX

SHIFT_S = 8 * HOUR_S
BREAK_S = 900.0
BREAKS_AT_S = (2 * HOUR_S, 4 * HOUR_S, 6 * HOUR_S)
"""Breaks of a shift, counted from its beginning. A quarter of an hour every two hours is the practice for screen
work."""
STAGGER = 4
"""Number of quarters of an hour over which a team's breaks are spread. Two would be enough to keep an agent present."""

STARTS = (8, 0, 16, 7, 9, 13, 8, 11, 7, 16, 9, 8, 13, 0, 7, 8, 11, 9, 7, 13)
"""Hours at which shifts begin, assigned in this order within each team. Ten percent begin at midnight, 55 % in the
morning and 35 % at noon or later. The first three cover the day."""

COPY = "+"
"""Separator between an agent's id and the number of a copy. No id of a centre contains it."""


def plan_shifts(centre: Centre) -> list[Duty]:
    """Return the simple plan: shifts of 8 hours that cover the day in each team, with staggered breaks.

    A shift that ends after midnight also works at the beginning of the day.
    """
    of_team: Counter[str] = Counter()
    of_shift: Counter[tuple[str, float]] = Counter()
    found: list[Duty] = []
    for agent in centre.agents:
        start = STARTS[of_team[agent.team] % len(STARTS)] * HOUR_S
        # Agents with the same shift take their breaks one after the other.
        later = of_shift[agent.team, start] % STAGGER * BREAK_S
        of_team[agent.team] += 1
        of_shift[agent.team, start] += 1
        found += wrap_midnight(Duty(
            agent.id, start, start + SHIFT_S,
            tuple((start + at + later, start + at + later + BREAK_S) for at in BREAKS_AT_S)))
    return found


def plan_all_day(centre: Centre) -> list[Duty]:
    """Return a plan in which all agents work the whole day without a break, as formulas assume."""
    return [Duty(agent.id, 0.0, DAY_S) for agent in centre.agents]


def resize_team(centre: Centre, number: int) -> Centre:
    """Return the centre with this many agents.

    A smaller team is an even selection. A larger team repeats the agents, and `a1001+2` is a copy of `a1001`.
    """
    if number < 1:
        raise PlanningError("a centre needs at least one agent")
    team = centre.agents
    if not team:
        raise PlanningError("the centre has no agents; write some into team.yaml")
    if number <= len(team):
        chosen = tuple(team[place * len(team) // number] for place in range(number))
    else:
        chosen = tuple(_copy_agent(team[place % len(team)], place // len(team) + 1) for place in range(number))
    return centre._replace(agents=chosen)


def original_of(agent: AgentId) -> AgentId:
    """Return the agent from whom `resize_team` copied this agent, or the agent."""
    return AgentId(agent.partition(COPY)[0])


def _copy_agent(agent: Agent, copy: int) -> Agent:
    if copy == 1:
        return agent
    # The copies of a pair form a new pair, or one agent would belong to two pairs.
    pair = agent.profile.pair_id
    profile = agent.profile._replace(pair_id=f"{pair}{COPY}{copy}") if pair else agent.profile
    return agent._replace(id=AgentId(f"{agent.id}{COPY}{copy}"), profile=profile)


def wrap_midnight(duty: Duty) -> list[Duty]:
    """Return a daily duty as duties within one day.

    The part after midnight began the evening before as well. A duty that would begin with a break begins after it.
    """
    if duty.end <= DAY_S:
        return [*_after_break(duty)]
    return [*_after_break(Duty(duty.agent, max(0.0, duty.start - DAY_S), duty.end - DAY_S,
                               tuple((start - DAY_S, end - DAY_S) for start, end in duty.breaks))), *_after_break(duty)]


def _after_break(duty: Duty) -> Iterator[Duty]:
    """Return the duty from its first working moment on, with the remaining breaks. A duty of breaks only gives none."""
    begin, left = duty.start, []
    for start, end in duty.breaks:
        if start > begin:
            left.append((start, end))
        else:
            begin = max(begin, end)
    if begin < duty.end:
        yield duty._replace(start=begin, breaks=tuple(left))


def read_shifts(path: Path, centre: Centre) -> list[Duty]:
    """Return the duties of a file with lines `agent,start,end` and any number of breaks.

    Times are written as 08:00 and breaks as 10:00-10:15. An end that is not after the start is on the next day. Raise
    PlanningError with all problems as file:line.
    """
    # 1. Guess the separator from the first line.
    lines = sheet.read_lines(path)
    separator = ";" if lines and lines[0].count(";") > lines[0].count(",") else ","
    team = {agent.id for agent in centre.agents}
    found: list[Duty] = []
    problems: list[str] = []
    # 2. Parse each line, and check it against the team and the duties before it.
    for number, cell in sheet.read_rows(path, lines, separator, problems):
        if not any(cell) or (number == 1 and cell[0].casefold() == "agent"):
            continue
        duty = _parse_duty(cell)
        if isinstance(duty, str):
            problems.append(f"{path}:{number}: {duty}")
        elif duty.agent not in team:
            problems.append(f"{path}:{number}: no agent {cell[0]!r} in the team")
        elif any(other.agent == one.agent and other.start < one.end and one.start < other.end
                 for other in found for one in wrap_midnight(duty)):
            problems.append(f"{path}:{number}: {duty.agent} has a duty at that time already")
        else:
            found += wrap_midnight(duty)
    if not found and not problems:
        problems.append(f"{path}: no duties; a line is e.g. a1001,08:00,16:00,10:00-10:15")
    sheet.raise_problems(problems)
    return found


def _parse_duty(cell: list[str]) -> Duty | str:
    """Return the duty, or the problem of the line."""
    if len(cell) < 3:
        return "a line needs agent,start,end"
    # 1. Parse the bounds. An end before the start is on the next day.
    start, end = _parse_clock(cell[1]), _parse_clock(cell[2])
    if start is None or end is None:
        return f"{(cell[1] if start is None else cell[2])!r} is no time of day; write it as 08:00"
    end = end if end > start else end + DAY_S
    # 2. Parse the breaks. A break before the start is on the next day too.
    breaks = []
    for text in filter(None, cell[3:]):
        first, dash, last = text.partition("-")
        begin, over = _parse_clock(first.strip()), _parse_clock(last.strip())
        if not dash or begin is None or over is None:
            return f"{text!r} is no break; write it as 10:00-10:15"
        begin = begin if begin >= start else begin + DAY_S
        over = over if over > begin else over + DAY_S
        if over > end:
            return f"the break {text} is not within {cell[1]} to {cell[2]}"
        if over - begin > BREAK_MAX_S:
            return f"the break {text} takes more than {BREAK_MAX_S / HOUR_S:g} hours; write two duties"
        breaks.append((begin, over))
    # 3. Check the breaks as the engine does, so that a file fails here and not in the run.
    if len(breaks) > PLANNED_MAX:
        return f"{len(breaks)} breaks; at most {PLANNED_MAX} in a duty"
    breaks.sort()
    if any(after[0] < before[1] for before, after in pairwise(breaks)):
        return "two breaks overlap; write them as one"
    return Duty(AgentId(cell[0]), start, end, tuple(breaks))


def _parse_clock(text: str) -> float | None:
    hours, colon, minutes = text.partition(":")
    if not colon or not (hours.isascii() and hours.isdigit() and minutes.isascii() and minutes.isdigit()):
        return None
    seconds = int(hours) * HOUR_S + int(minutes) * 60.0
    return seconds if int(minutes) < 60 and seconds <= DAY_S else None
