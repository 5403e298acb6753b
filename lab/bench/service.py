"""A peak of a real day through Santral and through Asterisk's own app_queue: who waits how long, and who is overtaken.

The same callers (when they come, which of three services they want, how long they talk, when they give up) go through
both at the same time on one Asterisk, each side with as many agents. Each agent serves two services, as a ring; half of
the callers want the first service, three tenths the second. app_queue is at its best: one queue a service, members in
two queues, `autofill=yes`, `retry=1`, `leastrecent`, `shared_lastcall=yes`, no wrap-up. Everything is measured by one
witness (`lab.witness`): a wait ends with the talk or with the caller's patience, an offer overtakes somebody when the
agent's phone is called while a caller whom the agent could serve has waited longer.

Time is compressed by a factor that is printed: the run, the talks and the patience are divided by it. app_queue asks
once a second whatever the factor, so compression is hard on it; `half_hour` is the run without.
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

from lab import duel, up
from lab.arrivals import Arrival, Peak, draw
from lab.bench.handover import GOAL_P50_MS, GOAL_P99_MS, GOAL_RATIO, p99
from lab.bench.row import Row
from lab.duel import SIDES, Duel
from lab.witness import Call, Witness

TAKES_S = 240.0
RING = ((0, 1), (1, 2), (2, 0))
"""Kinds that an agent serves, by turns."""
PEAK = Peak(agents=180, seconds=190.0, warm_s=30.0, compression=4.0, seed=14)
"""12.7 minutes of the top of the day in 190 s."""
HALF_HOUR = Peak(agents=180, seconds=1920.0, warm_s=120.0, seed=15)
"""Half an hour as it is, after two minutes that do not count."""
FILL_PER_S = 20.0
"""New calls a second and side while the centre fills up before the run."""
DRAIN_S = 120.0
"""The last caller is connected or gone by then, divided by the factor."""
LEAD_S = 0.5
"""Between the last of those who were there before and the first caller of the run."""
GOOD_S = 20.0
"""The usual promise, divided by the factor too. Reported, never aimed at: it looks better when the order is unfair."""


class Column(NamedTuple):
    """What one side did."""

    waits: tuple[float, ...]
    """Of those who were connected, sorted."""
    offered: int
    abandoned: int
    overtaken: int
    offers: int
    busy: float
    """Share of the agents' time spent talking."""
    good: float
    hand_offs: tuple[float, ...]
    """Seconds from free to called, where somebody waited."""


def rows() -> list[Row]:
    """The compressed peak."""
    return measure(PEAK)


def half_hour() -> list[Row]:
    """The same without compression."""
    return measure(HALF_HOUR)


def measure(peak: Peak) -> list[Row]:
    """One run on a private lab of its own."""
    folder = Path(tempfile.mkdtemp(prefix="santral-bench-"))
    skills = [RING[number % len(RING)] for number in range(peak.agents)]
    try:
        info = duel.start(folder, skills)
        run = asyncio.run(_run(info, peak, skills))
    finally:
        up.down(folder / "lab")
        shutil.rmtree(folder, ignore_errors=True)
    return _rows(peak, *(run.column(side) for side in SIDES))


async def _run(info: up.Info, peak: Peak, skills: Sequence[tuple[int, ...]]) -> Run:
    witness = Witness()
    async with Duel(info, peak.agents, witness) as fight:
        run = Run(fight, peak, skills)
        await run.everything()
    if fight.troubles or witness.failed:
        raise RuntimeError(f"{witness.failed} callers failed: {fight.troubles[:3]}")
    return run


class Run:
    """The callers of a peak, to both sides."""

    def __init__(self, fight: Duel, peak: Peak, skills: Sequence[tuple[int, ...]]) -> None:
        self._fight = fight
        self._peak = peak
        self._skills = skills
        self._arrivals = draw(peak)
        self._of: dict[str, Arrival] = {}
        self._began = self._last = 0.0
        """Unix times between which the agents' time is counted."""
        self._open: set[str] = set()
        """Callers who count and are neither connected nor gone."""
        witness = fight.witness
        witness.on_since, witness.on_bridge, witness.on_gone = self._since, self._bridged, self._open.discard

    async def everything(self) -> None:
        """Fill, run, and wait until nobody who counts is left waiting."""
        loop = asyncio.get_running_loop()
        before = [one for one in self._arrivals if one.at <= 0]
        start = loop.time() + len(before) / FILL_PER_S + LEAD_S
        for number, arrival in enumerate(self._arrivals):
            at = start + arrival.at if arrival.at > 0 else start - LEAD_S - (len(before) - number) / FILL_PER_S
            loop.call_at(at, self._come, number, arrival)
        await asyncio.sleep(start + self._peak.warm_s - loop.time())
        self._began = time.time()
        await asyncio.sleep(start + self._peak.seconds - loop.time())
        self._last = time.time()
        async with asyncio.timeout(DRAIN_S / self._peak.compression):
            while self._open:  # noqa: ASYNC110  the witness has many ends and one of them is the last
                await asyncio.sleep(0.1)

    def _come(self, number: int, arrival: Arrival) -> None:
        for side in SIDES:
            caller = self._fight.call(side, number, arrival.kind)
            self._fight.witness.expect(caller, side, arrival.kind)
            self._of[caller] = arrival
            if arrival.counts:
                self._open.add(caller)

    def _since(self, caller: str) -> None:
        patience = self._of[caller].patience_s
        if patience < math.inf:
            asyncio.get_running_loop().call_later(patience, self._give_up, caller)

    def _give_up(self, caller: str) -> None:
        call = self._fight.witness.calls[caller]
        if math.isnan(call.bridged) and math.isnan(call.gone):
            self._fight.leave(caller)

    def _bridged(self, caller: str, leg: str) -> None:
        self._open.discard(caller)
        asyncio.get_running_loop().call_later(self._of[caller].talk_s, self._fight.hang_up, leg)

    def column(self, side: str) -> Column:
        """What a side did, when everything is over."""
        witness = self._fight.witness
        mine = {caller: call for caller, call in witness.calls.items() if call.side == side}
        counted = [call for caller, call in mine.items() if self._of[caller].counts]
        answered = [call for call in counted if not math.isnan(call.bridged)]
        good = GOOD_S / self._peak.compression
        wrong, offers = witness.overtaken(side, self._serves, lambda caller: self._of[caller].counts)
        return Column(
            tuple(sorted(call.wait_s for call in answered)), len(counted), sum(call.abandoned for call in counted),
            wrong, offers, self._busy(mine.values()),
            sum(call.wait_s <= good for call in answered) / max(1, len(counted)),
            tuple(one.rings - one.free for one in witness.hand_offs[side] if one.free >= self._began))

    def _serves(self, seat: str) -> Sequence[int]:
        return self._skills[(int(seat) - duel.FIRST_SEAT) % len(self._skills)]

    def _busy(self, calls: Iterable[Call]) -> float:
        """Talk between the warm-up and the last arrival."""
        talks = ((max(call.bridged, self._began), min(call.ended if call.ended > 0 else math.inf, self._last))
                 for call in calls if not math.isnan(call.bridged))
        return sum(max(0.0, end - begin) for begin, end in talks) / (
            self._peak.agents * (self._last - self._began))


def _rows(peak: Peak, ours: Column, theirs: Column) -> list[Row]:
    def at_most(name: str, unit: str, of: Callable[[Column], float], most: float | None) -> Row:
        mine, other = of(ours), of(theirs)
        ratio = mine / other if other else None
        return Row(f"service {name}", mine, unit, f"app_queue {other:.3g} {unit}", ratio,
                   "" if most is None else f"<= {most:g}x", None if most is None or ratio is None else ratio <= most)

    gone = 100 * ours.abandoned / ours.offered, 100 * theirs.abandoned / theirs.offered
    return [
        Row("service callers", ours.offered, "count",
            f"app_queue {theirs.offered}; {peak.agents} agents, time compressed {peak.compression:g}x", None, "", None),
        Row("service occupancy", 100 * ours.busy, "%", f"app_queue {100 * theirs.busy:.1f} %", None, "", None),
        Row("service order violations", ours.overtaken, "count",
            f"app_queue {theirs.overtaken} of {theirs.offers} offers", None, "0", ours.overtaken == 0),
        at_most("wait mean", "s", lambda column: statistics.fmean(column.waits), 0.9),
        at_most("wait p50", "s", lambda column: statistics.median(column.waits), None),
        at_most("wait p95", "s", lambda column: column.waits[round(0.95 * (len(column.waits) - 1))], None),
        at_most("wait p99", "s", lambda column: p99(column.waits), 0.65),
        at_most("wait max", "s", lambda column: column.waits[-1], 0.6),
        Row("service abandoned", gone[0], "%", f"app_queue {gone[1]:.2f} %", None, "not higher", gone[0] <= gone[1]),
        at_most(f"within {GOOD_S / peak.compression:g} s", "%", lambda column: 100 * column.good, None),
        *_hand_offs(ours.hand_offs, theirs.hand_offs),
    ]


def _hand_offs(ours: Sequence[float], theirs: Sequence[float]) -> list[Row]:
    """Their number alone when a side had none: nobody waited."""
    found = [Row("service hand-offs", len(ours), "count", f"app_queue {len(theirs)}", None, "", None)]
    wanted: tuple[tuple[str, Callable[[Sequence[float]], float], str, float | None], ...] = (
        ("mean", statistics.fmean, f">= {GOAL_RATIO:g}x", None),
        ("p50", statistics.median, f"<= {GOAL_P50_MS:g} ms", GOAL_P50_MS),
        ("p99", p99, f"<= {GOAL_P99_MS:g} ms", GOAL_P99_MS))
    for name, of, goal, limit in wanted if ours and theirs else ():
        mine, other = 1000 * of(ours), 1000 * of(theirs)
        found.append(Row(f"service hand-off {name}", mine, "ms", f"app_queue {other:.0f} ms", other / mine, goal,
                         other / mine >= GOAL_RATIO if limit is None else mine <= limit))
    return found
