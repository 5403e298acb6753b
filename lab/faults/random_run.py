"""Faults at random under calls, by a seed: every arrival has one outcome, and a node's memory stays."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lab.errors import LabError
from lab.faults.fault import Fault
from lab.faults.fault_model import CannotInject, FaultRow, Need
from lab.faults.fault_place import FaultPlace, open_place
from lab.faults.judge import StoreRows, read_facts, read_store
from lab.faults.kinds.node_faults import break_nothing
from lab.faults.kinds.table import find_faults
from lab.lab_record import find_process
from lab.people.traffic import LabTraffic, TrafficHabits, pick_across_teams

EVERY_S = 1.6
"""Mean time between two callers, who stay some 65 s: 40 calls at once."""
AGENTS = 12
KINDS = {"F-02": 5.0, "F-03b": 12.0, "F-06": 12.0, "F-10": 8.0, "F-12": 12.0, "F-20": 4.0, "F-24": 1.0}
"""Faults of a run, with their lengths. All of them can be undone while calls go on."""
REST_S = (4.0, 20.0)
"""Time between two faults."""
SAMPLE_S = 5.0
"""Time between two looks at the memory of the nodes."""
LEAVE_S = 240.0
"""Limit until the last callers have left by themselves."""
SIGNED_S = 3.0
"""An agent's seconds by state are true to this: signing in and out are requests over HTTP."""
FLAT_S, FLAT_MB_H, FLAT_HANDLES_H = 600.0, 30.0, 30.0
"""A node that has lived this long has a slope of memory (MB an hour) and of file handles, which have limits. A shorter
life only fills its caches."""
HOUR_S = 3600.0


class RandomPlan(NamedTuple):
    """Arguments of a random run."""

    seed: int
    minutes: float


class Usage(NamedTuple):
    """Memory and file handles of a node at a moment."""

    at: float
    rss_mb: float
    handles: int


async def run_random(plan: RandomPlan, folder: Path, say: Callable[[str], None]) -> FaultRow:
    """Run faults at random for the time of the plan, and return one row about all."""
    title, how = f"faults at random, seed {plan.seed}", f"{plan.minutes:g} minutes, a caller every {EVERY_S} s"
    fault = Fault("random", title, how, break_nothing, 0.0, needs=(Need.NODES, Need.POSTGRES),
                  links=("a.ami", "a.primary", "a.standby"))
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
        self._draw = random.Random(plan.seed)
        self._usage: dict[tuple[str, int], list[Usage]] = defaultdict(list)
        lab = place.lab
        self._traffic = LabTraffic(lab.info, lab.network, TrafficHabits(every=EVERY_S, seed=plan.seed),
                                   pick_across_teams(lab.info.agents, AGENTS))

    async def run(self) -> FaultRow:
        """Run everything, and return the row."""
        began = time.monotonic()
        await self._traffic.sign_in_agents()
        signed = {person.id: time.time() for person in self._traffic.people}
        people = asyncio.create_task(self._traffic.generate_callers(), name="random.callers")
        looks = asyncio.create_task(self._look_at_nodes(), name="random.looks")
        try:
            counts = await self._break_things(began + self._plan.minutes * 60)
            # Nobody calls any more, and who is there leaves as wanted.
            self._traffic.habits = self._traffic.habits._replace(every=1e9)
            await self._wait_for_callers()
        finally:
            for task in (people, looks):
                task.cancel()
            await asyncio.gather(people, looks, return_exceptions=True)
        await self._place.lab.network.hang_up_all()
        await self._place.lab.wait_until_quiet()
        left = await self._sign_out()
        rows = await asyncio.to_thread(read_store, self._place.lab)
        self._check_outcomes(rows)
        self._check_seconds({name: left[name] - signed[name] for name in left})
        self._check_slopes()
        self._row.notes.append("faults: " + ", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
        self._row.took_s = round(time.monotonic() - began, 1)
        self._row.ok = not self._row.problems
        return self._row

    async def _break_things(self, end: float) -> Counter[str]:
        counts: Counter[str] = Counter()
        faults = find_faults(list(KINDS))
        while True:
            rest = self._draw.uniform(*REST_S)
            fault = self._draw.choice(faults)
            if time.monotonic() + rest + KINDS[fault.id] > end:
                return counts
            await asyncio.sleep(rest)
            self._say(f"{fault.id} {fault.title}")
            counts[fault.id] += 1
            await self._place.lab.find_leader()
            async with fault.inject(self._place):
                await asyncio.sleep(KINDS[fault.id])

    async def _wait_for_callers(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_S):
                await asyncio.gather(*(leg.ended.wait() for leg in self._traffic.calls))

    async def _sign_out(self) -> dict[str, float]:
        left = {}
        for person in self._traffic.people:
            with suppress(LabError):
                await person.sign_out()
                left[person.id] = time.time()
        return left

    async def _look_at_nodes(self) -> None:
        while True:
            for node in self._place.lab.info.nodes:
                with suppress(OSError, ValueError, StopIteration):
                    identity = find_process(self._place.lab.folder, node.process)
                    self._usage[node.name, identity.pid].append(read_usage(identity.pid))
            await asyncio.sleep(SAMPLE_S)

    # --- what came out -----------------------------------------------------------------------------------------------

    def _check_outcomes(self, rows: StoreRows) -> None:
        arrived = [leg for leg in self._traffic.calls if leg.was_answered]
        outcomes = Counter(str(one["outcome"] or "none") for one in rows.contacts)
        self._row.calls = len(self._traffic.calls)
        self._row.lost = len(self._traffic.calls) - len(arrived)
        self._row.records = abs(len(arrived) - sum(outcomes.values())) + outcomes["none"]
        self._row.doubled = sum(count > 1 for count in rows.ends.values())
        self._row.notes.append("outcomes: " + ", ".join(f"{name} {count}" for name, count in outcomes.most_common()))
        for what, count in (("callers were not answered", self._row.lost), ("contacts ended twice", self._row.doubled),
                            ("arrivals have no outcome or one too many", self._row.records)):
            if count:
                self._row.problems.append(f"{count} {what}")

    def _check_seconds(self, signed: dict[str, float]) -> None:
        """Compare each agent's seconds by state with the time between sign-in and sign-out."""
        states: dict[str, float] = defaultdict(float)
        for agent, _, _, before, _, _, _, seconds, *_ in read_facts(self._place.lab, "AgentChanged"):
            if before != "signed_out":
                states[agent] += seconds
        wrong = {name: round(states[name] - seconds, 1) for name, seconds in signed.items()
                 if abs(states[name] - seconds) > SIGNED_S}
        if wrong:
            self._row.problems.append(f"seconds by state differ from those signed in: {wrong}")
        self._row.notes.append(f"{len(signed)} agents: {sum(states.values()):.0f} s by state, "
                               f"{sum(signed.values()):.0f} s signed in")

    def _check_slopes(self) -> None:
        for (name, pid), found in self._usage.items():
            if len(found) < 3:
                continue
            hours = np.array([(one.at - found[0].at) / HOUR_S for one in found])
            memory, handles = (float(np.polyfit(hours, np.array(values, dtype=float), 1)[0])
                               for values in ([one.rss_mb for one in found], [one.handles for one in found]))
            lived = found[-1].at - found[0].at
            self._row.notes.append(f"node {name} ({pid}), {lived:.0f} s: {memory:+.1f} MB/h, {handles:+.1f} handles/h")
            if lived >= FLAT_S and (memory > FLAT_MB_H or handles > FLAT_HANDLES_H):
                self._row.problems.append(f"node {name} grows: {memory:+.1f} MB/h, {handles:+.1f} handles/h")


def read_usage(pid: int) -> Usage:
    """Read memory and file handles of a process. Raise OSError if it is gone."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    line = next(one for one in status.splitlines() if one.startswith("VmRSS:"))
    return Usage(time.monotonic(), int(line.split()[1]) / 1024, sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()))
