"""Faults of two nodes on one PostgreSQL with a standby: who leads dies, freezes, loses the database or Asterisk."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from lab.faults.fault_place import FaultPlace
from lab.faults.proxy import stalled_links
from lab.lab_postgres import LabPostgres
from lab.planted_release import plant_release

PROMOTION_S = 10.0
"""Time until a dead primary is replaced (Patroni needs 3 to 25 s)."""
BESIDE_S = 3.0
"""Time between the first and the second of two faults."""
FLAP_S = 4.0
"""Time for which a link that comes and goes is away, and is there. A leader hands over after 3 s of silence."""
FLAPPING_S = 60.0
"""Time for which a link comes and goes."""
CHANGES_MAX = 2
"""Most changes of the leader in that time."""


@asynccontextmanager
async def kill_leader(place: FaultPlace) -> AsyncIterator[None]:
    """Kill the node that leads. The keeper starts it again, and it stands by."""
    before = _epoch(place)
    leader = (await place.lab.find_leader()).name
    await asyncio.to_thread(place.lab.kill_node, leader)
    yield
    _note_epochs(place, before)


@asynccontextmanager
async def freeze_leader(place: FaultPlace) -> AsyncIterator[None]:
    """Stop the node that leads with SIGSTOP, and continue it when the other one has led for a while."""
    before = _epoch(place)
    leader = (await place.lab.find_leader()).name
    place.lab.freeze_node(leader)
    try:
        yield
    finally:
        place.lab.thaw_node(leader)
    _note_epochs(place, before)


@asynccontextmanager
async def kill_primary(place: FaultPlace) -> AsyncIterator[None]:
    """Kill the primary of the database, and promote its standby."""
    pair = place.lab.postgres
    await asyncio.to_thread(pair.primary.kill)
    yield
    await asyncio.to_thread(pair.standby.promote)


@asynccontextmanager
async def kill_standby(place: FaultPlace) -> AsyncIterator[None]:
    """Kill the standby of the database. Commits wait while people go on, until the primary lets go of it, as Patroni
    lets it."""
    pair = place.lab.postgres
    await asyncio.to_thread(pair.standby.kill)
    release = asyncio.create_task(_release_commits(pair), name="fault.release")
    yield
    await release


async def _release_commits(pair: LabPostgres) -> None:
    await asyncio.sleep(BESIDE_S)
    await asyncio.to_thread(pair.release_commits)


@asynccontextmanager
async def freeze_database(place: FaultPlace) -> AsyncIterator[None]:
    """Stop all processes of the primary, and continue them."""
    pair = place.lab.postgres
    pair.primary.freeze()
    try:
        yield
    finally:
        pair.primary.thaw()


@asynccontextmanager
async def part_from_database(place: FaultPlace) -> AsyncIterator[None]:
    """Let nothing pass between the node that leads and the database, in both directions and without FIN."""
    before = _epoch(place)
    with stalled_links(await place.find_leader_links("primary", "standby")):
        yield
    _note_epochs(place, before)


@asynccontextmanager
async def part_from_asterisk(place: FaultPlace) -> AsyncIterator[None]:
    """Let nothing pass between the node that leads and Asterisk's AMI."""
    before = _epoch(place)
    with stalled_links(await place.find_leader_links("ami")):
        yield
    _note_epochs(place, before)


@asynccontextmanager
async def flap_asterisk(place: FaultPlace) -> AsyncIterator[None]:
    """Cut whichever node leads from Asterisk's AMI again and again. A node that follows each cut is a problem."""
    before, ends = _epoch(place), time.monotonic() + FLAPPING_S
    while time.monotonic() < ends:
        with stalled_links(await place.find_leader_links("ami")):
            await asyncio.sleep(FLAP_S)
        await asyncio.sleep(FLAP_S)
    if (taken := _epoch(place) - before) > CHANGES_MAX:
        place.problems.append(f"the leader changed {taken} times")
    yield
    _note_epochs(place, before)


@asynccontextmanager
async def part_both_from_database(place: FaultPlace) -> AsyncIterator[None]:
    """Let nothing pass between both nodes and the database."""
    before = _epoch(place)
    with stalled_links(place.links.values()):
        yield
    _note_epochs(place, before)


@asynccontextmanager
async def lose_standby(place: FaultPlace) -> AsyncIterator[None]:
    """Kill the standby of the database, on which each commit waits, and let go of it at the end."""
    pair = place.lab.postgres
    await asyncio.to_thread(pair.standby.kill)
    try:
        yield
    finally:
        await asyncio.to_thread(pair.release_commits)


@asynccontextmanager
async def freeze_session(place: FaultPlace) -> AsyncIterator[None]:
    """Stop the process of the database that serves the node that leads, and continue it."""
    before = _epoch(place)
    session = int(str(place.lab.query_store("select backend from leases where name = ?", "router")[0]["backend"])
                  .split()[0])
    os.kill(session, signal.SIGSTOP)
    try:
        yield
    finally:
        # Nobody else may have ended a process that is held.
        with suppress(ProcessLookupError):
            os.kill(session, signal.SIGCONT)
    _note_epochs(place, before)


@asynccontextmanager
async def make_own_keys(place: FaultPlace) -> AsyncIterator[None]:
    """Kill both nodes and take the keys of who stood by, so that it makes new ones. Bring its keys back at the end."""
    leader = (await place.lab.find_leader()).name
    other = next(one for one in place.lab.info.nodes if one.name != leader)
    own = Path(other.state) / "secrets"
    kept = own.with_name("secrets.kept")
    own.rename(kept)
    await asyncio.gather(*(asyncio.to_thread(place.lab.kill_node, one.name) for one in place.lab.info.nodes))
    yield
    if (await place.lab.find_leader()).name != leader:
        place.problems.append(f"node {other.name} led with its own keys")
    place.notes.append(f"node {other.name} had {'its own keys' if own.exists() else 'no keys'}, and {leader} led")
    await asyncio.to_thread(shutil.rmtree, own, True)
    kept.rename(own)
    await asyncio.to_thread(place.lab.kill_node, other.name)


@asynccontextmanager
async def upgrade_nodes(place: FaultPlace) -> AsyncIterator[None]:
    """Bring a newer release to one node after the other, first to who stands by, and then this one back."""
    before = _epoch(place)
    tree = await asyncio.to_thread(plant_release, place.lab.folder / "newer")
    place.keeps = False
    for release in (tree, None):
        leader = (await place.lab.find_leader()).name
        for node in sorted(place.lab.info.nodes, key=lambda one: one.name == leader):
            await place.lab.change_release(node.name, release)
    place.keeps = True
    yield
    _note_epochs(place, before)


@asynccontextmanager
async def kill_leader_and_primary(place: FaultPlace) -> AsyncIterator[None]:
    """Kill the primary of the database and, while there is none, the node that leads."""
    pair = place.lab.postgres
    leader = (await place.lab.find_leader()).name
    await asyncio.to_thread(pair.primary.kill)
    await asyncio.sleep(BESIDE_S)
    await asyncio.to_thread(place.lab.kill_node, leader)
    yield
    await asyncio.to_thread(pair.standby.promote)


def _epoch(place: FaultPlace) -> int:
    return int(place.lab.query_store("select epoch from leases where name = ?", "router")[0]["epoch"])


def _note_epochs(place: FaultPlace, before: int) -> None:
    taken = _epoch(place) - before
    place.notes.append(f"the lease was taken {taken} time{'' if taken == 1 else 's'}")
