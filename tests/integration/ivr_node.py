"""The dialogues of a node on a free port of the loopback, for tests that call them with `Dialler`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from ivr.agi.server import FastAgi
from ivr.dialogues import Dialogues
from ivr.flow.menu_model import MenuFlow
from ivr.settings import DEFAULT_HOLD, DISTRESS_HOLD, IvrSettings
from ivr.sounds import SoundFolder
from routing.core.model.centre_model import Service
from routing.core.model.ids import AgentId, ServiceId
from tests.fakes import menu
from tests.fakes.agi_dialler import Dialler
from tests.fakes.inbox import FakeInbox
from tests.until import LIMIT_S

NOW = 1_795_569_100.25
"""The time of the node's clock."""
KEYS = {*menu.PROMPTS, *(f"sira-{n}" for n in range(1, 51)), *(f"{key}-yavas" for key in menu.PROMPTS)}
"""The sounds of the node."""
SETTINGS = IvrSettings(node="one", comfort_s=0, place_s=0, waits={
    "psikososyal": replace(DISTRESS_HOLD, first="bekleme-ilk", comfort=DEFAULT_HOLD.comfort),
    "temsilci": replace(DEFAULT_HOLD, callback_key="3")})
"""Every round of the hold loop has something to say."""

Serve = Callable[..., Awaitable[Dialogues]]
"""Starts a node for one test, with the arguments of `serving`."""
Start = Callable[..., Awaitable[int]]
"""Starts a node and returns its port."""


def services(anonymous: str) -> list[Service]:
    """Return the services of the ministry's menu, one of them anonymous."""
    return [Service(ServiceId(name), name, (), anonymous=name == anonymous) for name in menu.SERVICES]


def seal(number: str) -> tuple[str, str]:
    """Return a hash and an encrypted number that can be recognised."""
    return f"hash({number})", f"box({number})"


async def verify(agent: AgentId, pin: str) -> bool:
    """Return whether the agent is a1001, the only agent here."""
    return (agent, pin) == ("a1001", "4321")


@asynccontextmanager
async def answering(server: FastAgi) -> AsyncIterator[int]:
    """Yield the port of a listener that answers."""
    running = asyncio.create_task(server.run())
    await server.wait_listening()
    try:
        yield server.address[1]
    finally:
        server.stop()
        await asyncio.wait_for(running, LIMIT_S)


@asynccontextmanager
async def serving(inbox: FakeInbox, flow: MenuFlow | None = None, settings: IvrSettings = SETTINGS,
                  **other: Any) -> AsyncIterator[Dialogues]:
    """All dialogues, none of which failed. `flow` is the ministry's menu unless given; `other` as of `Dialogues`."""
    usual = {"sounds": SoundFolder("/sounds", KEYS), "seal": seal, "verify_pin": verify,
        "services": services("psikososyal"),
             "agent_by_number": lambda number: AgentId(f"a{number}") if number == "1001" else None, "port": 0,
             "clock": lambda: NOW}
    dialogues = Dialogues(inbox, flow or menu.example(), settings=settings, **{**usual, **other})
    async with answering(dialogues.server):
        yield dialogues
    assert dialogues.server.counters.failed == 0


async def tick(port: int, key: str = "", **variables: str) -> Dialler:
    """Run one round of the hold loop."""
    return await Dialler(port, "tick", key, variables=variables).call()


def said(dialler: Dialler) -> list[str]:
    """Return the sounds that the dialplan plays next."""
    return [name.rpartition("/")[2] for name in dialler.variables.get("ACD_SAY", "").split("&") if name]
