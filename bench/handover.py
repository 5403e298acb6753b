"""Time from a free agent to the call of that agent's phone, compared with Asterisk's own app_queue.

Both run on the same Asterisk at the same time, each with three agents of one service each and callers always waiting.
Each hand-over therefore has one agent and waits for nothing but the decision. app_queue is at its fastest
(`autofill=yes`, `retry=1`, `leastrecent`, no wrap-up); its callers ask once a second whether it is their turn
(`RECHECK 1` in app_queue.c). An agent is free at the `Hangup` of the phone's leg and called at its next `DialBegin`,
both by Asterisk's clock.

The node has its store on SQLite, and then, if PostgreSQL is installed, on a server with a synchronous standby.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.harness import side_by_side
from bench.harness.ami_observer import AmiObserver
from bench.harness.side_by_side import OURS, SIDES, THEIRS, SideBySide
from bench.row import Row
from lab import lifecycle
from lab.private_postgres import find_programs

TAKES_S = 250.0
HANDOVERS = 150
"""Hand-overs of app_queue. The mean of a uniform wait of 0 to 1 s is then known to 5 %. Santral has more in that
time."""
LIMIT_S = 200.0
"""The slower side needs about 1.1 s for a hand-over of an agent."""
TALK_S = (0.1, 1.0)
"""Range of a talk. Each talk is drawn separately, so a hand-over meets app_queue at any moment of its second."""
WAITING = 6
"""Callers of each kind that wait on each side at any time."""
AGENTS = tuple((kind,) for kind in range(len(side_by_side.KINDS)))
GOAL_RATIO, GOAL_P50_MS, GOAL_P99_MS = 100.0, 3.0, 15.0
GOAL_POSTGRES_RATIO = 50.0
"""Each commit waits for the standby as well."""


class _Goals(NamedTuple):
    ratio: float
    """Least ratio of the means."""
    p50_ms: float | None
    p99_ms: float | None


_ON_SQLITE, _ON_POSTGRES = _Goals(GOAL_RATIO, GOAL_P50_MS, GOAL_P99_MS), _Goals(GOAL_POSTGRES_RATIO, None, None)


def measure_rows() -> list[Row]:
    """Measure on a separate private lab for each store."""
    return [*measure_handovers(HANDOVERS),
            *(measure_handovers(HANDOVERS, postgres=True) if find_programs() is not None else ())]


def measure_handovers(hand_overs: int, *, postgres: bool = False) -> list[Row]:
    """Measure this many hand-overs of app_queue, and as many of Santral as come meanwhile."""
    folder = Path(tempfile.mkdtemp(prefix="santral-bench-"))
    try:
        info = side_by_side.start_both_sides(folder, side_by_side.equal_agents(AGENTS), postgres=postgres)
        witness = asyncio.run(_run_handovers(info, hand_overs))
    finally:
        lifecycle.stop_lab(folder / "lab")
        shutil.rmtree(folder, ignore_errors=True)
    took = {side: [1000 * (one.rings - one.free) for one in witness.hand_offs[side]] for side in SIDES}
    if postgres:
        return _result_rows("hand-over on PostgreSQL", took[OURS], took[THEIRS], _ON_POSTGRES)
    return _result_rows("hand-over", took[OURS], took[THEIRS], _ON_SQLITE)


async def _run_handovers(info: lifecycle.LabInfo, hand_overs: int) -> AmiObserver:
    witness = AmiObserver()
    async with SideBySide(info, len(AGENTS), witness) as fight:
        talks = _TalkDriver(fight, hand_overs)
        for side in SIDES:
            for kind in range(len(AGENTS)):
                for _ in range(WAITING):
                    talks.add_caller(side, kind)
        async with asyncio.timeout(LIMIT_S):
            await talks.enough.wait()
    if fight.troubles or witness.failed:
        raise RuntimeError(f"{witness.failed} callers failed: {fight.troubles[:3]}")
    return witness


class _TalkDriver:
    """End each talk after its time and start the next caller."""

    def __init__(self, fight: SideBySide, wanted: int) -> None:
        self.enough = asyncio.Event()
        """Set when both sides have enough hand-overs."""
        self._fight = fight
        self._wanted = wanted
        self._number = 0
        self._dice = {side: random.Random(1) for side in SIDES}
        fight.observer.on_bridge = self._on_bridged

    def add_caller(self, side: str, kind: int) -> None:
        self._number += 1
        name = self._fight.start_caller(side, self._number, kind)
        self._fight.observer.expect_caller(name, side, kind)

    def _on_bridged(self, caller: str, leg: str) -> None:
        call = self._fight.observer.calls[caller]
        if all(len(found) >= self._wanted for found in self._fight.observer.hand_offs.values()):
            self.enough.set()
        dice, loop = self._dice[call.side], asyncio.get_running_loop()
        loop.call_later(dice.uniform(*TALK_S), self._fight.hang_up, leg)
        # A random moment of a second: app_queue asks for each caller at the moment of joining, once a second.
        loop.call_later(dice.random(), self.add_caller, call.side, call.kind)


def _result_rows(what: str, ours: list[float], theirs: list[float], goals: _Goals) -> list[Row]:
    def compare_row(name: str, of: Callable[[list[float]], float], limit: float | None = None) -> Row:
        mine, other = of(ours), of(theirs)
        return Row(f"{what} {name}", mine, "ms", f"app_queue {other:.0f} ms", other / mine,
                   "" if limit is None else f"<= {limit:g} ms", None if limit is None else mine <= limit)

    mean = compare_row("mean", statistics.fmean)
    assert mean.ratio is not None
    return [mean._replace(goal=f">= {goals.ratio:g}x", ok=mean.ratio >= goals.ratio),
            compare_row("p50", statistics.median, goals.p50_ms), compare_row("p99", percentile_99, goals.p99_ms),
            compare_row("max", max),
            Row(f"{what} count", len(ours), "count", f"app_queue {len(theirs)}", None, "", None)]


def percentile_99(values: Sequence[float]) -> float:
    """Return the value that one in a hundred exceeds."""
    return sorted(values)[min(len(values) - 1, round(0.99 * (len(values) - 1)))]
