"""Start of a node after a day of calls, compared with a start without a past.

Both stores belong to the same private Asterisk, in turns. A start lasts from the new process to the answer that a call
would be answered (`/health/ready`). Metrics and queue_log read the past behind the routing, so one more row tells when
`/metrics` is there.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from bench.choice import SERVICES, build_team
from bench.row import Row
from lab import lab_nodes, lifecycle
from lab.pbx import process
from routing.core import events as e
from routing.core.engine import Engine
from routing.core.model.centre_model import Centre
from routing.core.model.commands import Offer
from routing.core.model.ids import ContactId, SeatId
from routing.runner import RunnerTurn
from routing.store.store import Store

TAKES_S = 120.0
FACTS = 160_000
"""Facts of a day with some 18,000 calls."""
AGENTS, CALLS_OF_TURN = 30, 40
ROUNDS = 5
GOAL_RATIO = 1.2
STORE = "santral.db"
LOG = "queue_log"
METRICS_S = 60.0


def measure_rows() -> Sequence[Row]:
    """Measure both starts, in turns."""
    folder = Path(tempfile.mkdtemp(prefix="santral-bench-"))
    lab = folder / "lab"
    try:
        info = lifecycle.start_lab(folder=lab, guarded=True)
        _end_node(lab)
        for name in ("empty", "day"):
            (folder / name).mkdir()
        shutil.copy(lab / STORE, folder / "empty" / STORE)
        asyncio.run(write_day(folder / "day" / STORE, FACTS))
        took: dict[str, list[tuple[float, float]]] = {"empty": [], "day": []}
        for _ in range(ROUNDS):
            for name, found in took.items():
                found.append(_time_start(lab, info.nodes[0], folder / name / STORE))
    finally:
        lifecycle.stop_lab(lab)
        shutil.rmtree(folder, ignore_errors=True)
    day, empty = (statistics.median(ready for ready, _ in took[name]) for name in ("day", "empty"))
    counted, at_once = (statistics.median(page for _, page in took[name]) for name in ("day", "empty"))
    return [Row("takeover.start_after_day", day, "s", f"without a past {empty:.2f} s", day / empty,
                f"at most {GOAL_RATIO:g}x", day <= GOAL_RATIO * empty),
            Row("takeover.metrics_after_day", counted, "s", f"without a past {at_once:.2f} s", counted / at_once, "",
                None)]


def _end_node(lab: Path) -> None:
    """Kill the node of the lab, so that it leaves nothing behind but its store."""
    identity = lifecycle.find_process(lab, "node")
    process.end_process(identity, 0.0)


def _time_start(lab: Path, node: lab_nodes.LabNode, store: Path) -> tuple[float, float]:
    """Start the node on a copy of this store. Return the seconds until it is ready, and until its metrics are there."""
    for old in (*lab.glob(f"{STORE}*"), *lab.glob(f"{LOG}*")):
        old.unlink()
    shutil.copy(store, lab / STORE)
    began = time.perf_counter()
    lab_nodes.wait_ready(node, lab_nodes.start_node(lab))
    ready = time.perf_counter() - began
    with urllib.request.urlopen(f"http://{node.http}/metrics", timeout=METRICS_S) as page:
        page.read()
    counted = time.perf_counter() - began
    _end_node(lab)
    return ready, counted


async def write_day(path: Path, wanted: int) -> None:
    """Write a store with at least `wanted` facts of calls that are over, and with nobody signed in."""
    store, engine = await Store.open_store(path), Engine()
    try:
        await store.take_lease("bench")
        team, at, number, told = build_team(AGENTS), 1_780_000_000.0, 0, 0
        events: list[tuple[float, e.Event | None]] = []

        def tell(event: e.Event) -> list[Offer]:
            events.append((at, event))
            return [one for one in engine.handle(event, at) if isinstance(one, Offer)]

        async def keep_turn() -> None:
            nonlocal told, events
            facts = engine.take_facts()
            await store.commit(RunnerTurn(events, facts, engine.take_changes()))
            told, events = told + len(facts), []

        tell(e.Configured(Centre(SERVICES, team)))
        for place, agent in enumerate(team):
            tell(e.SeatChanged(SeatId(f"s{place}"), True, False))
            tell(e.AgentSignedIn(agent.id, SeatId(f"s{place}")))
        await keep_turn()
        while told < wanted:
            for _ in range(CALLS_OF_TURN):
                number, at = number + 1, at + 5.0
                contact = ContactId(f"1780000000.{number}")
                for offer in tell(e.ContactQueued(contact, SERVICES[number % len(SERVICES)].id, "PJSIP/trunk")):
                    tell(e.OfferRinging(offer.offer))
                    tell(e.OfferConnected(offer.offer, contact))
                    tell(e.TalkEnded(offer.offer, "caller"))
                    tell(e.WrapUpEnded(offer.agent))
                # Nobody may have the skills for this caller.
                tell(e.CallerHungUp(contact))
            await keep_turn()
        for agent in team:
            tell(e.AgentSignedOut(agent.id))
        await keep_turn()
    finally:
        await store.close()
