"""A peak of a real day through Santral and through Asterisk's own app_queue: waits, and overtaken callers.

The same callers (arrival, service, length of the talk, patience) go through both sides at the same time. Both use one
Asterisk and the same number of agents. Each agent serves two of three services, in a ring. Half of the callers want the
first service, three tenths the second. app_queue has one queue for each service, members in two queues,
`autofill=yes`, `retry=1`, `leastrecent`, `shared_lastcall=yes`, no wrap-up. Its order is that of each queue alone. A
second run (`in order`) gives it `force_longest_waiting_caller=yes`, its own cure: the longest wait of all queues first.

One observer measures everything (`bench.harness.ami_observer`). A wait ends with the talk or with the caller's
patience. An offer overtakes a caller when the agent's phone is called although a caller whom the agent could serve has
waited longer.

Time is compressed by a factor that is printed: run, talks and patience are divided by it. app_queue asks once a second
whatever the factor, so compression is hard on it. `measure_half_hour` is the run without compression.
"""

from __future__ import annotations

import asyncio
import math
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.handover import GOAL_P50_MS, GOAL_P99_MS, GOAL_RATIO, percentile_99
from bench.harness import side_by_side
from bench.harness.ami_observer import AmiObserver, ObservedCall
from bench.harness.side_by_side import SIDES, SideBySide
from bench.row import Row
from lab import lifecycle
from lab.people.arrivals import Arrival, PeakPlan, draw_callers

TAKES_S = 480.0
RING = ((0, 1), (1, 2), (2, 0))
"""Kinds that the agents serve, in turns."""
PEAK = PeakPlan(agents=180, seconds=190.0, warm_s=30.0, compression=4.0, seed=14)
"""12.7 minutes of the top of the day in 190 s."""
HALF_HOUR = PeakPlan(agents=180, seconds=1920.0, warm_s=120.0, seed=15)
"""Half an hour without compression, after two minutes that do not count."""
FILL_PER_S = 20.0
"""New calls a second and side while the centre fills up before the run."""
DRAIN_S = 120.0
"""Limit until the last caller is connected or gone, divided by the factor."""
START_DELAY_S = 0.5
"""Time between the last caller who was there before and the first caller of the run."""
WAITS, WAITS_IN_ORDER = {"mean": 0.9, "p99": 0.65, "max": 0.6}, {"mean": 1.0, "p99": 0.95}
"""Goals for waits as shares of those of app_queue. With an order between its queues only the hand-off is left to gain.
"""
GOOD_S = 20.0
"""The usual target, divided by the factor too. It is reported without a goal, because an unfair order improves it."""


class SideResult(NamedTuple):
    """Result of one side."""

    waits: tuple[float, ...]
    """Waits of the connected callers, sorted."""
    offered: int
    abandoned: int
    overtaken: int
    offers: int
    busy: float
    """Share of the agents' time spent talking."""
    good: float
    hand_offs: tuple[float, ...]
    """Seconds from free to called, while a caller waited."""


def measure_rows() -> list[Row]:
    """Measure the compressed peak, without and with the order between the queues of app_queue."""
    return [*measure_peak(PEAK), *measure_peak(PEAK, in_order=True)]


def measure_half_hour() -> list[Row]:
    """Measure the half hour without compression, with the order between the queues of app_queue."""
    return measure_peak(HALF_HOUR, in_order=True)


def measure_peak(peak: PeakPlan, *, in_order: bool = False) -> list[Row]:
    """Run a peak on a separate private lab. With `in_order` app_queue keeps the order between its queues."""
    folder = Path(tempfile.mkdtemp(prefix="santral-bench-"))
    skills = [RING[number % len(RING)] for number in range(peak.agents)]
    try:
        info = side_by_side.start_both_sides(folder, side_by_side.equal_agents(skills), in_order=in_order)
        run = asyncio.run(_run_peak(info, peak, skills))
    finally:
        lifecycle.stop_lab(folder / "lab")
        shutil.rmtree(folder, ignore_errors=True)
    name = "service in order" if in_order else "service"
    return _result_rows(name, peak, *(run.side_result(side) for side in SIDES), wait_most=WAITS_IN_ORDER if in_order
                        else WAITS)


async def _run_peak(info: lifecycle.LabInfo, peak: PeakPlan, skills: Sequence[tuple[int, ...]]) -> PeakRun:
    witness = AmiObserver()
    async with SideBySide(info, peak.agents, witness) as fight:
        run = PeakRun(fight, peak, skills)
        await run.run_peak()
    if fight.troubles or witness.failed:
        raise RuntimeError(f"{witness.failed} callers failed: {fight.troubles[:3]}")
    return run


class PeakRun:
    """Bring the callers of a peak to both sides."""

    def __init__(self, fight: SideBySide, peak: PeakPlan, skills: Sequence[tuple[int, ...]]) -> None:
        self._fight = fight
        self._peak = peak
        self._skills = skills
        self._arrivals = draw_callers(peak)
        self._of: dict[str, Arrival] = {}
        self._began = self._last = 0.0
        """Unix times between which the agents' time is counted."""
        self._open: set[str] = set()
        """Counted callers who are neither connected nor gone."""
        witness = fight.observer
        witness.on_since, witness.on_bridge, witness.on_hung_up = (self._start_patience, self._on_bridged,
                                                                   self._open.discard)

    async def run_peak(self) -> None:
        """Fill the centre, run the peak, and wait until no counted caller waits."""
        loop = asyncio.get_running_loop()
        before = [one for one in self._arrivals if one.at <= 0]
        start = loop.time() + len(before) / FILL_PER_S + START_DELAY_S
        for number, arrival in enumerate(self._arrivals):
            at = start + arrival.at if arrival.at > 0 else start - START_DELAY_S - (len(before) - number) / FILL_PER_S
            loop.call_at(at, self._start_caller, number, arrival)
        await asyncio.sleep(start + self._peak.warm_s - loop.time())
        self._began = time.time()
        await asyncio.sleep(start + self._peak.seconds - loop.time())
        self._last = time.time()
        async with asyncio.timeout(DRAIN_S / self._peak.compression):
            while self._open:  # noqa: ASYNC110  callers end one by one, in any order
                await asyncio.sleep(0.1)

    def _start_caller(self, number: int, arrival: Arrival) -> None:
        for side in SIDES:
            caller = self._fight.start_caller(side, number, arrival.kind)
            self._fight.observer.expect_caller(caller, side, arrival.kind)
            self._of[caller] = arrival
            if arrival.counts:
                self._open.add(caller)

    def _start_patience(self, caller: str) -> None:
        patience = self._of[caller].patience_s
        if patience < math.inf:
            asyncio.get_running_loop().call_later(patience, self._give_up, caller)

    def _give_up(self, caller: str) -> None:
        call = self._fight.observer.calls[caller]
        if math.isnan(call.bridged) and math.isnan(call.hung_up_at):
            self._fight.hang_up_caller(caller)

    def _on_bridged(self, caller: str, leg: str) -> None:
        self._open.discard(caller)
        asyncio.get_running_loop().call_later(self._of[caller].talk_s, self._fight.hang_up, leg)

    def is_counted(self, caller: str) -> bool:
        """Return whether a caller counts."""
        return self._of[caller].counts

    def side_result(self, side: str) -> SideResult:
        """Return the result of a side, after the run."""
        witness = self._fight.observer
        mine = {caller: call for caller, call in witness.calls.items() if call.side == side}
        counted = [call for caller, call in mine.items() if self._of[caller].counts]
        answered = [call for call in counted if not math.isnan(call.bridged)]
        good = GOOD_S / self._peak.compression
        wrong, offers = witness.count_overtaken(side, self._skills_of, lambda caller: self._of[caller].counts)
        return SideResult(
            tuple(sorted(call.wait_s for call in answered)), len(counted), sum(call.abandoned for call in counted),
            wrong, offers, self._busy_share(mine.values()),
            sum(call.wait_s <= good for call in answered) / max(1, len(counted)),
            tuple(one.rings - one.free for one in witness.hand_offs[side] if one.free >= self._began))

    def _skills_of(self, seat: str) -> Sequence[int]:
        return self._skills[(int(seat) - side_by_side.FIRST_SEAT) % len(self._skills)]

    def _busy_share(self, calls: Iterable[ObservedCall]) -> float:
        """Return the agents' share of talk between the warm-up and the last arrival."""
        talks = ((max(call.bridged, self._began), min(call.ended if call.ended > 0 else math.inf, self._last))
                 for call in calls if not math.isnan(call.bridged))
        return sum(max(0.0, end - begin) for begin, end in talks) / (
            self._peak.agents * (self._last - self._began))


def _result_rows(title: str, peak: PeakPlan, ours: SideResult, theirs: SideResult, *,
                 wait_most: dict[str, float]) -> list[Row]:
    def limit_row(name: str, unit: str, of: Callable[[SideResult], float], most: float | None) -> Row:
        mine, other = of(ours), of(theirs)
        ratio = mine / other if other else None
        return Row(f"{title} {name}", mine, unit, f"app_queue {other:.3g} {unit}", ratio,
                   "" if most is None else f"<= {most:g}x", None if most is None or ratio is None else ratio <= most)

    gone = 100 * ours.abandoned / ours.offered, 100 * theirs.abandoned / theirs.offered
    return [
        Row(f"{title} callers", ours.offered, "count",
            f"app_queue {theirs.offered}; {peak.agents} agents, time compressed {peak.compression:g}x", None, "", None),
        Row(f"{title} occupancy", 100 * ours.busy, "%", f"app_queue {100 * theirs.busy:.1f} %", None, "", None),
        Row(f"{title} order violations", ours.overtaken, "count",
            f"app_queue {theirs.overtaken} of {theirs.offers} offers", None, "0", ours.overtaken == 0),
        limit_row("wait mean", "s", lambda column: statistics.fmean(column.waits), wait_most.get("mean")),
        limit_row("wait p50", "s", lambda column: statistics.median(column.waits), None),
        limit_row("wait p95", "s", lambda column: column.waits[round(0.95 * (len(column.waits) - 1))], None),
        limit_row("wait p99", "s", lambda column: percentile_99(column.waits), wait_most.get("p99")),
        limit_row("wait max", "s", lambda column: column.waits[-1], wait_most.get("max")),
        Row(f"{title} abandoned", gone[0], "%", f"app_queue {gone[1]:.2f} %", None, "not higher", gone[0] <= gone[1]),
        limit_row(f"within {GOOD_S / peak.compression:g} s", "%", lambda column: 100 * column.good, None),
        *_hand_off_rows(title, ours.hand_offs, theirs.hand_offs),
    ]


def _hand_off_rows(title: str, ours: Sequence[float], theirs: Sequence[float]) -> list[Row]:
    """Return the rows of hand-offs. A side without any gets only its number, because nobody waited there."""
    found = [Row(f"{title} hand-offs", len(ours), "count", f"app_queue {len(theirs)}", None, "", None)]
    wanted: tuple[tuple[str, Callable[[Sequence[float]], float], str, float | None], ...] = (
        ("mean", statistics.fmean, f">= {GOAL_RATIO:g}x", None),
        ("p50", statistics.median, f"<= {GOAL_P50_MS:g} ms", GOAL_P50_MS),
        ("p99", percentile_99, f"<= {GOAL_P99_MS:g} ms", GOAL_P99_MS))
    for name, of, goal, limit in wanted if ours and theirs else ():
        mine, other = 1000 * of(ours), 1000 * of(theirs)
        found.append(Row(f"{title} hand-off {name}", mine, "ms", f"app_queue {other:.0f} ms", other / mine, goal,
                         other / mine >= GOAL_RATIO if limit is None else mine <= limit))
    return found
