"""Somebody who answers in a script: signs in, speaks a tone, and hears whether the caller is there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress

from lab.audiosocket import Exchange, Line
from lab.ear import Voices
from lab.errors import LabError
from lab.leg import Leg
from lab.network import Behaviour
from lab.person import Person

LATELY_S = 0.6
"""The caller counts as heard when the agent did so within this: between two pieces of sound, and a little."""


class Answerer:
    """One agent of one script."""

    def __init__(self, person: Person, answer: str, exchange: Exchange, tones: Iterator[int], caller: int) -> None:
        """`answer`: as `Behaviour.answer`. `caller`: the caller's tone, in Hz."""
        self.person = person
        self.hertz = next(tones)
        self.service = ""
        """What the talk is about, as the node says; empty while it is not known."""
        self._answer, self._exchange = answer, exchange
        self._ear = Voices((caller,))
        self._heard_s = self._heard_at = 0.0
        self._line: Line | None = None
        self._asked: asyncio.Task[None] | None = None
        self._live = exchange.expect(self._came)

    async def sign_in(self) -> None:
        """The phone acts as written from its next ring on. Raises LabError."""
        await self.person.sign_in(Behaviour(self._answer, live=self._live))

    async def leave(self) -> None:
        """Hang up and sign out, whatever the agent was doing."""
        if self._asked is not None:
            self._asked.cancel()
        if self._line is not None:
            self._line.close()
        self._exchange.forget(self._live)
        with suppress(LabError):
            await self.person.sign_out()
        with suppress(LabError):
            await self.person.behave(Behaviour())

    async def is_ready(self) -> bool:
        """As the node says."""
        return bool((await self.person.view())["state"] == "ready")

    def listen(self) -> None:
        """To what has come since the last time."""
        if self._line is None:
            return
        for event in self._ear.take(self._line.take()):
            self._heard_s, self._heard_at = event.until - event.began, asyncio.get_running_loop().time()

    @property
    def hears_s(self) -> float:
        """So long the agent hears the caller by now, without a pause."""
        return self._heard_s if asyncio.get_running_loop().time() - self._heard_at < LATELY_S else 0.0

    def learn(self) -> None:
        """Ask the node what the talk is about, once."""
        if not self.service and (self._asked is None or self._asked.done()):
            self._asked = asyncio.create_task(self._ask(), name="lab.script.agent")

    @property
    def leg(self) -> Leg | None:
        """The call that the phone is in."""
        return next((leg for leg in reversed(self.person.network.rung)
                     if leg.seat == self.person.seat and not leg.ended.is_set()), None)

    def _came(self, line: Line) -> None:
        self._line, self.service, self._heard_s = line, "", 0.0
        line.say(self.hertz)

    async def _ask(self) -> None:
        with suppress(LabError):
            self.service = str((await self.person.view()).get("service") or "")
