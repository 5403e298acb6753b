"""The AMI side of a node against a fake Asterisk, for tests of what it tells and what it has done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from routing.ami.asterisk_session import AsteriskSession, LiveCalls
from routing.ami.link import Login, Timing
from routing.ami.settings import AsteriskSettings, SessionPace
from routing.core.events import Event, LinkChanged
from routing.core.model.centre_model import AnswerMode, OfferState
from routing.core.model.commands import Offer, Partner
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.model.live_calls import LiveContact, LiveOffer
from tests.fakes.asterisk_ami import FakeAsterisk
from tests.until import LIMIT_S, until_async

C, LEG, NODE = ContactId("7.1"), "o3-7.1", "one"
UP, DOWN = LinkChanged(NODE, True), LinkChanged(NODE, False)
PENDING = LiveOffer(OfferId(3), C, AgentId("a1"), SeatId("2001"), OfferState.PENDING, False, LEG)
TALKING = PENDING._replace(state=OfferState.ACCEPTED, answered=True)


MATE = Partner(AgentId("a2"), SeatId("2002"), AnswerMode.MANUAL, False)


PATIENT = Timing(connect=LIMIT_S, login=LIMIT_S, action=LIMIT_S, ping_every=LIMIT_S, pong=LIMIT_S)
"""Limits that a busy machine never reaches: the link is lost only if the test takes it away."""
HASTY = Timing(connect=2, login=2, action=0.3, ping_every=0.05, pong=0.2)
"""Limits that a test waits for."""


class Node:
    """A switch, what it told, and what the engine is said to believe. `hasty`: the test waits for limits."""

    def __init__(self, asterisk: FakeAsterisk, tmp: Path, *, hasty: bool = False, audit_s: float = 60.0,
                 **memory: Any) -> None:
        self.asterisk = asterisk
        self.told: list[Event] = []
        self.contacts: list[LiveContact] = []
        self.offers: list[LiveOffer] = []
        self.cel = tmp / "cel.csv"
        where = ("127.0.0.1", asterisk.port)
        self.switch = AsteriskSession(
            AsteriskSettings(NODE, Login(*where, "engine-events", "e1", "system,call"),
                           Login(*where, "engine-actions", "a1"), "4440632", self.cel),
            self.told.append, self._live, timing=HASTY if hasty else PATIENT,
            pace=SessionPace(boot=0.5 if hasty else LIMIT_S, audit=audit_s, settle=0.02, rescind=0.02, refusals=0.2),
            **memory)
        self.task: asyncio.Task[None] | None = None

    def _live(self) -> LiveCalls:
        return self.contacts, self.offers

    async def __aenter__(self) -> Node:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        self.task = asyncio.create_task(self.switch.run_session())
        await self.until(lambda: self.switch.connected)

    async def until(self, condition: Callable[[], object]) -> None:
        await until_async(condition, what=f"told: {self.told}")

    async def heard(self, *events: Event) -> None:
        await self.until(lambda: all(event in self.told for event in events))

    async def stop(self) -> None:
        if self.task is not None and not self.task.done():
            self.task.cancel()
            await asyncio.wait([self.task])


def offer(**changes: object) -> Offer:
    return Offer(OfferId(3), C, "PJSIP/trunk-00000000", AgentId("a1"), SeatId("2001"), ServiceId("ps"), "Görüş",
                 15.0, AnswerMode.MANUAL, False, 5.0)._replace(**changes)  # type: ignore[arg-type]
