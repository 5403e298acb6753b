"""One telephone line as the lab's network sees it: who dialled or rang, and a time line of what happened."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from lab.errors import LabError
from routing.ami.wire import Message

RINGING, UP = "5", "6"
"""ChannelState of Newstate (AST_STATE_RINGING, AST_STATE_UP)."""

CAUSES = {0: "no cause", 1: "no such number", 16: "hung up", 17: "busy", 18: "no answer from the phone",
          19: "nobody answered", 20: "not registered", 21: "refused", 26: "answered elsewhere", 34: "no line free",
          38: "network out of order", 127: "interworking"}
"""Q.850 causes as they occur here."""
REJECTED = 21
"""Also what comes of a 401 or 403: the other side does not know who calls."""


LIMIT_S = 60.0
"""Longest wait for what happens to a line: a machine with other work takes its time."""
CLOSE_LOOKS, CLOSE_LOOK_S = 100, 0.02
"""Asterisk closes a recording in a thread of its own, some milliseconds after the hang-up; a killed one never."""
WAV_HEADER = 44


class Moment(NamedTuple):
    """Something happened `at` seconds after the leg began."""

    at: float
    what: str




class Leg:
    """A caller's line (dialled by us) or a phone's (it rang)."""

    def __init__(self, uniqueid: str, act: Callable[[Leg, str, str], Awaitable[None]], seat: str = "",
                 recording: Path | None = None) -> None:
        self.uniqueid = uniqueid
        self.seat = seat
        """Of the phone that rang or dialled; empty: a caller from outside."""
        self.channel = ""
        self.moments: list[Moment] = []
        self.shown_name = ""
        """What the ringing phone displays."""
        self.shown_number = ""
        self.headers: dict[str, str] = {}
        """`AlertInfo` and `CallInfo` of the INVITE that rang the phone."""
        self.rang = asyncio.Event()
        self.answered = asyncio.Event()
        self.ended = asyncio.Event()
        self.cause: int | None = None
        self.recording = recording
        """WAV of what this end heard, silence kept, from the answer on."""
        self.began = 0.0
        """Unix seconds by the network's clock."""
        self.answered_at: float | None = None
        self.ended_at: float | None = None
        self._act = act

    async def wait_ringing(self, limit: float = LIMIT_S) -> None:
        """Until the other end (a caller) or this phone rings. Raises LabError."""
        await self._wait(self.rang, limit, "ring")

    async def wait_answered(self, limit: float = LIMIT_S) -> None:
        """Until it is answered. Raises LabError, at once when the leg ended unanswered."""
        await self._wait(self.answered, limit, "answered")

    async def wait_ended(self, limit: float = LIMIT_S) -> None:
        """Until it is over and what was recorded can be read. Raises LabError."""
        await self._wait(self.ended, limit, "over")
        for _ in range(CLOSE_LOOKS):
            if self.recording is None or _is_whole(self.recording):
                return
            await asyncio.sleep(CLOSE_LOOK_S)

    async def press(self, keys: str) -> None:
        """Press keys now (RFC 4733)."""
        for key in keys:
            await self._act(self, "press", key)

    async def hangup(self, cause: int = 16) -> None:
        """Hang up, by this cause (Q.850; 16 is a person's hand); nothing happens when it is over already."""
        if not self.ended.is_set():
            await self._act(self, "hangup", str(cause))

    @property
    def talked_s(self) -> float:
        """Seconds between answer and end; 0 when unanswered or not over."""
        return (self.ended_at or 0.0) - self.answered_at if self.answered_at and self.ended_at else 0.0

    def take(self, message: Message, at: float) -> None:
        """An event of this channel, at Unix seconds `at`."""
        self.began = self.began or at
        name = message.name
        if name == "Newchannel":
            self.channel = message.get("Channel")
            if self.seat and message.get("Context") == "phone":
                self.shown_name, self.shown_number = message.get("CallerIDName"), message.get("CallerIDNum")
                self.note(at, f"the phone {self.seat} is called")
            else:
                self.note(at, "dialled")
        elif name == "Newstate" and message.get("ChannelState") == RINGING and not self.rang.is_set():
            self.rang.set()
            self.note(at, "rings")
        elif name == "Newstate" and message.get("ChannelState") == UP and not self.answered.is_set():
            self.answered_at = at
            self.answered.set()
            self.note(at, "answered")
        elif name == "DTMFEnd":
            verb = "heard the key" if message.get("Direction") == "Received" else "pressed"
            self.note(at, f"{verb} {message.get('Digit')}")
        elif name == "Hangup":
            self.finish(at, int(message.get("Cause") or 0))

    def finish(self, at: float, cause: int) -> None:
        """It is over."""
        if not self.ended.is_set():
            self.cause, self.ended_at = cause, at
            self.note(at, f"over: {CAUSES.get(cause, 'cause')} ({cause})")
            self.ended.set()
            self.rang.set()
            self.answered.set()

    def note(self, at: float, what: str) -> None:
        """Write into the time line."""
        self.began = self.began or at
        self.moments.append(Moment(round(at - self.began, 3), what))

    @property
    def was_answered(self) -> bool:
        """Whether somebody answered."""
        return self.answered_at is not None

    async def _wait(self, event: asyncio.Event, limit: float, what: str) -> None:
        try:
            await asyncio.wait_for(event.wait(), limit)
        except TimeoutError:
            raise LabError(f"{self} was not {what} within {limit:.0f} s; so far: {self.story()}") from None
        happened = {"ring": self.rang, "answered": self.answered_at is not None}.get(what, True)
        if not happened:
            raise LabError(f"{self} was not {what}; so far: {self.story()}")

    def story(self) -> str:
        """The time line in one line."""
        return ", ".join(f"{moment.at:.2f} s {moment.what}" for moment in self.moments) or "nothing"

    def __str__(self) -> str:
        return f"phone {self.seat}" if self.seat else f"call {self.uniqueid}"


def _is_whole(path: Path) -> bool:
    """Nothing is written to this WAV any more: its header says how long it is, which is done at the end. One that is
    not there was never begun."""
    try:
        with path.open("rb") as file:
            header = file.read(WAV_HEADER)
            size = file.seek(0, 2)
    except FileNotFoundError:
        return True
    return header[8:12] == b"WAVE" and int.from_bytes(header[40:44], "little") == size - WAV_HEADER
