"""Two nodes on one PostgreSQL: one leads and the other stands by, whichever of them fails."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import create_engine, text

from lab.lifecycle import CENTRE, SOUNDS
from lab.pbx.ports import PortBlock
from routing.core.model.ids import ContactId
from routing.store.database import url_of
from routing.store.store import Store
from santral.secrets import NodeSecrets
from santral.standby.peer_nodes import READ_S
from tests.fakes.agi_dialler import Dialler
from tests.fakes.asterisk_ami import FakeAsterisk
from tests.fakes.node_process import NodeProcess, fake_asterisk
from tests.fakes.store_day import Day
from tests.until import until_async

pytestmark = pytest.mark.system

START_S = 60.0
"""Limit for the start of a node on a busy machine."""
C = ContactId("7.1")

StartNode = Callable[..., NodeProcess]


@pytest.fixture
def ports() -> Iterator[PortBlock]:
    block = PortBlock()
    yield block
    block.close()


@pytest.fixture
async def asterisk(tmp_path: Path) -> AsyncIterator[FakeAsterisk]:
    async with fake_asterisk(tmp_path / "a") as found:
        yield found


@pytest.fixture
def start_node(tmp_path: Path, ports: PortBlock, asterisk: FakeAsterisk, where: str) -> Iterator[StartNode]:
    """Start a node by its name. Its state folder has the secrets of node a."""
    started: list[NodeProcess] = []

    def start(name: str, folder: str = "", *, sounds: Path = SOUNDS, ami: int = 0) -> NodeProcess:
        state = tmp_path / (folder or name)
        if not state.exists():
            shutil.copytree(tmp_path / "a" / "secrets", state / "secrets")
        node = NodeProcess(state, ports, asterisk, where, name, sounds=sounds, ami=ami)
        started.append(node)
        return node

    yield start
    for node in started:
        node.end()


async def ask(node: NodeProcess, path: str) -> tuple[int, Any]:
    """Return status and answer of a node, or 0 if nothing listens."""
    try:
        async with aiohttp.ClientSession() as session, session.get(f"http://{node.http}{path}") as answer:
            return answer.status, await answer.json()
    except aiohttp.ClientError:
        return 0, None


async def read_metrics(node: NodeProcess) -> str:
    """Return the page for Prometheus."""
    async with aiohttp.ClientSession() as session, session.get(f"http://{node.http}/metrics") as answer:
        return await answer.text()


def listens(address: str) -> bool:
    """Return whether a program listens on an address."""
    host, _, port = address.partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def run_sql(where: str, statement: str) -> list[Any]:
    """Return the rows of a statement, as another program of the database would."""
    engine = create_engine(url_of(where))
    with engine.begin() as connection:
        found = connection.execute(text(statement))
        rows = list(found) if found.returns_rows else []
    engine.dispose()
    return rows


async def keep_waiting_contact(where: str, asterisk: FakeAsterisk) -> None:
    """Store a contact that waits, and let Asterisk have its caller."""
    store = await Store.open_store(where)
    day = Day(time.time() - 60.0)
    day.queue(C)
    await store.commit(day.turn())
    await store.close()
    leg = asterisk.caller(C).name
    run_sql(where, f"UPDATE contacts SET node = 'asterisk', service = 'uzaktan_egitim', leg = '{leg}'")


async def both(start_node: StartNode) -> tuple[NodeProcess, NodeProcess]:
    """Return node a, which leads, and node b, which stands by."""
    first = start_node("a")
    await until_async(first.is_ready, timeout=START_S)
    second = start_node("b")
    await until_async(second.stands_by, timeout=START_S)
    return first, second


async def test_a_standby_answers_as_one_and_opens_no_agi(start_node: StartNode) -> None:
    first, second = await both(start_node)
    assert [(await ask(first, f"/health/{path}"))[0] for path in ("live", "ready", "leader")] == [200, 200, 200]
    assert [(await ask(second, f"/health/{path}"))[0] for path in ("live", "ready", "leader")] == [200, 503, 503]
    assert (listens(first.agi), listens(second.agi)) == (True, False)

    async def leader_is_told() -> bool:
        status, body = await ask(second, "/api/v1/queue")
        return bool(status == 421 and body["error"] == "not_leading"
                    and body["detail"] == f"node 'a' leads at http://{first.http}")

    await until_async(leader_is_told)
    # Prometheus reads both: a standby is no fault, and counts nothing.
    assert ("acd_node_leads 1.0" in await read_metrics(first)) and ("acd_contacts_total" in await read_metrics(first))
    assert "acd_node_leads 0.0" in await read_metrics(second)
    assert "acd_contacts_total" not in await read_metrics(second)
    # A command at this node says so too.
    status = await asyncio.to_thread(subprocess.run, [sys.executable, "-m", "santral", "status", "--state",
        str(second.state)], capture_output=True, text=True, check=False)
    assert status.returncode and f"node 'a' leads at http://{first.http}" in status.stderr
    second.process.terminate()
    await until_async(lambda: second.process.poll() is not None)
    assert second.process.returncode == 0 and not (second.state / "node.json").exists()


async def test_a_killed_leader_is_followed_and_its_contacts_are_adopted(
        start_node: StartNode, asterisk: FakeAsterisk, where: str) -> None:
    await keep_waiting_contact(where, asterisk)
    first, second = await both(start_node)
    # The standby follows the facts, so its queue_log has the caller already.
    followed = second.state / "queue_log"
    await until_async(lambda: followed.exists() and f"|{C}|" in followed.read_text(encoding="utf-8"))
    first.process.send_signal(signal.SIGKILL)
    began = time.monotonic()

    async def leads() -> bool:
        return (await ask(second, "/health/leader"))[0] == 200

    await until_async(leads, timeout=START_S)
    await until_async(second.is_ready, timeout=START_S)
    print(f"the standby led after {time.monotonic() - began:.2f} s")
    assert followed.read_text(encoding="utf-8").count("|ENTERQUEUE|") == 1
    assert [tuple(row) for row in run_sql(where, f"SELECT state, outcome FROM contacts WHERE contact = '{C}'")] \
        == [("pending", None)]
    assert run_sql(where, "SELECT node, epoch > 1 FROM leases WHERE name = 'router'")[0] == ("b", True)
    # The node that failed comes back, and stands by.
    again = start_node("a")
    await until_async(again.stands_by, timeout=START_S)


async def test_a_stopped_leader_hands_over_while_its_menus_go_on(start_node: StartNode, where: str) -> None:
    """The menu was waited for until a limit, and new callers met no node for that long."""
    first, second = await both(start_node)
    key = NodeSecrets(first.state).agi_key()
    caller = Dialler(int(first.agi.rpartition(":")[2]), f"{key}/menu", "ana", variables={"SC_NUMBER": "05001234567"})
    caller.pause_s = 0.2
    call = asyncio.create_task(caller.call(START_S), name="caller")
    # The caller hears the menu, and the leader has read meanwhile that a node stands by.
    await until_async(lambda: len(caller.commands) > 3 * READ_S / caller.pause_s, what="the caller hears the menu")
    # 1. The other node has the lease while the caller is in the menu.
    first.process.terminate()
    await until_async(lambda: run_sql(where, "SELECT epoch FROM leases WHERE name = 'router'") == [(2,)],
                      what="the other node has the lease")
    assert not call.done()
    # 2. The caller chooses, and comes to the hold loop, where the other node takes over.
    caller.always = dict.fromkeys(("ana-menu", "ana-menu-1", "ana-menu-2"), "2")
    caller.keys = ["2"] * 20
    await call
    assert (caller.variables["ACD_NEXT"], caller.variables["SC_SERVICE"]) == ("hold", "uzaktan_egitim")
    await until_async(second.is_ready, timeout=START_S)
    assert await asyncio.to_thread(first.process.wait, START_S) == 0


async def test_a_frozen_leader_wakes_as_a_standby(start_node: StartNode) -> None:
    first, second = await both(start_node)
    first.process.send_signal(signal.SIGSTOP)
    await until_async(second.is_ready, timeout=START_S)
    first.process.send_signal(signal.SIGCONT)
    await until_async(first.stands_by, timeout=START_S)
    assert "node.stood_down" in first.said()
    # And it leads again when the other one stops.
    second.process.terminate()
    await until_async(lambda: first.said().count("node.ready") == 2, timeout=START_S)


async def test_a_name_that_is_used_twice_is_refused_in_a_sentence(start_node: StartNode) -> None:
    first, _ = await both(start_node)
    third = start_node("b", "c")
    await until_async(lambda: third.process.poll() is not None, timeout=START_S)
    assert third.process.returncode == 4
    assert "a node named 'b' already runs" in third.said() and "Traceback" not in third.said()
    assert first.process.poll() is None


async def test_a_bad_name_is_refused(start_node: StartNode) -> None:
    node = start_node("B b")
    await until_async(lambda: node.process.poll() is not None, timeout=START_S)
    assert node.process.returncode == 2 and "small letters" in node.said()


def list_nodes(settings: Path) -> dict[str, tuple[str, ...]]:
    """Return role, fitting keys, link and reason of each node, as `santral nodes` shows them."""
    shown = subprocess.run([sys.executable, "-m", "santral", "nodes", str(CENTRE), "--settings", str(settings),
                            "--json"], capture_output=True, text=True, check=True)
    return {row["node"]: (row["role"], row["keys fit"], row["asterisk"], row["reason"])
            for row in json.loads(shown.stdout)["tables"][0]["rows"]}


async def is_shown(settings: Path, node: str, *wanted: str) -> None:
    """Wait until a node is shown so."""
    async def shows() -> bool:
        return (await asyncio.to_thread(list_nodes, settings)).get(node) == wanted

    try:
        await until_async(shows, timeout=START_S, what=f"{node} is shown as {wanted}")
    except AssertionError as error:
        raise AssertionError(f"{error}; it is {list_nodes(settings)}") from None


async def test_a_node_that_could_not_lead_never_does_and_says_why(
        start_node: StartNode, tmp_path: Path, ports: PortBlock, where: str) -> None:
    first = start_node("a")
    settings = tmp_path / "a.toml"
    await until_async(first.is_ready, timeout=START_S)
    # 1. Wrong keys, an Asterisk that is not there, and missing prompts. Each process goes on and says why.
    (tmp_path / "b").mkdir()
    silent, sounds = ports.free_port(), tmp_path / "sounds"
    others = [start_node("b"), start_node("c", ami=silent), start_node("d", sounds=sounds)]
    for node in others:
        await until_async(node.stands_by, timeout=START_S)
    await is_shown(settings, "a", "leader", "yes", "yes", "")
    await is_shown(settings, "b", "barred", "no", "yes", "wrong keys")
    await is_shown(settings, "c", "barred", "yes", "no", f"this node reaches no Asterisk at 127.0.0.1:{silent}")
    await is_shown(settings, "d", "barred", "yes", "yes", "prompts missing")
    # 2. Nobody leads when the leader ends, though the lease is free.
    first.process.terminate()
    await until_async(lambda: first.process.poll() is not None, timeout=START_S)
    await is_shown(settings, "a", "gone", "yes", "", "")
    assert {one[0] for one in list_nodes(settings).values()} == {"gone", "barred"}
    # 3. A repaired cause makes a node fit without a restart, and it leads.
    sounds.symlink_to(SOUNDS)
    await until_async(others[2].is_ready, timeout=START_S)
    # 4. So do the secrets of the first node, which are copied while the other one runs.
    shutil.rmtree(tmp_path / "b/secrets")
    shutil.copytree(tmp_path / "a/secrets", tmp_path / "b/secrets")
    await is_shown(settings, "b", "standby", "yes", "yes", "")
    # 5. Older code than the tables.
    run_sql(where, "UPDATE alembic_version SET version_num = '9999'")
    start_node("e")
    await is_shown(settings, "e", "barred", "yes", "yes", "older than the tables")


async def test_a_leader_that_asterisk_refuses_stands_by(
        start_node: StartNode, tmp_path: Path, asterisk: FakeAsterisk) -> None:
    node = start_node("a")
    await until_async(node.is_ready, timeout=START_S)
    users = dict(asterisk.users)
    asterisk.users.update(dict.fromkeys(users, "changed"))
    asterisk.cut()
    await until_async(node.stands_by, timeout=START_S)
    assert "Traceback" not in node.said()
    asterisk.users.update(users)
    await until_async(lambda: node.said().count("node.ready") == 2, timeout=START_S)
