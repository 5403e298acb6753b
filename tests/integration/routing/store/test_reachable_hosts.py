"""A machine without power, named in the URL of the database, keeps no node from the machine that leads."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from lab.pbx.ports import PortBlock
from lab.private_postgres import PrivatePostgres
from routing.store import database
from routing.store.reachable_hosts import keep_reachable
from routing.store.store import Store
from tests.fakes import postgres
from tests.until import LIMIT_S

pytestmark = pytest.mark.integration

WAITERS = 8
"""Connections that nobody accepts: more than the kernel holds for a listener with a backlog of 0."""


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Yield a port whose packets get no answer, as those of a machine without power."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiters = [socket.socket() for _ in range(WAITERS)]
        for one in waiters:
            one.setblocking(False)
            with suppress(BlockingIOError):
                one.connect(listener.getsockname())
        yield listener.getsockname()[1]
        for one in waiters:
            one.close()


@pytest.fixture
def server() -> Iterator[PrivatePostgres]:
    ports = PortBlock()
    private = postgres.start_private(ports.free_port())
    yield private
    private.stop()
    ports.close()


async def test_a_node_reaches_its_database_past_a_machine_without_power(
        server: PrivatePostgres, silent_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "CONNECT_S", 10 * int(LIMIT_S))
    store = await Store.open_store(f"postgresql://santral@/postgres?host=127.0.0.1:{silent_port}"
                                   f"&host=127.0.0.1:{server.port}&target_session_attrs=primary",
                                   node=True, within_s=LIMIT_S)
    await store.take_lease("a")
    assert await store.last_fact() == 0, "the reader reaches it too"
    await store.close()


@pytest.mark.parametrize("hosts", ["127.0.0.1", "127.0.0.1,127.0.0.1"])
def test_hosts_stay_if_none_of_them_answers(hosts: str, silent_port: int) -> None:
    options: dict[str, Any] = {"host": hosts, "port": ",".join([str(silent_port)] * len(hosts.split(",")))}
    before = dict(options)
    keep_reachable(options)
    assert options == before


def test_a_refusal_is_no_answer_and_a_socket_file_is_always_tried(silent_port: int) -> None:
    with socket.socket() as refusing, socket.socket() as listener:
        refusing.bind(("127.0.0.1", 0))
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        own, other = listener.getsockname()[1], refusing.getsockname()[1]
        options: dict[str, Any] = {"host": "127.0.0.1,127.0.0.1,/run/postgresql,no-such-host.invalid,127.0.0.1",
                                   "port": f"{other},{own},,1,{silent_port}"}
        keep_reachable(options)
    assert options == {"host": "127.0.0.1,/run/postgresql", "port": f"{own},5432"}
