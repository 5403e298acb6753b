"""systemd's protocol, with a socket of ours in the place of the manager."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from santral.node.service_manager import ServiceManager

pytestmark = pytest.mark.unit


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


def said(manager: socket.socket) -> list[str]:
    found = []
    while True:
        try:
            found.append(manager.recv(100).decode())
        except BlockingIOError:
            return found


def test_a_node_is_ready_feeds_its_watchdog_and_stops(manager: socket.socket) -> None:
    now = [100.0]
    service = ServiceManager({"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "8000000",
                              "WATCHDOG_PID": str(os.getpid())}, lambda: now[0])
    assert service.feed_every_s == 2.0, "four signs of life in each interval"
    service.notify_ready()
    for step in (0.0, 0.5, 1.4, 0.2):
        now[0] += step
        service.feed_watchdog()
    service.notify_stopping()
    assert said(manager) == ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "STOPPING=1"]


@pytest.mark.parametrize("environment", [
    {}, {"WATCHDOG_USEC": "8000000"}, {"WATCHDOG_USEC": "x", "NOTIFY_SOCKET": "{where}"},
    {"WATCHDOG_USEC": "8000000", "WATCHDOG_PID": "1", "NOTIFY_SOCKET": "{where}"}])
def test_without_a_watchdog_of_its_own_nothing_is_fed(manager: socket.socket, environment: dict[str, str]) -> None:
    where = str(manager.getsockname())
    service = ServiceManager({key: value.format(where=where) for key, value in environment.items()})
    service.feed_watchdog()
    assert said(manager) == [] and service.feed_every_s == 0.0


def test_an_abstract_address_and_a_manager_that_is_gone(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        name = f"santral-test-{os.getpid()}"
        listening.bind(f"\0{name}")
        ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).notify_ready()
        listening.setblocking(False)
        assert said(listening) == ["READY=1"]
    ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).notify_ready()
