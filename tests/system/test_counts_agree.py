"""A run of sixty calls of every kind: one final outcome each, and queue_log, metrics and store agree to the call."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from lab import records
from lab.leg import Leg
from lab.network import Behaviour
from lab.records import Line
from lab.session import Lab
from tests.system.conftest import NewLab
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = pytest.mark.system

SERVICES = {"gorus_oneri": "4", "uzaktan_egitim": "2", "ihbar_sikayet": "3"}
ALIKE = 5
"""Callers of each kind for each service: answered, given up late, given up at once."""
RINGING = 3
"""For each service: the caller hangs up while the phone rings, or it rings out and the next agent answers."""
MENU = 60 - 3 * (2 * ALIKE + 2 * RINGING) - 3 * 2
"""The rest hang up in the menu and were never offered."""
SHORT_S = 5.0
"""Who hangs up before is no abandoned caller (`short_abandon_s` of a service)."""

SERVED_S = 90.0
"""Eight short talks one after the other."""

PRESSES = range(600, 6000, 900)
"""Twenty callers at once: a greeting may begin late, so the choice is pressed until it is surely heard."""

WORD = re.compile(r"ENTERQUEUE( (RINGNOANSWER|RINGCANCELED))*( CONNECT (COMPLETECALLER|COMPLETEAGENT)| ABANDON"
                  r"| EXITWITHKEY| EXITWITHTIMEOUT)")
"""What the lines of one call say, in order."""


class Day:
    """Sixty calls."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.lab = stage.lab
        self.legs: list[Leg] = []

    async def call(self, key: str) -> Leg:
        leg = await self.stage.caller(",".join(f"{key}@{at}ms" for at in PRESSES) if key else "")
        self.legs.append(leg)
        return leg

    async def waiting(self, service: str, count: int) -> None:
        await until_async(lambda: self._waits(service, count), SERVED_S, what=f"{count} waiting in {service}")

    async def _waits(self, service: str, count: int) -> bool:
        return bool((await self.lab.queue(service))["waiting"] == count)

    async def give_up(self, service: str, count: int, after: float) -> None:
        """So many come, wait and hang up; nobody is there to answer."""
        legs = [await self.call(SERVICES[service]) for _ in range(count)]
        await self.waiting(service, count)
        if after:
            async def old() -> bool:
                rows = self.lab.rows("select max(since) as last from contacts where service = ?", service)
                return bool((await self.lab.status())["at"] > rows[0]["last"] + after)

            await until_async(old, after + 10, what="they have waited")
        await asyncio.gather(*(leg.hangup() for leg in legs))
        await self.waiting(service, 0)

    async def in_the_menu(self, count: int) -> None:
        """They hear the greeting and hang up."""
        legs = [await self.call("") for _ in range(count)]
        await asyncio.gather(*(leg.wait_answered() for leg in legs))
        await asyncio.gather(*(leg.hangup() for leg in legs))

    async def served(self, service: str) -> None:
        """Two agents: the first lets it ring or the caller hangs up while it does, then both take what comes."""
        names = plain(service, 2)
        first = await self.stage.agent(names[0], Behaviour("ignore"))
        for _ in range(RINGING):
            leg = await self.call(SERVICES[service])
            await self.stage.reaches(first, "ringing")
            await leg.hangup()
            await self.stage.reaches(first, "ready")
        await first.behave(Behaviour("busy"))
        second = await self.stage.agent(names[1], Behaviour("0", 1.0))
        legs = [await self.call(SERVICES[service]) for _ in range(RINGING + ALIKE)]

        async def over() -> bool:
            if (await second.view())["state"] == "wrapup":
                await second.ask("wrapup/end")
            return all(leg.ended.is_set() for leg in legs)

        await until_async(over, SERVED_S, what=f"everybody of {service} is served")
        await first.sign_out()
        await second.sign_out()


async def test_sixty_calls_counted_three_times(new_lab: NewLab, tmp_path: Path) -> None:
    lab = await new_lab()
    day = Day(Stage(lab, tmp_path))
    async with asyncio.TaskGroup() as group:
        for service in SERVICES:
            group.create_task(_service(day, service))
        group.create_task(day.in_the_menu(MENU))
    await asyncio.gather(*(leg.wait_ended() for leg in day.legs))
    await lab.quiet()
    assert len(day.legs) == 60
    offered = 60 - MENU
    ends = Counter(one["contact"] for one in lab.rows(
        "select json_extract(body, '$.contact') as contact from facts where kind = 'Ended'"))
    assert len(ends) == offered and set(ends.values()) == {1}, "exactly one final outcome each"
    stored, logged, metrics = _stored(lab), _logged(lab.queue_log()), _measured(await lab.metrics())
    assert stored == logged == metrics
    for service in SERVICES:
        assert stored[service] == {"offered": offered // 3, "answered": RINGING + ALIKE,
                                   "abandoned": offered // 3 - RINGING - ALIKE}
    assert {one["outcome"] for one in lab.rows("select outcome from contacts")} == {
        "answered", "abandoned", "abandoned_short"}
    for contact, events in _stories(lab.queue_log()).items():
        assert WORD.fullmatch(" ".join(events)), f"{contact}: {events}"


async def _service(day: Day, service: str) -> None:
    await day.give_up(service, ALIKE, SHORT_S + 1)
    await day.give_up(service, 2, 0.0)
    await day.served(service)


Counts = dict[str, dict[str, int]]


def _stored(lab: Lab) -> Counts:
    found: Counts = defaultdict(Counter)
    for row in lab.rows("select service, outcome from contacts"):
        found[row["service"]]["offered"] += 1
        found[row["service"]][row["outcome"].removesuffix("_short")] += 1
    return {service: dict(counts) for service, counts in found.items()}


def _logged(lines: list[Line]) -> Counts:
    words = {"ENTERQUEUE": "offered", "CONNECT": "answered", "ABANDON": "abandoned"}
    found: Counts = defaultdict(Counter)
    for line in lines:
        if line.event in words:
            found[line.queue][words[line.event]] += 1
    return {service: dict(counts) for service, counts in found.items()}


def _measured(samples: list[records.Sample]) -> Counts:
    def count(service: str, outcome: str) -> int:
        return int(records.total(samples, "acd_contacts_total", queue=service, outcome=outcome))

    return {service: {"offered": int(records.total(samples, "acd_contacts_offered_total", queue=service)),
                      "answered": count(service, "answered"),
                      "abandoned": count(service, "abandoned") + count(service, "abandoned_short")}
            for service in SERVICES}


def _stories(lines: list[Line]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        if line.contact not in ("NONE", "MANAGER"):
            found[line.contact].append(line.event)
    return found
