"""The dialogues of a node on a free port of the loopback, for tests that call them with `Dialler`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from ivr.agi.server import FastAgi
from ivr.app import Dialogues
from ivr.config import DISTRESS, USUAL, IvrSettings
from ivr.flow.model import Flow
from ivr.sounds import Folder
from routing.core.ids import AgentId, ServiceId
from routing.core.model import Service
from tests.fakes import menu
from tests.fakes.agi_dialler import Dialler
from tests.fakes.inbox import FakeInbox
from tests.until import LIMIT_S

NOW = 1_795_569_100.25
"""What its clock says."""
KEYS = {*menu.PROMPTS, *(f"sira-{n}" for n in range(1, 51)), *(f"{key}-yavas" for key in menu.PROMPTS)}
"""The sounds it has."""
SETTINGS = IvrSettings(node="one", comfort_s=0, place_s=0, waits={
    "psikososyal": replace(DISTRESS, first="bekleme-ilk", comfort=USUAL.comfort),
    "temsilci": replace(USUAL, callback_key="3")})
"""Every round of the hold loop has something to say."""

Serve = Callable[..., Awaitable[Dialogues]]
"""Starts a node for one test; arguments as of `serving`."""
Start = Callable[..., Awaitable[int]]
"""The same; its port."""


def services(anonymous: str) -> list[Service]:
    """Those of the ministry's menu; one asks nobody who they are."""
    return [Service(ServiceId(name), name, (), anonymous=name == anonymous) for name in menu.SERVICES]


def seal(number: str) -> tuple[str, str]:
    """Hash and box of a number, to be recognised."""
    return f"hash({number})", f"box({number})"


async def verify(agent: AgentId, pin: str) -> bool:
    """Only a1001 works here."""
    return (agent, pin) == ("a1001", "4321")


@asynccontextmanager
async def answering(server: FastAgi) -> AsyncIterator[int]:
    """A listener that answers; its port."""
    running = asyncio.create_task(server.run())
    await server.listening()
    try:
        yield server.address[1]
    finally:
        server.stop()
        await asyncio.wait_for(running, LIMIT_S)


@asynccontextmanager
async def serving(inbox: FakeInbox, flow: Flow | None = None, settings: IvrSettings = SETTINGS,
                  **other: Any) -> AsyncIterator[Dialogues]:
    """All dialogues, none of which failed. `flow` is the ministry's menu unless given; `other` as of `Dialogues`."""
    usual = {"sounds": Folder("/sounds", KEYS), "seal": seal, "verify_pin": verify, "services": services("psikososyal"),
             "agent_by_number": lambda number: AgentId(f"a{number}") if number == "1001" else None, "port": 0,
             "clock": lambda: NOW}
    dialogues = Dialogues(inbox, flow or menu.example(), settings=settings, **{**usual, **other})
    async with answering(dialogues.server):
        yield dialogues
    assert dialogues.server.counters.failed == 0


async def tick(port: int, key: str = "", **variables: str) -> Dialler:
    """One round of the hold loop."""
    return await Dialler(port, "tick", key, variables=variables).call()


def said(dialler: Dialler) -> list[str]:
    """What the dialplan is to say next."""
    return [name.rpartition("/")[2] for name in dialler.variables.get("ACD_SAY", "").split("&") if name]
