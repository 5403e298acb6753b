"""Fixtures of the system tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import lifecycle
from lab.faults.proxy import TcpProxy
from lab.pbx.asterisk import PrivateAsterisk
from lab.pbx.fetch import AsteriskProgram, find_asterisk
from lab.pbx.ports import PortBlock
from lab.session import LabSession
from tests.fakes.sip_uac import Telephone, telephone
from tests.system import ended, hostile
from tests.system import needs as needs_centre
from tests.system.stage import Stage
from tests.until import LIMIT_S

ASTERNIC = '\n[queue_log]\ncompat = "asternic"\n'
"""Setting of the shared lab, in which most transfers are made. `ended` looks at the counts of Asternic when it ends."""

NewLab = Callable[..., Awaitable[LabSession]]
"""Starts a lab for one test alone; arguments as of `lab.lifecycle.up`."""


class Link:
    """The proxy between the node and its Asterisk, made while the lab starts."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.proxy: TcpProxy | None = None

    def through(self, link: str, place: str) -> str:
        """For `lab.lifecycle`, which runs in a thread: the address the node shall use."""
        if link != "a.ami":
            return place
        host, _, port = place.rpartition(":")
        self.proxy = TcpProxy(host, int(port))
        return f"{host}:{asyncio.run_coroutine_threadsafe(self.proxy.start_listening(), self._loop).result(LIMIT_S)}"


@pytest.fixture(scope="session")
def asterisk_tree() -> AsteriskProgram:
    """The cached Asterisk."""
    return find_asterisk(say=lambda text: print(f"lab: {text}"))


@pytest.fixture(scope="session")
def lab_session(asterisk_tree: AsteriskProgram,
        tmp_path_factory: pytest.TempPathFactory) -> Iterator[lifecycle.LabInfo]:
    """A running lab with the ministry's centre, shared by all tests that leave it as they found it."""
    folder = tmp_path_factory.mktemp("lab")
    info = lifecycle.start_lab(folder=folder, extra=f"{lifecycle.ANY_HOUR}{ASTERNIC}", texts=lifecycle.NO_OFFER_S)
    try:
        yield info
    finally:
        ended.down(folder)


@pytest.fixture
async def lab(lab_session: lifecycle.LabInfo) -> AsyncIterator[LabSession]:
    """The shared lab in the hands of one test: at its end everybody has hung up and signed out."""
    async with LabSession(lab_session) as lab:
        yield lab


@pytest.fixture
async def new_lab(asterisk_tree: AsteriskProgram, tmp_path: Path) -> AsyncIterator[NewLab]:
    """Labs of one test alone, for what a shared one would not survive."""
    started: list[LabSession] = []

    async def start(**options: Any) -> LabSession:
        folder = tmp_path / f"lab-{len(started)}"
        lab = LabSession(await asyncio.to_thread(lambda: lifecycle.start_lab(folder=folder, **options)))
        started.append(await lab.__aenter__())
        return lab

    try:
        yield start
    finally:
        for lab in started:
            await lab.network.__aexit__()
            await asyncio.to_thread(ended.down, lab.folder)


@pytest.fixture
def broker_port() -> Iterator[int]:
    """Yield a port for a broker that begins later. No connection of this machine is given it meanwhile."""
    ports = PortBlock()
    yield ports.free_port()
    ports.close()


@pytest.fixture
async def link() -> AsyncIterator[Link]:
    """A link that can be cut: `new_lab(through=link.through)`."""
    link = Link()
    yield link
    if link.proxy is not None:
        await link.proxy.stop_listening()


@pytest.fixture
async def stage(lab: LabSession, tmp_path: Path) -> Stage:
    """The people of one test in the shared lab."""
    return Stage(lab, tmp_path)


@pytest.fixture(scope="session")
def needs_session(asterisk_tree: AsteriskProgram,
        tmp_path_factory: pytest.TempPathFactory) -> Iterator[lifecycle.LabInfo]:
    """Yield a lab whose agents have accommodations (`tests.system.needs`)."""
    folder = tmp_path_factory.mktemp("needs")
    info = lifecycle.start_lab(needs_centre.write(folder), folder / "lab", outside=needs_centre.NUMBERS)
    try:
        yield info
    finally:
        ended.down(folder / "lab")


@pytest.fixture(scope="session")
def guarded_session(asterisk_tree: AsteriskProgram,
        tmp_path_factory: pytest.TempPathFactory) -> Iterator[lifecycle.LabInfo]:
    """Yield a separate lab for tests of attackers."""
    folder = tmp_path_factory.mktemp("hostile")
    try:
        yield lifecycle.start_lab(folder=folder, guarded=True)
    finally:
        ended.down(folder)


@pytest.fixture
def pbx(lab_session: lifecycle.LabInfo, asterisk_tree: AsteriskProgram) -> PrivateAsterisk:
    """The console of a lab's Asterisk."""
    folder = Path(lab_session.state)
    return PrivateAsterisk(asterisk_tree, folder / "asterisk", folder / "pbx")


@pytest.fixture
async def carrier(lab: LabSession) -> AsyncIterator[Telephone]:
    """Yield a telephone at an address of the trunk that sends whatever a test wants."""
    async with telephone(lab.info.sip, hostile.CARRIER) as phone:
        yield phone


@pytest.fixture
async def stranger(lab: LabSession) -> AsyncIterator[Telephone]:
    """Yield a telephone at an address that belongs to nobody."""
    async with telephone(lab.info.sip, hostile.STRANGER) as phone:
        yield phone


@pytest.fixture
async def needs(needs_session: lifecycle.LabInfo, tmp_path: Path) -> AsyncIterator[Stage]:
    """The people of one test in that lab."""
    async with LabSession(needs_session) as lab:
        yield Stage(lab, tmp_path)
