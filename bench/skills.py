"""Skill levels, floors and accommodations through Santral and through app_queue: offers that break them, and waits.

The same callers go through both sides at the same time, as in `service`. Sixty agents have levels of 30 to 90 in some
of three services, and each service has a floor. Twelve agents rest after each talk. Twenty have a limit of heavy
contacts: one contact of the third service reaches it, and the load must decay before the next.

app_queue has its nearest means: members at or above the floor only, penalties by level, `wrapuptime` of the member for
the rest, `shared_lastcall=yes`, `force_longest_waiting_caller=yes`. It has nothing for the limit of heavy contacts.

One observer counts for both sides, by Asterisk's times and by separate rules (`SeatHistory`): offers below the floor,
in a rest or beyond the limit, and callers who got the best level of the agents who were free. Waits are compared too,
because the accommodations that app_queue breaks cost Santral waits.
"""

from __future__ import annotations

import asyncio
import math
import random
import shutil
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.handover import percentile_99
from bench.harness import side_by_side
from bench.harness.ami_observer import LATE_S, AmiObserver
from bench.harness.side_by_side import SIDES, SideAgent, SideBySide, SideRules
from bench.row import Row
from bench.service import PeakRun
from lab import lifecycle
from lab.people.arrivals import PeakPlan

TAKES_S = 260.0
TEAM_SIZE = 60
PEAK = PeakPlan(agents=57, seconds=190.0, warm_s=20.0, compression=4.0, share=(0.4, 0.3, 0.3), seed=3)
"""Callers for 57 agents: rests take the time of the other three."""
LEVELS = (0, 30, 50, 70, 90)
"""Possible levels of an agent. 0 is no skill."""
HEAVY = 2
"""Kind whose contacts are heavy."""
LOAD, HALF_LIFE_S = 3, 60.0
"""Load of a heavy contact, and the shortest half-life that a centre may set."""
HARD, RELEASE = 3.0, 2.0
RULES = SideRules((30, 50, 50), (0, 0, LOAD), f"[routing]\nload_half_life_s = {HALF_LIFE_S:g}\n")
LIMITED = {"soft": HARD, "hard": HARD, "release": RELEASE}
"""The limit of an agent who has one. Other agents have none, as the load of a whole run stays below `UNLIMITED`."""
UNLIMITED = dict.fromkeys(("soft", "hard", "release"), 100.0)
REST_S = 8
REST_EVERY, LIMIT_EVERY = 5, 3
"""Every fifth agent rests, and every third has the limit."""
ROUNDING_S = 1.0
"""app_queue counts rests in whole seconds, so one that is this much too short is no violation on either side."""
BEST_MIN = 0.95


class SideOffer(NamedTuple):
    """An offer by Asterisk's times."""

    at: float
    seat: int
    """Number of the agent in the team."""
    kind: int
    connected: float
    """nan if the caller was not connected."""
    ended: float


class Judgement(NamedTuple):
    """Result of one side."""

    offers: int
    below_floor: int
    in_rest: int
    beyond_limit: int
    best: float
    """Share of the offers at the best level that was free."""
    waits: tuple[float, ...]
    heavy_waits: tuple[float, ...]
    abandoned: float

    @property
    def violations(self) -> int:
        """Offers below a floor or against an accommodation."""
        return self.below_floor + self.in_rest + self.beyond_limit


class SeatHistory:
    """The past of an agent, to judge the next offer. It knows nothing of the engine."""

    def __init__(self, agent: SideAgent) -> None:
        self._agent = agent
        self._last: SideOffer | None = None
        self._load, self._load_at = 0.0, 0.0
        self._limited = False

    def add_offer(self, offer: SideOffer) -> None:
        """Add the next offer of this agent."""
        self._last = offer
        if RULES.loads[offer.kind] and not math.isnan(offer.connected):
            self._update_load(offer.connected)
            self._load += RULES.loads[offer.kind]
            self._limited = self._load >= HARD

    def is_free(self, at: float) -> bool:
        """Return whether the agent has no call at this time, and had none just before."""
        return self._last is None or self._last.ended <= at - LATE_S

    def in_rest(self, at: float) -> bool:
        """Return whether the rest after the last talk is not over."""
        return self._last is not None and at < self._last.ended + self._agent.rest_s - ROUNDING_S

    def beyond_limit(self, at: float, kind: int) -> bool:
        """Return whether the agent's load keeps contacts of this kind away."""
        if not RULES.loads[kind] or self._agent.distress_limit != LIMITED:
            return False
        self._update_load(at)
        return self._limited

    def is_allowed(self, at: float, kind: int) -> bool:
        """Return whether the agent may certainly get a contact of this kind."""
        rested = self._last is None or at > self._last.ended + self._agent.rest_s + ROUNDING_S
        return (self._agent.levels.get(kind, -1) >= RULES.floors[kind] and self.is_free(at) and rested
                and not self.beyond_limit(at - ROUNDING_S, kind))

    def _update_load(self, at: float) -> None:
        if at > self._load_at:
            self._load, self._load_at = self._load * 2.0 ** ((self._load_at - at) / HALF_LIFE_S), at
        if self._limited and self._load < RELEASE:
            self._limited = False


def build_team() -> list[SideAgent]:
    """Return the team: random levels, and accommodations for some."""
    dice = random.Random(8)
    team = []
    for number in range(TEAM_SIZE):
        levels = {kind: level for kind in range(len(side_by_side.KINDS)) if (level := dice.choice(LEVELS))}
        # Everybody can do something, and enough can do the heavy kind.
        levels = levels if any(levels.get(kind, 0) >= floor for kind, floor in enumerate(RULES.floors)) else {0: 50}
        team.append(SideAgent(levels, REST_S if number % REST_EVERY == 0 else 0,
                              LIMITED if number % LIMIT_EVERY == 0 else UNLIMITED))
    return team


def measure_rows() -> list[Row]:
    """Run the peak on a separate private lab."""
    return measure_peak(PEAK, build_team())


def measure_peak(peak: PeakPlan, team: Sequence[SideAgent]) -> list[Row]:
    """Run a peak with this team on both sides."""
    folder = Path(tempfile.mkdtemp(prefix="santral-bench-"))
    try:
        info = side_by_side.start_both_sides(folder, team, RULES, in_order=True)
        ours, theirs = asyncio.run(_run_peak(info, peak, team))
    finally:
        lifecycle.stop_lab(folder / "lab")
        shutil.rmtree(folder, ignore_errors=True)
    return _result_rows(ours, theirs)


async def _run_peak(info: lifecycle.LabInfo, peak: PeakPlan, team: Sequence[SideAgent]) -> list[Judgement]:
    observer = AmiObserver()
    kinds = [tuple(agent.levels) for agent in team]
    async with SideBySide(info, len(team), observer) as fight:
        run = PeakRun(fight, peak, kinds)
        await run.run_peak()
    if fight.troubles or observer.failed:
        raise RuntimeError(f"{observer.failed} callers failed: {fight.troubles[:3]}")
    return [judge_side(observer, side, team, run.is_counted) for side in SIDES]


def judge_side(observer: AmiObserver, side: str, team: Sequence[SideAgent],
               is_counted: Callable[[str], bool]) -> Judgement:
    """Judge each offer of a side, in order. Offers of callers who do not count are history only."""
    # 1. Collect the offers. One that led to no talk ends with the next offer of the same caller.
    found: list[tuple[SideOffer, str]] = []
    for caller, call in observer.calls.items():
        for number, (at, seat) in enumerate(call.offers if call.side == side else ()):
            last = number == len(call.offers) - 1
            ended = (call.ended if last else call.offers[number + 1][0])
            found.append((SideOffer(at, (int(seat) - side_by_side.FIRST_SEAT) % len(team), call.kind,
                                    call.bridged if last else math.nan,
                                    math.inf if math.isnan(ended) or ended < at else ended), caller))
    # 2. Judge each with what was there before it.
    history = [SeatHistory(agent) for agent in team]
    offers = below = rest = beyond = best = 0
    for offer, caller in sorted(found):
        if is_counted(caller):
            level = team[offer.seat].levels.get(offer.kind, -1)
            free = [agent.levels[offer.kind] for seat, agent in enumerate(team)
                    if seat != offer.seat and history[seat].is_allowed(offer.at, offer.kind)]
            offers += 1
            below += level < RULES.floors[offer.kind]
            rest += history[offer.seat].in_rest(offer.at)
            beyond += history[offer.seat].beyond_limit(offer.at - LATE_S, offer.kind)
            best += level >= max(free, default=-1)
        history[offer.seat].add_offer(offer)
    counted = [call for caller, call in observer.calls.items() if call.side == side and is_counted(caller)]
    answered = [call for call in counted if not math.isnan(call.bridged)]
    return Judgement(offers, below, rest, beyond, best / offers, tuple(sorted(call.wait_s for call in answered)),
                     tuple(call.wait_s for call in answered if call.kind == HEAVY),
                     sum(call.abandoned for call in counted) / len(counted))


def _result_rows(ours: Judgement, theirs: Judgement) -> list[Row]:
    def wait_row(name: str, of: Callable[[Judgement], float]) -> Row:
        return Row(f"skills wait {name}", of(ours), "s", f"app_queue {of(theirs):.3g} s", of(ours) / of(theirs), "",
                   None)

    def count_row(name: str, mine: int, other: int) -> Row:
        return Row(f"skills {name}", mine, "count", f"app_queue {other} of {theirs.offers} offers", None, "0",
                   mine == 0)

    return [
        Row("skills offers", ours.offers, "count", f"app_queue {theirs.offers}", None, "", None),
        count_row("below the floor", ours.below_floor, theirs.below_floor),
        count_row("in a rest", ours.in_rest, theirs.in_rest),
        count_row("beyond a limit", ours.beyond_limit, theirs.beyond_limit),
        Row("skills best level", 100 * ours.best, "%", f"app_queue {100 * theirs.best:.1f} %", None,
            f">= {100 * BEST_MIN:g} %", ours.best >= BEST_MIN),
        wait_row("mean", lambda side: statistics.fmean(side.waits)),
        wait_row("p99", lambda side: percentile_99(side.waits)),
        wait_row("mean of heavy contacts", lambda side: statistics.fmean(side.heavy_waits)),
        Row("skills abandoned", 100 * ours.abandoned, "%", f"app_queue {100 * theirs.abandoned:.2f} %", None, "", None),
    ]
