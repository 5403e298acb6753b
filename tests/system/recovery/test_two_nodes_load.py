"""Two nodes on one PostgreSQL under a load of forty calls: how soon decisions go on after each fault.

    python -m pytest -s tests/system/recovery/test_two_nodes_load.py

Each test prints its times. They are bounds of an idle machine, so no test asserts them.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from lab.faults.proxy import TcpProxy
from lab.people.traffic import LabTraffic, TrafficHabits, pick_across_teams
from lab.session import LabSession
from routing.store.kinds import NUMBERS
from tests.ministry import patient
from tests.system.conftest import NewLab
from tests.until import LIMIT_S, until_async

pytestmark = [pytest.mark.system, pytest.mark.long]

CALLS = 40
AGENTS = 24
HABITS = TrafficHabits(every=0.8, talk=(3.0, 10.0), press=(1.0, 2.0), stay_least=60.0)
FILL_S = 240.0
"""Limit until this many calls are there, on a busy machine."""
SERVED_S = 120.0
"""Limit for decisions to go on, on a busy machine. An idle one takes seconds."""
FROZEN_S = 30.0
NOTICED_S = 0.7
"""Time in which Patroni lifts the demand for a standby that is gone."""
ACTS = re.compile(rb"^Action: (Originate|Redirect|Hangup|Setvar|QueueAdd|Bridge)", re.MULTILINE | re.IGNORECASE)
"""Commands of a node that change something at Asterisk."""


class Links:
    """Proxies of node a: to Asterisk's AMI and to both servers of PostgreSQL."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.proxies: dict[str, TcpProxy] = {}
        self.sent = bytearray()
        """Bytes from node a to Asterisk."""

    def through(self, link: str, place: str) -> str:
        """For `lab.lifecycle`, which runs in a thread: the address to use."""
        if link not in ("a.ami", "a.primary", "a.standby"):
            return place
        host, _, port = place.rpartition(":")
        proxy = self.proxies[link] = TcpProxy(host, int(port), self.sent.extend if link == "a.ami" else None)
        return f"{host}:{asyncio.run_coroutine_threadsafe(proxy.start_listening(), self._loop).result(LIMIT_S)}"

    async def stop(self) -> None:
        for proxy in self.proxies.values():
            await proxy.stop_listening()


class Load:
    """Forty calls in a lab with two nodes."""

    def __init__(self, lab: LabSession, links: Links) -> None:
        self.lab, self.links = lab, links
        self.traffic = LabTraffic(lab.info, lab.network, HABITS, pick_across_teams(lab.info.agents, AGENTS))
        self.fault_at = 0.0
        self._before = (0, 0)

    def live(self) -> int:
        """Return how many callers are on the line."""
        return sum(not leg.ended.is_set() for leg in self.traffic.calls)

    def fallbacks(self) -> int:
        """Return how often a caller has entered a fallback queue, by Asterisk's own record."""
        return (self.lab.folder / "pbx/log/cel-custom/santral.csv").read_text(encoding="utf-8").count("SC_FALLBACK-")

    async def ask_store(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Return the rows of a query, none while the database is away."""
        with suppress(DBAPIError):
            return await asyncio.to_thread(self.lab.query_store, query, *values)
        return []

    async def begin_fault(self) -> None:
        """Note the moment of the fault."""
        rows = await self.ask_store("select max(seq) as seq from facts")
        self._before = rows[0]["seq"], self.fallbacks()
        self.fault_at = time.time()

    async def first_decision(self, since: float | None = None) -> float:
        """Wait for the first offer after the fault, or after a moment, and return how long after it came."""
        start = self.fault_at if since is None else since
        found: list[float] = []

        async def decided() -> bool:
            found[:] = [row["at"] for row in await self.ask_store(
                "select min(at) as at from facts where seq > ? and at > ? and kind = ?", self._before[0], start,
                NUMBERS["Offered"]) if row["at"] is not None]
            return bool(found)

        await until_async(decided, SERVED_S, "an offer after the fault")
        return found[0] - start

    async def end(self, what: str, decided_s: float) -> None:
        """Let the callers leave, and look at what the store has of them."""
        entered = self.fallbacks() - self._before[1]
        await self.lab.network.hang_up_all()
        await self.lab.wait_until_quiet()
        rows = await self.ask_store("select outcome, count(*) as n from contacts group by outcome order by outcome")
        outcomes = {row["outcome"]: row["n"] for row in rows}
        doubled = await self.ask_store(
            "select contact from offers where connected_at is not null group by contact having count(*) > 1")
        print(f"\n{what}: first decision {decided_s:.2f} s; fallback queue {entered}; calls {len(self.traffic.calls)}, "
              f"contacts {sum(outcomes.values())} {outcomes}; epoch "
              f"{(await self.ask_store('select epoch from leases where name = ?', 'router'))[0]['epoch']}")
        assert not doubled and None not in outcomes
        # A caller who hung up in the menu is no contact.
        assert sum(outcomes.values()) <= len(self.traffic.calls)


@pytest.fixture
async def load(new_lab: NewLab, tmp_path: Path) -> AsyncIterator[Load]:
    links = Links()
    lab = await new_lab(nodes=2, store="postgres", standby=True, centre=patient(tmp_path), through=links.through)
    load = Load(lab, links)
    await load.traffic.sign_in_agents()
    calling = asyncio.create_task(load.traffic.generate_callers(), name="callers")
    try:
        await until_async(lambda: load.live() >= CALLS, FILL_S, f"{CALLS} calls")
        yield load
    finally:
        calling.cancel()
        with suppress(asyncio.CancelledError):
            await calling
        await links.stop()


async def test_the_leader_is_killed(load: Load) -> None:
    await load.begin_fault()
    load.lab.kill_node("a")
    await load.end("leader killed", await load.first_decision())
    assert (await load.lab.find_leader()).name == "b"


async def test_the_leader_is_frozen_and_wakes(load: Load) -> None:
    lab = load.lab
    await load.begin_fault()
    lab.freeze_node("a")
    decided_s = await load.first_decision()
    await until_async(lambda: time.time() > load.fault_at + FROZEN_S, FROZEN_S + LIMIT_S, "it is frozen for this long")
    load.links.sent.clear()
    lab.thaw_node("a")
    log = Path(lab.node("a").log)
    await until_async(lambda: "node.stood_down" in log.read_text(encoding="utf-8"), what="the node stands down")
    acts = len(ACTS.findall(load.links.sent))
    await load.end(f"leader frozen {FROZEN_S:.0f} s and woken ({acts} acts of the old epoch)", decided_s)
    assert acts == 0 and (await lab.find_leader()).name == "b"


async def test_the_leader_is_cut_from_the_database(load: Load) -> None:
    await load.begin_fault()
    for name in ("a.primary", "a.standby"):
        load.links.proxies[name].stall_traffic()
    decided_s = await load.first_decision()
    assert (await load.lab.find_leader()).name == "b"
    load.links.sent.clear()
    for name in ("a.primary", "a.standby"):
        load.links.proxies[name].restore_traffic()
    await load.end("leader cut from the database", decided_s)
    acts = len(ACTS.findall(load.links.sent))
    assert acts == 0, load.links.sent


async def test_the_primary_is_killed_and_the_standby_promoted(load: Load) -> None:
    postgres = load.lab.postgres
    await load.begin_fault()
    await asyncio.to_thread(postgres.primary.kill)
    await asyncio.to_thread(postgres.standby.promote)
    writable = time.time()
    print(f"\nwritable after {writable - load.fault_at:.2f} s")
    await load.end("primary killed, from the promotion on", await load.first_decision(writable))


async def test_the_standby_of_the_database_is_killed(load: Load) -> None:
    postgres = load.lab.postgres
    await load.begin_fault()
    await asyncio.to_thread(postgres.standby.kill)
    await asyncio.sleep(NOTICED_S)
    await asyncio.to_thread(postgres.release_commits)
    await load.end("standby of the database killed", await load.first_decision())
