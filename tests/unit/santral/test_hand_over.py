"""When a leader that does not hear Asterisk hands over, and when it keeps the lease."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest

from santral.standby import hand_over
from santral.standby.hand_over import HELD_S, SILENT_S, HandOver
from tests.until import LIMIT_S

pytestmark = pytest.mark.unit


class Cluster:
    """A leader, a node that stands by, and a clock that each look of the leader moves on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, step_s: float = 0.25) -> None:
        self.now, self.heard, self.proofs, self.asked, self.late = 0.0, 0.0, True, list[float](), False
        self._step_s = step_s
        monkeypatch.setattr(hand_over, "LOOK_S", 0.0)
        monkeypatch.setattr(hand_over, "ASK_S", 0.0)
        self.hears: Callable[[float], bool] = lambda now: False
        self.due = HandOver(self.silence, self.find_standby, lambda: self.now)

    def silence(self) -> float:
        """Go on by one look, and return for how long Asterisk has been silent."""
        self.now += self._step_s
        if self.hears(self.now):
            self.heard = self.now
        return self.now - self.heard

    async def find_standby(self) -> str:
        self.asked.append(self.now)
        if self.late:
            self.heard = self.now
        return "b" if self.proofs else ""

    async def lead(self, until: float) -> str:
        """Lead until the hand-over or until a time. Return the node that leads next, or an empty text."""
        waiting = asyncio.ensure_future(self.due.wait_until_due())
        async with asyncio.timeout(LIMIT_S):
            while not waiting.done() and self.now < until:
                await asyncio.sleep(0)
        if waiting.done():
            return waiting.result()
        waiting.cancel()
        with suppress(asyncio.CancelledError):
            await waiting
        return ""


async def test_a_silent_asterisk_is_left_to_the_node_that_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(monkeypatch)
    cluster.hears = lambda now: now < 2 * HELD_S
    assert await cluster.lead(3 * HELD_S) == "b"
    assert SILENT_S <= cluster.now - 2 * HELD_S <= SILENT_S + 1.0


async def test_nobody_is_asked_while_asterisk_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(monkeypatch)
    cluster.hears = lambda now: int(now) % 2 == 0
    assert await cluster.lead(4 * HELD_S) == "" and cluster.asked == []


async def test_a_leader_stays_if_no_other_node_reaches_asterisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asterisk is dead or frozen: another leader would help nobody."""
    cluster = Cluster(monkeypatch)
    cluster.proofs = False
    assert await cluster.lead(3 * HELD_S) == "" and cluster.asked


async def test_a_leader_stays_if_asterisk_is_back_during_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(monkeypatch)
    cluster.late = True
    assert await cluster.lead(3 * HELD_S) == "" and cluster.asked


async def test_a_link_that_comes_and_goes_changes_the_leader_twice_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each leader in turn is cut for 4 s of every 8 s, and the other one always proves that it reaches Asterisk."""
    changes, now = 0, 0.0
    while now < 60.0:
        cluster = Cluster(monkeypatch)
        began = now
        cluster.hears = lambda at, began=began: int((began + at) // 4) % 2 == 1  # type: ignore[misc]
        took = await cluster.lead(60.0 - began)
        now = began + cluster.now
        changes += bool(took)
    assert 1 <= changes <= 2
