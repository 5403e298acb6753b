"""Several nodes on one PostgreSQL: each has a name, one leads, and the others see at once that its session ended."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from routing.store.database import url_of
from routing.store.errors import LeaseLost, NameTaken
from routing.store.lease import lease_keeper, lease_row
from routing.store.lease.node_rows import read_nodes, write_barred
from routing.store.reader import Reader
from routing.store.store import Store
from tests.fakes.store_day import Day
from tests.until import until_async

pytestmark = pytest.mark.integration

FAR = "host = 'another boot', pid = 1"
"""Values that make a process of this machine one of another machine."""


@pytest.fixture
async def leader(where: str) -> AsyncIterator[Store]:
    """Node a, which leads."""
    store = await Store.open_store(where, node=True)
    await store.claim_name("a")
    assert await store.try_lease("a") is None
    yield store
    await store.close()


@pytest.fixture
async def standby(where: str, leader: Store) -> AsyncIterator[Store]:
    """Node b, which has a name and no lease."""
    store = await Store.open_store(where, node=True)
    await store.claim_name("b")
    yield store
    await store.close()


def run_sql(where: str, statement: str) -> None:
    """Change the database as another program would."""
    engine = create_engine(url_of(where))
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def end_session(where: str, name: str) -> None:
    """End the session that holds a lease."""
    run_sql(where, "SELECT pg_terminate_backend(CAST(split_part(backend, ' ', 1) AS int)) FROM leases "
                   f"WHERE name = '{name}'")


async def test_a_name_is_used_by_one_living_process(where: str, leader: Store) -> None:
    other = await Store.open_store(where, node=True)
    with pytest.raises(NameTaken, match=r"a node named 'a' already runs on this machine.*--node NAME"):
        await other.claim_name("a")
    run_sql(where, f"UPDATE leases SET {FAR}")
    with pytest.raises(NameTaken, match="on another machine"):
        await other.claim_name("a", patience_s=0.0)
    await leader.close()
    await other.claim_name("a")
    await other.close()


async def test_a_process_takes_its_own_name_again(where: str, leader: Store) -> None:
    """A server that hangs in a commit keeps the session of a node that has left it."""
    other = await Store.open_store(where, node=True)
    await other.claim_name("a", again=True)
    await other.close()


async def test_a_name_of_a_process_that_ended_is_free_at_once(where: str, leader: Store) -> None:
    run_sql(where, f"UPDATE leases SET {FAR}")
    end_session(where, "node a")
    other = await Store.open_store(where, node=True)
    await other.claim_name("a", patience_s=lease_row.RENEW_S)
    await other.close()


async def test_a_node_whose_name_was_taken_while_it_was_frozen_hears_of_it(
        where: str, standby: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_keeper, "RENEW_S", 0.0)
    run_sql(where, "UPDATE leases SET epoch = 9 WHERE name = 'node b'")
    with pytest.raises(LeaseLost, match="taken its name"):
        await standby.try_lease("b")


async def test_a_standby_learns_who_leads_and_what_the_leader_says(
        where: str, leader: Store, standby: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_keeper, "RENEW_S", 0.05)
    leader.describe_node(lambda: '{"http": "127.0.0.1:8063"}')
    keeping = asyncio.create_task(leader.keep_lease())

    async def heard() -> bool:
        held = await standby.try_lease("b")
        return held is not None and (held.node, held.about) == ("a", '{"http": "127.0.0.1:8063"}')

    await until_async(heard)
    keeping.cancel()


async def test_the_lease_is_free_at_once_when_its_holders_session_ends(
        where: str, leader: Store, standby: Store) -> None:
    run_sql(where, f"UPDATE leases SET {FAR}")
    assert await standby.try_lease("b") is not None
    assert leader.may_act()
    end_session(where, "router")
    await until_async(lambda: not leader.may_act(), what="the former holder knows by itself")

    async def leads() -> bool:
        return await standby.try_lease("b") is None

    await until_async(leads)
    assert standby.may_act()
    day = Day()
    day.queue("c1")
    with pytest.raises(LeaseLost, match="taken it over"):
        await leader.commit(day.turn())
    await standby.commit(day.turn())


async def test_a_session_of_another_server_is_waited_for(where: str, leader: Store, standby: Store) -> None:
    """After a failover the old server may still answer its node, so the end of the lease counts."""
    run_sql(where, f"UPDATE leases SET {FAR}, backend = split_part(backend, ' ', 1) || ' 1.0 2.0'")
    assert await standby.try_lease("b") is not None
    run_sql(where, "UPDATE leases SET expires = 0")
    assert await standby.try_lease("b") is None


async def test_a_process_leads_again_at_once_on_another_server(where: str, leader: Store) -> None:
    """After a failover nobody has to wait for a node that has left its former store."""
    run_sql(where, "UPDATE leases SET backend = split_part(backend, ' ', 1) || ' 1.0 2.0'")
    other = await Store.open_store(where, node=True)
    await other.claim_name("a", again=True)
    assert await other.try_lease("a") is None and other.may_act()
    day = Day()
    day.queue("c1")
    with pytest.raises(LeaseLost, match="taken it over"):
        await leader.commit(day.turn())
    await other.commit(day.turn())
    await other.close()


async def test_a_session_that_ended_and_came_back_keeps_the_lease(where: str, leader: Store) -> None:
    end_session(where, "router")
    await until_async(lambda: not leader.may_act())
    keeping = asyncio.create_task(leader.keep_lease())
    await until_async(leader.may_act, what="the next renewal has a new session")
    keeping.cancel()


async def test_names_that_nobody_uses_are_forgotten(where: str, leader: Store) -> None:
    run_sql(where, "INSERT INTO leases SELECT 'node old', 'old', epoch, 1.0, host, pid, started, backend, about "
                   "FROM leases WHERE name = 'router'")
    other = await Store.open_store(where, node=True)
    await other.claim_name("new")
    await other.close()
    engine = create_engine(url_of(where))
    with engine.connect() as connection:
        names = set(connection.execute(text("SELECT name FROM leases")).scalars())
    engine.dispose()
    assert names == {"router", "node a", "node new"}


async def test_a_barred_node_says_why_and_disturbs_no_living_one(where: str, leader: Store) -> None:
    run_sql(where, f"UPDATE leases SET {FAR}")
    with pytest.raises(NameTaken):
        await asyncio.to_thread(write_barred, where, "a", '{"why": "wrong keys"}')
    # Each try of the node says it again, under the name that it has already.
    for why in ("wrong keys", "older than the tables"):
        await asyncio.to_thread(write_barred, where, "b", json.dumps({"why": why, "now": time.time() + 90.0}))
    with Reader(where) as reader:
        one, other = reader.run_query(read_nodes)
    assert (one.name, one.role, one.epoch, one.why) == ("a", "leader", 1, "")
    assert (other.name, other.role, other.epoch, other.why) == ("b", "barred", None, "older than the tables")
    assert one.clock_s is None and other.clock_s is not None and 80.0 < other.clock_s < 100.0
    # The keys were copied, and the node claims its name as any other.
    store = await Store.open_store(where, node=True)
    await store.claim_name("b", again=True)
    with Reader(where) as reader:
        assert [one.role for one in reader.run_query(read_nodes)] == ["leader", "standby"]
    await store.close()


async def test_secrets_that_are_not_those_of_the_leader_are_named(where: str, leader: Store) -> None:
    marks = {"ami": "1", "pins": "2", "notes": "3"}
    for name, found in (("a", marks), ("b", marks), ("c", {"ami": "1", "pins": "9"}), ("old", None)):
        about = json.dumps({"role": "standby"} | ({} if found is None else {"secrets": found}))
        run_sql(where, f"UPDATE leases SET about = '{about}' WHERE name = 'node a'" if name == "a" else
                "INSERT INTO leases SELECT 'node " + name + "', '" + name + "', epoch, expires, host, pid, started, "
                f"backend, '{about}' FROM leases WHERE name = 'node a'")
    with Reader(where) as reader:
        rows = reader.run_query(read_nodes)
    assert {one.name: one.other_secrets for one in rows} == {"a": (), "b": (), "c": ("notes", "pins"), "old": ()}


async def test_a_node_that_may_not_lead_leaves_a_free_lease_alone(where: str, standby: Store, leader: Store) -> None:
    await leader.release_lease()
    assert await standby.try_lease("b", only_look=True) is None and not standby.may_act()
    assert await standby.try_lease("b") is None and standby.may_act()


async def test_the_one_node_of_a_file_is_shown_by_its_lease(tmp_path: Path) -> None:
    store = await Store.open_store(tmp_path / "santral.db", node=True)
    await store.claim_name("asterisk")
    await store.take_lease("asterisk")
    with Reader(tmp_path / "santral.db") as reader:
        assert [(one.name, one.role, one.epoch) for one in reader.run_query(read_nodes)] == [("asterisk", "leader", 1)]
        await store.close()
        assert [one.role for one in reader.run_query(read_nodes)] == ["gone"]
