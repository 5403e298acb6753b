"""What system tests share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import up
from lab.asterisk import PrivateAsterisk
from lab.faults.proxy import Proxy
from lab.fetch import Program, asterisk
from lab.session import Lab
from tests.fakes.sip_uac import Telephone, telephone
from tests.system import ended, hostile
from tests.system import needs as needs_centre
from tests.system.stage import Stage

ASTERNIC = '\n[queue_log]\ncompat = "asternic"\n'
"""Of the shared lab, in which most transfers are made: what Asternic counts is looked at when it ends (`ended`)."""

NewLab = Callable[..., Awaitable[Lab]]
"""Starts a lab for one test alone; arguments as of `lab.up.up`."""


class Link:
    """The proxy between the node and its Asterisk, made while the lab starts."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.proxy: Proxy | None = None

    def through(self, place: str) -> str:
        """For `lab.up`, which runs in a thread: the address the node shall use."""
        host, _, port = place.rpartition(":")
        self.proxy = Proxy(host, int(port))
        return f"{host}:{asyncio.run_coroutine_threadsafe(self.proxy.start(), self._loop).result(10)}"


@pytest.fixture(scope="session")
def asterisk_tree() -> Program:
    """The cached Asterisk."""
    return asterisk(say=lambda text: print(f"lab: {text}"))


@pytest.fixture(scope="session")
def lab_session(asterisk_tree: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[up.Info]:
    """A running lab with the ministry's centre, shared by all tests that leave it as they found it."""
    folder = tmp_path_factory.mktemp("lab")
    info = up.up(folder=folder, extra=f"{up.ANY_HOUR}{ASTERNIC}", texts=up.NO_OFFER_S)
    try:
        yield info
    finally:
        ended.down(folder)


@pytest.fixture
async def lab(lab_session: up.Info) -> AsyncIterator[Lab]:
    """The shared lab in the hands of one test: at its end everybody has hung up and signed out."""
    async with Lab(lab_session) as lab:
        yield lab


@pytest.fixture
async def new_lab(asterisk_tree: Program, tmp_path: Path) -> AsyncIterator[NewLab]:
    """Labs of one test alone, for what a shared one would not survive."""
    started: list[Lab] = []

    async def start(**options: Any) -> Lab:
        folder = tmp_path / f"lab-{len(started)}"
        lab = Lab(await asyncio.to_thread(lambda: up.up(folder=folder, **options)))
        started.append(await lab.__aenter__())
        return lab

    try:
        yield start
    finally:
        for lab in started:
            await lab.network.__aexit__()
            await asyncio.to_thread(ended.down, lab.folder)


@pytest.fixture
async def link() -> AsyncIterator[Link]:
    """A link that can be cut: `new_lab(through=link.through)`."""
    link = Link()
    yield link
    if link.proxy is not None:
        await link.proxy.stop()


@pytest.fixture
async def stage(lab: Lab, tmp_path: Path) -> Stage:
    """The people of one test in the shared lab."""
    return Stage(lab, tmp_path)


@pytest.fixture(scope="session")
def needs_session(asterisk_tree: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[up.Info]:
    """A running lab whose agents need what a plain one does not (`tests.system.needs`)."""
    folder = tmp_path_factory.mktemp("needs")
    info = up.up(needs_centre.write(folder), folder / "lab", outside=needs_centre.NUMBERS)
    try:
        yield info
    finally:
        ended.down(folder / "lab")


@pytest.fixture(scope="session")
def guarded_session(asterisk_tree: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[up.Info]:
    """A running lab of its own, for tests of those who try what they may not."""
    folder = tmp_path_factory.mktemp("hostile")
    try:
        yield up.up(folder=folder, guarded=True)
    finally:
        ended.down(folder)


@pytest.fixture
def pbx(lab_session: up.Info, asterisk_tree: Program) -> PrivateAsterisk:
    """The console of a lab's Asterisk."""
    folder = Path(lab_session.state)
    return PrivateAsterisk(asterisk_tree, folder / "asterisk", folder / "pbx")


@pytest.fixture
async def carrier(lab: Lab) -> AsyncIterator[Telephone]:
    """Says whatever it likes, from an address of the trunk."""
    async with telephone(lab.info.sip, hostile.CARRIER) as phone:
        yield phone


@pytest.fixture
async def stranger(lab: Lab) -> AsyncIterator[Telephone]:
    """The same from an address that is nobody's."""
    async with telephone(lab.info.sip, hostile.STRANGER) as phone:
        yield phone


@pytest.fixture
async def needs(needs_session: up.Info, tmp_path: Path) -> AsyncIterator[Stage]:
    """The people of one test in that lab."""
    async with Lab(needs_session) as lab:
        yield Stage(lab, tmp_path)
