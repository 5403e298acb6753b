"""From "an agent becomes free" to "that agent's phone is called", beside Asterisk's own app_queue.

Both on the same Asterisk at the same time, each with three agents of one service each and callers always waiting, so
each hand-over has one agent and nothing to wait for but the decision. app_queue is at its best (`autofill=yes`,
`retry=1`, `leastrecent`, no wrap-up); its callers ask once a second whether it is their turn (`RECHECK 1` in
app_queue.c). Free = `Hangup` of the phone's leg, called = its next `DialBegin`, both by Asterisk's own clock.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from lab import duel, up
from lab.bench.row import Row
from lab.duel import OURS, SIDES, THEIRS, Duel
from lab.witness import Witness

TAKES_S = 120.0
HANDOVERS = 150
"""Of app_queue: the mean of a uniform wait of 0 to 1 s is then known to 5 %. Ours have more in the same time."""
LIMIT_S = 200.0
"""The slower side needs about 1.1 s a hand-over and agent."""
TALK_S = (0.1, 1.0)
"""Drawn anew for each, so that a hand-over meets app_queue at any moment of its second."""
WAITING = 6
"""Callers of each kind on each side at any time."""
AGENTS = tuple((kind,) for kind in range(len(duel.KINDS)))
GOAL_RATIO, GOAL_P50_MS, GOAL_P99_MS = 100.0, 3.0, 15.0


def rows() -> list[Row]:
    """Measure on a private lab of its own."""
    return measure(HANDOVERS)


def measure(hand_overs: int) -> list[Row]:
    """So many of app_queue, and as many of ours as come meanwhile."""
    folder = Path(tempfile.mkdtemp(prefix="santral-bench-"))
    try:
        info = duel.start(folder, AGENTS)
        witness = asyncio.run(_measure(info, hand_overs))
    finally:
        up.down(folder / "lab")
        shutil.rmtree(folder, ignore_errors=True)
    took = {side: [1000 * (one.rings - one.free) for one in witness.hand_offs[side]] for side in SIDES}
    return _rows(took[OURS], took[THEIRS])


async def _measure(info: up.Info, hand_overs: int) -> Witness:
    witness = Witness()
    async with Duel(info, len(AGENTS), witness) as fight:
        talks = _Talks(fight, hand_overs)
        for side in SIDES:
            for kind in range(len(AGENTS)):
                for _ in range(WAITING):
                    talks.caller(side, kind)
        async with asyncio.timeout(LIMIT_S):
            await talks.enough.wait()
    if fight.troubles or witness.failed:
        raise RuntimeError(f"{witness.failed} callers failed: {fight.troubles[:3]}")
    return witness


class _Talks:
    """Ends each talk after its time and sends the next caller."""

    def __init__(self, fight: Duel, wanted: int) -> None:
        self.enough = asyncio.Event()
        """Both sides have been seen often enough."""
        self._fight = fight
        self._wanted = wanted
        self._number = 0
        self._dice = {side: random.Random(1) for side in SIDES}
        fight.witness.on_bridge = self._bridged

    def caller(self, side: str, kind: int) -> None:
        self._number += 1
        name = self._fight.call(side, self._number, kind)
        self._fight.witness.expect(name, side, kind)

    def _bridged(self, caller: str, leg: str) -> None:
        call = self._fight.witness.calls[caller]
        if all(len(found) >= self._wanted for found in self._fight.witness.hand_offs.values()):
            self.enough.set()
        dice, loop = self._dice[call.side], asyncio.get_running_loop()
        loop.call_later(dice.uniform(*TALK_S), self._fight.hang_up, leg)
        # At any moment of a second: the moment of joining is the moment of each of app_queue's questions.
        loop.call_later(dice.random(), self.caller, call.side, call.kind)


def _rows(ours: list[float], theirs: list[float]) -> list[Row]:
    def row(name: str, of: Callable[[list[float]], float], goal: str, limit: float | None) -> Row:
        mine, other = of(ours), of(theirs)
        ok = None if not goal else other / mine >= GOAL_RATIO if limit is None else mine <= limit
        return Row(f"hand-over {name}", mine, "ms", f"app_queue {other:.0f} ms", other / mine, goal, ok)

    return [row("mean", statistics.fmean, f">= {GOAL_RATIO:g}x", None),
            row("p50", statistics.median, f"<= {GOAL_P50_MS:g} ms", GOAL_P50_MS),
            row("p99", p99, f"<= {GOAL_P99_MS:g} ms", GOAL_P99_MS),
            row("max", max, "", None),
            Row("hand-overs measured", len(ours), "count", f"app_queue {len(theirs)}", None, "", None)]


def p99(values: Sequence[float]) -> float:
    """The value that one in a hundred exceeds."""
    return sorted(values)[min(len(values) - 1, round(0.99 * (len(values) - 1)))]
