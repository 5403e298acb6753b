"""Fifty take-overs in a row under forty calls: a seed kills, freezes, cuts off or stops the leader.

    python -m pytest -s tests/system/two_nodes/test_take_overs.py                             # some 15 minutes
    SANTRAL_SEED=2 SANTRAL_TAKE_OVERS=5 python -m pytest -s tests/system/two_nodes/test_take_overs.py
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from lab.faults.fault_model import FaultRow
from lab.faults.proxy import stalled_links
from lab.faults.random_result import Usage, judge_usage, read_usage
from lab.faults.random_run import SAMPLE_S
from lab.lab_nodes import is_leader
from lab.lab_record import find_process
from lab.lifecycle import NODE_STOP_S
from lab.pbx import process
from lab.session import LabSession
from routing.store.kinds import NUMBERS
from routing.store.lease.node_rows import NodeRow, read_nodes
from routing.store.reader import Reader
from tests.ministry import patient
from tests.system.conftest import NewLab
from tests.system.two_nodes.node_load import SERVED_S, NodeLinks, NodeLoad, open_load
from tests.until import until_async

pytestmark = [pytest.mark.system, pytest.mark.long]

TAKE_OVERS = int(os.environ.get("SANTRAL_TAKE_OVERS", "50"))
SEED = int(os.environ.get("SANTRAL_SEED", "1"))
REST_S = (1.0, 4.0)
"""Time between two take-overs, in which calls go on."""
BACK_S = 60.0
"""Limit until the former leader stands by again, on a busy machine."""


@asynccontextmanager
async def kill_node(lab: LabSession, links: NodeLinks, name: str) -> AsyncIterator[None]:
    """End the node with SIGKILL, and start it again afterwards."""
    await asyncio.to_thread(lab.kill_node, name)
    yield
    await lab.start_node(name)


@asynccontextmanager
async def freeze_node(lab: LabSession, links: NodeLinks, name: str) -> AsyncIterator[None]:
    """Stop the node with SIGSTOP, and let it go on afterwards."""
    lab.freeze_node(name)
    yield
    links.forget_acts(name)
    lab.thaw_node(name)


@asynccontextmanager
async def cut_node(lab: LabSession, links: NodeLinks, name: str) -> AsyncIterator[None]:
    """Let nothing pass between the node and both servers."""
    with stalled_links(links.to_database(name)):
        yield
        links.forget_acts(name)


@asynccontextmanager
async def stop_node(lab: LabSession, links: NodeLinks, name: str) -> AsyncIterator[None]:
    """Stop the node with SIGTERM, as an operator does, and start it again afterwards."""
    identity = find_process(lab.folder, lab.node(name).process)
    stopping = asyncio.create_task(asyncio.to_thread(process.end_process, identity, NODE_STOP_S))
    yield
    await stopping
    await lab.start_node(name)


Way = Callable[[LabSession, NodeLinks, str], AbstractAsyncContextManager[None]]
WAYS: dict[str, Way] = {"killed": kill_node, "frozen": freeze_node, "cut off": cut_node, "stopped": stop_node}
LIVES_ON = ("frozen", "cut off")
"""Ways after which the former leader stands down by itself."""


def read_node_rows(lab: LabSession) -> dict[str, NodeRow]:
    """Return what the store knows of each node."""
    with Reader(lab.info.store) as reader:
        return {row.name: row for row in reader.run_query(read_nodes)}


async def find_started(load: NodeLoad, after: float) -> float:
    """Wait until a node has begun to lead after a moment, and return the time of its journal."""
    found: list[float] = []

    async def started() -> bool:
        found[:] = [row["at"] for row in await load.ask_store(
            "select max(at) as at from journal where kind = ? and at > ?", NUMBERS["Started"], after)
            if row["at"] is not None]
        return bool(found)

    await until_async(started, SERVED_S, "a node begins to lead")
    return found[0]


async def check_moment(load: NodeLoad) -> None:
    """Assert that nobody talks twice at this moment, by the records."""
    for owner in ("contact", "agent"):
        doubled = await load.ask_store(
            f"select {owner} from offers where channel = 'voice' and connected_at is not null "
            f"and talk_ended_at is null and ended_at is null group by {owner} having count(*) > 1")
        assert not doubled, doubled


async def look_at_nodes(lab: LabSession, seen: dict[tuple[str, int], list[Usage]]) -> None:
    """Note memory and file handles of all processes of the nodes, until cancelled."""
    while True:
        for node in lab.info.nodes:
            with suppress(OSError, ValueError, StopIteration):
                identity = find_process(lab.folder, node.process)
                seen[node.name, identity.pid].append(read_usage(identity.pid))
        await asyncio.sleep(SAMPLE_S)


def judge_slopes(seen: dict[tuple[str, int], list[Usage]]) -> FaultRow:
    """Judge memory and file handles of each process, and of all processes of a node one after the other."""
    lives: dict[tuple[str, int], list[Usage]] = defaultdict(list)
    for (name, _), looks in sorted(seen.items(), key=lambda one: one[1][0].at):
        # A process that starts is small, so lives are compared by their last looks.
        lives[f"{name}, all lives", 0] += looks[-1:]
    row = FaultRow("take-overs", "", "")
    judge_usage(row, seen | lives)
    return row


async def bring_agents_back(load: NodeLoad) -> None:
    """Let agents press ready again whose phones were not answered while no node led."""
    for person in load.traffic.people:
        if (await person.fetch_view())["state"] == "not_responding":
            await person.ask_as_agent("resume")


async def stands_by(lab: LabSession, name: str, since: float) -> bool:
    """Return whether a node has begun to stand by after a moment, and may lead."""
    row = (await asyncio.to_thread(read_node_rows, lab)).get(name)
    return row is not None and row.role == "standby" and row.asterisk is not False and (row.since or 0.0) > since


async def test_fifty_take_overs_in_a_row(new_lab: NewLab, tmp_path: Path) -> None:
    links, history, draw = NodeLinks(), tmp_path / "history", random.Random(SEED)
    lab = await new_lab(nodes=2, store="postgres", standby=True, centre=patient(tmp_path), through=links.through,
                        history=history)
    decided: dict[str, list[float]] = defaultdict(list)
    seen: dict[tuple[str, int], list[Usage]] = defaultdict(list)
    async with open_load(lab, history) as load:
        looks = asyncio.create_task(look_at_nodes(lab, seen), name="looks")
        for number in range(1, TAKE_OVERS + 1):
            way = draw.choice(list(WAYS))
            leader, epoch = (await lab.find_leader()).name, load.epoch()
            other = next(node.name for node in lab.info.nodes if node.name != leader)
            # 1. The leader goes, and the other node leads, once.
            await load.begin_fault()
            async with WAYS[way](lab, links, leader):
                started = await find_started(load, load.fault_at)
                decided_s = await load.first_decision(started) + started - load.fault_at
                assert (await lab.find_leader()).name == other
            # 2. The former leader stands by, and has done nothing meanwhile.
            await until_async(partial(stands_by, lab, leader, load.fault_at), BACK_S, f"{leader} stands by ({way})")
            acts = links.count_acts(leader) if way in LIVES_ON else 0
            decided[way].append(decided_s)
            print(f"{number:3} {leader} {way:8} first decision {decided_s:5.2f} s, epoch {load.epoch()}, "
                  f"{load.live()} calls, fallback queue {load.fallbacks()}, acts of the old epoch {acts}", flush=True)
            assert [is_leader(node) for node in lab.info.nodes].count(True) == 1
            assert (load.epoch(), acts, load.find_misled()) == (epoch + 1, 0, [])
            await check_moment(load)
            await bring_agents_back(load)
            await asyncio.sleep(draw.uniform(*REST_S))
        looks.cancel()
        # 3. Everybody leaves and is in the records, and the nodes are as small as before.
        for way, times in sorted(decided.items()):
            print(f"{way}: {len(times)} times, median {statistics.median(times):.2f} s, most {max(times):.2f} s")
        slopes = judge_slopes(seen)
        print(*slopes.notes, sep="\n")
        await load.end(f"seed {SEED}, {TAKE_OVERS} take-overs {dict(Counter({k: len(v) for k, v in decided.items()}))}",
                       decided_s)
    await links.stop()
    assert not slopes.problems
