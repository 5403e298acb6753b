"""An agent who answers in a script: signs in, speaks a tone, and listens for the caller."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress

from lab.errors import LabError
from lab.people.agent import SimAgent
from lab.phones.audio_socket import AudioExchange, AudioLine
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from lab.script.prompt_listener import VoiceDetector

LATELY_S = 0.6
"""The caller counts as heard if the agent heard the tone within this time: two pieces of sound and a little more."""


class ScriptAnswerer:
    """One agent of one script."""

    def __init__(self, person: SimAgent, answer: str, exchange: AudioExchange, tones: Iterator[int],
                 caller: int) -> None:
        """Prepare an agent. `answer` is as in `PhoneBehaviour.answer`; `caller` is the caller's tone in Hz."""
        self.agent = person
        self.hertz = next(tones)
        self.service = ""
        """Service of the talk as the node reports it, empty while it is not known."""
        self._answer, self._exchange = answer, exchange
        self._listener = VoiceDetector((caller,))
        self._heard_s = self._heard_at = 0.0
        self._line: AudioLine | None = None
        self._asked: asyncio.Task[None] | None = None
        self._live = exchange.expect_call(self._take_line)

    async def sign_in(self) -> None:
        """Sign the agent in with a phone that acts as written. Raise LabError."""
        await self.agent.sign_in(PhoneBehaviour(self._answer, live=self._live))

    async def leave_call(self) -> None:
        """Hang up and sign out, whatever the agent is doing."""
        if self._asked is not None:
            self._asked.cancel()
        if self._line is not None:
            self._line.close()
        self._exchange.forget_call(self._live)
        # The next script must not meet this behaviour, so both steps are tried even if one fails.
        with suppress(LabError):
            await self.agent.sign_out()
        with suppress(LabError):
            await self.agent.set_behaviour(PhoneBehaviour())

    async def is_ready(self) -> bool:
        """Return whether the node sees the agent as ready."""
        return bool((await self.agent.fetch_view())["state"] == "ready")

    def hear_new_sound(self) -> None:
        """Listen to the sound that came since the last call of this method."""
        if self._line is None:
            return
        for event in self._listener.take_sound(self._line.take_sound()):
            self._heard_s, self._heard_at = event.until - event.began, asyncio.get_running_loop().time()

    @property
    def hears_s(self) -> float:
        """Seconds for which the agent has heard the caller without a pause."""
        return self._heard_s if asyncio.get_running_loop().time() - self._heard_at < LATELY_S else 0.0

    def learn_service(self) -> None:
        """Ask the node for the service of the talk, once."""
        # The question runs in the background: the call must not wait for it.
        if not self.service and (self._asked is None or self._asked.done()):
            self._asked = asyncio.create_task(self._ask_service(), name="lab.script.model.agent")

    @property
    def leg(self) -> Leg | None:
        """Call that the phone is in, None if there is none."""
        return next((leg for leg in reversed(self.agent.network.rung)
                     if leg.seat == self.agent.seat and not leg.ended.is_set()), None)

    def _take_line(self, line: AudioLine) -> None:
        self._line, self.service, self._heard_s = line, "", 0.0
        line.send_tone(self.hertz)

    async def _ask_service(self) -> None:
        with suppress(LabError):
            self.service = str((await self.agent.fetch_view()).get("service") or "")
