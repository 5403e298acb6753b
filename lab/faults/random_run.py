"""Faults at random under calls, by a seed: every arrival has one outcome, and memory of the nodes stays."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from lab.errors import LabError
from lab.faults.fault import Fault
from lab.faults.fault_model import CannotInject, FaultRow
from lab.faults.fault_place import HISTORY, FaultPlace, open_place
from lab.faults.judge import StoreRows, read_fact_times, read_facts, read_store
from lab.faults.kinds.node_faults import break_nothing
from lab.faults.kinds.table import AMI, DATABASE, PAIR, find_faults
from lab.faults.random_result import (
    Arrival,
    Usage,
    Window,
    judge_outcomes,
    judge_seconds,
    judge_usage,
    read_changes,
    read_usage,
)
from lab.faults.scene import RECORDS_S
from lab.history.checker import check_history
from lab.lab_record import find_process
from lab.people.traffic import LabTraffic, TrafficHabits, pick_across_teams

EVERY_S = 1.1
"""Mean time between two callers. They stay some 30 s with a talk, else some 65 s: 40 calls at once."""
AGENTS = 12
KILL = "F-02"
KINDS = {KILL: 5.0, "F-03b": 12.0, "F-06": 12.0, "F-10": 8.0, "F-12": 12.0, "F-20": 4.0, "F-24": 1.0}
"""Faults of a run, with their lengths. All of them can be undone while calls go on."""
KILL_EVERY_S = 900.0
"""Least time between two kills. A node has to live for a while until it has a slope."""
REST_S = (4.0, 20.0)
"""Time between two faults."""
SAMPLE_S = 5.0
"""Time between two looks at processes and lines."""
RETURN_S = 15.0
"""Time between two looks at agents whose phone was not answered while something was broken: they press ready again."""
LEAVE_S = 120.0
"""Limit until the last callers have left by themselves."""
RECORD_LOOK_S = 2.0
"""Pause between two looks for the records of the last callers."""
SHOWN = 10
"""Most findings of the checker in a row."""


class RandomPlan(NamedTuple):
    """Arguments of a random run."""

    seed: int
    minutes: float


def plan_faults(plan: RandomPlan) -> list[tuple[float, str]]:
    """Draw the faults of a run, each with the rest before it. The same seed gives the same faults."""
    draw = random.Random(plan.seed)
    drawn: list[tuple[float, str]] = []
    at, killed = 0.0, -KILL_EVERY_S
    while True:
        rest = draw.uniform(*REST_S)
        name = draw.choice([one for one in KINDS if one != KILL or at - killed >= KILL_EVERY_S])
        at += rest + KINDS[name]
        if at > plan.minutes * 60:
            return drawn
        if name == KILL:
            killed = at
        drawn.append((rest, name))


async def run_random(plan: RandomPlan, folder: Path, say: Callable[[str], None]) -> FaultRow:
    """Run faults at random for the time of the plan, and return one row about all."""
    title, how = f"faults at random, seed {plan.seed}", f"{plan.minutes:g} minutes, a caller every {EVERY_S} s"
    fault = Fault("random", title, how, break_nothing, 0.0, needs=PAIR, links=AMI + DATABASE)
    try:
        async with open_place(fault, folder) as place:
            return await _RandomRun(plan, place, FaultRow(fault.id, title, how), say).run()
    except CannotInject as error:
        return FaultRow(fault.id, title, how, ok=True, skipped=str(error))
    except LabError as error:
        return FaultRow(fault.id, title, how, problems=[str(error)])


class _RandomRun:
    """One run."""

    def __init__(self, plan: RandomPlan, place: FaultPlace, row: FaultRow, say: Callable[[str], None]) -> None:
        self._plan, self._place, self._row, self._say = plan, place, row, say
        self._usage: dict[tuple[str, int], list[Usage]] = defaultdict(list)
        self._at_once: list[int] = []
        lab = place.lab
        self._traffic = LabTraffic(lab.info, lab.network, TrafficHabits(every=EVERY_S, seed=plan.seed),
                                   pick_across_teams(lab.info.agents, AGENTS))

    async def run(self) -> FaultRow:
        """Run everything, and return the row."""
        # 1. Agents sign in, callers come, and things break.
        began, signing = time.monotonic(), time.time()
        await self._traffic.sign_in_agents()
        signed = time.time()
        people = asyncio.create_task(self._traffic.generate_callers(), name="random.callers")
        looks = asyncio.create_task(self._look_around(), name="random.looks")
        returns = asyncio.create_task(self._bring_agents_back(), name="random.returns")
        try:
            counts = await self._break_things(began + self._plan.minutes * 60)
            # Nobody calls any more, and who is there leaves as wanted.
            self._traffic.habits = self._traffic.habits._replace(every=1e9)
            await self._wait_for_callers()
        finally:
            for task in (people, looks, returns):
                task.cancel()
            await asyncio.gather(people, looks, returns, return_exceptions=True)
        # 2. All is calm, and everybody signs out.
        await self._place.lab.network.hang_up_all()
        await self._place.lab.wait_until_quiet()
        windows = await self._sign_out(signing, signed)
        # 3. Judge by what everybody saw.
        self._row.figures["faults"] = dict(sorted(counts.items()))
        self._row.notes.append("faults: " + ", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
        await self._judge(windows)
        self._row.took_s = round(time.monotonic() - began, 1)
        self._row.ok = not self._row.problems
        return self._row

    async def _break_things(self, end: float) -> Counter[str]:
        counts: Counter[str] = Counter()
        for rest, name in plan_faults(self._plan):
            # Injections take time themselves, so the last faults of the plan may have none left.
            if time.monotonic() + rest + KINDS[name] > end:
                break
            await asyncio.sleep(rest)
            [fault] = find_faults([name])
            self._say(f"{time.strftime('%H:%M:%S')} {fault.id} {fault.title}")
            counts[fault.id] += 1
            try:
                await self._place.lab.find_leader()
                async with fault.inject(self._place):
                    await asyncio.sleep(KINDS[fault.id])
            except LabError as error:
                self._row.problems.append(f"{fault.id} at {time.strftime('%H:%M:%S')}: {error}")
        await asyncio.sleep(max(0.0, end - time.monotonic()))
        return counts

    async def _wait_for_callers(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_S):
                await asyncio.gather(*(leg.ended.wait() for leg in self._traffic.calls))

    async def _sign_out(self, signing: float, signed: float) -> dict[str, Window]:
        windows = {}
        for person in self._traffic.people:
            began = time.time()
            try:
                await person.sign_out()
            except LabError as error:
                self._row.problems.append(f"agent {person.id} cannot sign out: {error}")
            windows[person.id] = Window(signing, signed, began, time.time())
        return windows

    async def _look_around(self) -> None:
        """Note the usage of nodes and Asterisk, and how many calls there are."""
        lab = self._place.lab
        names = {f"node {node.name}": node.process for node in lab.info.nodes} | {"asterisk": "asterisk"}
        while True:
            for name, process in names.items():
                # A node that was killed a moment ago has no process.
                with suppress(OSError, ValueError, StopIteration, LabError):
                    identity = find_process(lab.folder, process)
                    self._usage[name, identity.pid].append(read_usage(identity.pid))
            self._at_once.append(sum(leg.was_answered and not leg.ended.is_set() for leg in self._traffic.calls))
            await asyncio.sleep(SAMPLE_S)

    async def _bring_agents_back(self) -> None:
        while True:
            for person in self._traffic.people:
                # Without a leader nobody can be asked, and the next round tries again.
                with suppress(LabError):
                    if (await person.fetch_view())["state"] == "not_responding":
                        await person.ask_as_agent("resume")
            await asyncio.sleep(RETURN_S)

    async def _wait_for_records(self, arrivals: Sequence[Arrival]) -> tuple[StoreRows, dict[str, str]]:
        """Return the records and the ends of menus, once all arrivals have one. A node looks for those of a gap each
        minute."""
        lab, end = self._place.lab, time.monotonic() + RECORDS_S
        while True:
            rows = await asyncio.to_thread(read_store, lab)
            menus = {str(one[0]): str(one[3]) for one in await asyncio.to_thread(read_facts, lab, "MenuEndedRecorded")}
            known = {str(one["contact"]) for one in rows.contacts if one["outcome"]} | menus.keys()
            if time.monotonic() > end or all(one.contact in known for one in arrivals if one.answered):
                return rows, menus
            await asyncio.sleep(RECORD_LOOK_S)

    async def _judge(self, windows: dict[str, Window]) -> None:
        lab, recorder = self._place.lab, self._place.recorder
        assert recorder is not None, "open_place records each run"
        # The queue_log is read of the node that leads now.
        await lab.find_leader()
        for leg in self._traffic.calls:
            await leg.wait_ended()
            recorder.note_caller(leg)
        arrivals = [Arrival(leg.uniqueid, recorder.find_contact(leg), leg.was_answered) for leg in self._traffic.calls]
        rows, menus = await self._wait_for_records(arrivals)
        judge_outcomes(self._row, arrivals, rows, menus)
        judge_seconds(self._row, read_changes(read_fact_times(lab, "AgentChanged")), windows)
        judge_usage(self._row, self._usage)
        at_once = sorted(self._at_once)
        self._row.figures["calls_at_once"] = {"median": at_once[len(at_once) // 2], "most": at_once[-1]}
        self._row.notes.append(f"calls at once: median {at_once[len(at_once) // 2]}, most {at_once[-1]}")
        self._row.problems += sorted(set(self._traffic.troubles))[:SHOWN]
        # The checker joins all calls with records, black box and what the nodes did.
        await recorder.stop()
        found = (await asyncio.to_thread(check_history, lab.folder.parent / HISTORY)).findings
        self._row.history = len(found)
        self._row.problems += [f"{one.invariant} {one.fault}, {one.subject}: {one.what}" for one in found[:SHOWN]]
