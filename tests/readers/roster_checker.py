"""Check a roster without any code of Santral: from the lines of on_duty, the files of the centre and the needs.

Coverage is checked by Hall's condition for each set of services in each quarter of an hour. The maker of the roster
follows chains instead, so the two share nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import yaml

QUARTERS = 96


def read_minutes(clock: str) -> int:
    """Return the minutes from midnight of `08:30`."""
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def read_roster(text: str) -> dict[str, dict[date, list[tuple[int, int]]]]:
    """Return the working spans of each agent and date from lines of on_duty."""
    return {agent: {day: [(read_minutes(span[:5]), read_minutes(span[6:])) for span in spans]
                    for day, spans in entry["on_duty"]["dates"].items()}
            for agent, entry in yaml.safe_load(text).items()}


def check_roster(folder: Path, lines: str, days: list[dict[str, Any]]) -> list[str]:
    """Return what a roster breaks: rules of work, hours and breaks of agents, and needs of services.

    `days` are those of the JSON of `santral staff`, for the needed agents.
    """
    roster = read_roster(lines)
    team = {agent["id"]: agent for agent in yaml.safe_load((folder / "team.yaml").read_text("utf-8"))["agents"]}
    own: dict[str, Mapping[str, Any]] = {
        one["agent"]: one for one in yaml.safe_load((folder / "accommodations.yaml").read_text("utf-8"))[
            "accommodations"]}
    services = yaml.safe_load((folder / "services.yaml").read_text("utf-8"))["services"]
    found = [problem for agent, week in roster.items()
             for problem in check_agent(agent, week, team[agent], own.get(agent, {}))]
    for day in days:
        found += check_needs(date.fromisoformat(day["date"]), day["needed"], roster, team, services)
    return found


def check_agent(agent: str, week: Mapping[date, list[tuple[int, int]]], entry: Mapping[str, Any],
                own: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the week of one agent breaks."""
    worked = {day: spans for day, spans in week.items() if spans}
    # 1. The labour law: the week, the day off, and the night between two days.
    if sum(end - begin for spans in worked.values() for begin, end in spans) > 45 * 60:
        yield f"{agent}: more than 45 hours"
    if len(worked) > 6:
        yield f"{agent}: no day off"
    for day, spans in worked.items():
        after = worked.get(day + timedelta(days=1))
        if after and after[0][0] + 1440 - spans[-1][1] < 11 * 60:
            yield f"{agent}: {day}: less than 11 hours until the next day"
        work = sum(end - begin for begin, end in spans)
        breaks = spans[-1][1] - spans[0][0] - work
        if breaks < (15 if work <= 240 else 30 if work <= 450 else 60):
            yield f"{agent}: {day}: {breaks} minutes of breaks for {work} of work"
        if work > 11 * 60:
            yield f"{agent}: {day}: {work} minutes of work"
        # 2. Stretches, of two hours or what the agent needs.
        limit = min(120.0, own.get("max_continuous_s", 7200) / 60)
        if any(end - begin > limit for begin, end in spans):
            yield f"{agent}: {day}: longer than {limit:.0f} minutes at a stretch: {spans}"
        # 3. The agent's own hours and breaks.
        hours = entry.get("on_duty", {})
        if hours and any(not any(read_minutes(span[:5]) <= begin and end <= read_minutes(span[6:])
                                 for span in hours.get(f"{day:%A}".lower(), ())) for begin, end in spans):
            yield f"{agent}: {day}: outside the hours {hours}"
        for text in own.get("break_plan", ()):
            first, last = read_minutes(text[:5]), read_minutes(text[6:])
            if any(begin < last and end > first for begin, end in spans):
                yield f"{agent}: {day}: works in the break {text}"


def check_needs(day: date, needed: Mapping[str, list[int]], roster: Mapping[str, Mapping[date, list[tuple[int, int]]]],
                team: Mapping[str, Mapping[str, Any]], services: list[dict[str, Any]]) -> Iterator[str]:
    """Yield each quarter in which some set of services has fewer agents than it needs."""
    can = {agent: {service["id"] for service in services
                   if any(all(entry["skills"].get(skill, -1) >= level for skill, level in step["needs"].items())
                          for step in service["steps"])} for agent, entry in team.items()}
    call = {agent: [(read_minutes(span[:5]), read_minutes(span[6:]))
                    for span in entry.get("on_call", {}).get(f"{day:%A}".lower(), ())] for agent, entry in team.items()}
    for quarter in range(QUARTERS):
        at = quarter * 15
        there = [agent for agent in team for begin, end in (*roster.get(agent, {}).get(day, ()), *call[agent])
                 if begin <= at < end]
        for size in range(1, len(needed) + 1):
            for some in combinations(needed, size):
                wanted = sum(needed[service][quarter // 2] for service in some)
                able = sum(not can[agent].isdisjoint(some) for agent in there)
                if wanted > able:
                    yield f"{day} {at // 60:02}:{at % 60:02} {some}: {able} of {wanted}"
