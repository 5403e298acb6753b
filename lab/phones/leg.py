"""One telephone line as the lab's network sees it: its number or seat, and a time line of what happened."""

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
"""Q.850 causes that occur here."""
REJECTED = 21
"""Cause of a 401 or 403 as well: the other side does not know the caller."""


LIMIT_S = 60.0
"""Longest wait for an event of a line. A busy machine takes longer."""
CLOSE_LOOKS, CLOSE_LOOK_S = 300, 0.02
"""Looks at a recording that is being closed. Asterisk closes it in a separate thread some milliseconds after the
hang-up, and seconds after it on a busy machine. A killed Asterisk never does."""
WAV_HEADER = 44


class Moment(NamedTuple):
    """Event of a leg, `at` seconds after its beginning."""

    at: float
    what: str


class Leg:
    """A caller's line, which the lab dialled, or a phone's line, which rang."""

    def __init__(self, uniqueid: str, act: Callable[[Leg, str, str], Awaitable[None]], seat: str = "",
                 recording: Path | None = None) -> None:
        self.uniqueid = uniqueid
        self.seat = seat
        """Seat of the phone that rang or dialled, empty for a caller from outside."""
        self.channel = ""
        self.moments: list[Moment] = []
        self.shown_name = ""
        """Name that the ringing phone displays."""
        self.shown_number = ""
        self.headers: dict[str, str] = {}
        """`AlertInfo` and `CallInfo` of the INVITE that rang the phone."""
        self.rang = asyncio.Event()
        self.answered = asyncio.Event()
        self.ended = asyncio.Event()
        self.cause: int | None = None
        self.caller = ""
        """Number that the line calls from. Empty for a phone that was called."""
        self.was_cut = False
        """The other end has ended the line."""
        self.recording = recording
        """WAV of what this end heard from the answer on. Silence is kept."""
        self.began = 0.0
        """Unix seconds by the network's clock."""
        self.answered_at: float | None = None
        self.ended_at: float | None = None
        self._act = act

    async def wait_answered(self, limit: float = LIMIT_S) -> None:
        """Wait until the leg is answered. Raise LabError, at once if the leg ended unanswered."""
        await self._wait_for(self.answered, limit, "answered")

    async def wait_ended(self, limit: float = LIMIT_S) -> None:
        """Wait until the leg is over and its recording can be read. Raise LabError."""
        await self._wait_for(self.ended, limit, "over")
        for _ in range(CLOSE_LOOKS):
            if self.recording is None or _is_whole(self.recording):
                return
            await asyncio.sleep(CLOSE_LOOK_S)

    async def press_keys(self, keys: str) -> None:
        """Press keys now (RFC 4733)."""
        for key in keys:
            await self._act(self, "press", key)

    async def hang_up(self, cause: int = 16) -> None:
        """Hang up with this cause (Q.850; 16 is a person's hand). Do nothing if the leg is over."""
        if not self.ended.is_set():
            await self._act(self, "hangup", str(cause))

    @property
    def talked_s(self) -> float:
        """Seconds between answer and end, 0 if the leg was not answered or is not over."""
        return (self.ended_at or 0.0) - self.answered_at if self.answered_at and self.ended_at else 0.0

    def apply_event(self, message: Message, at: float) -> None:
        """Apply an event of this channel that came at Unix seconds `at`."""
        self.began = self.began or at
        name = message.name
        # 1. The channel appears: a phone is called, or a caller's line is dialled.
        if name == "Newchannel":
            self.channel = message.get("Channel")
            if self.seat and message.get("Context") == "phone":
                self.shown_name, self.shown_number = message.get("CallerIDName"), message.get("CallerIDNum")
                self.add_moment(at, f"the phone {self.seat} is called")
            else:
                self.add_moment(at, "dialled")
        # 2. The channel rings and is answered. Asterisk repeats Newstate, so only the first of each counts.
        elif name == "Newstate" and message.get("ChannelState") == RINGING and not self.rang.is_set():
            self.rang.set()
            self.add_moment(at, "rings")
        elif name == "Newstate" and message.get("ChannelState") == UP and not self.answered.is_set():
            self.answered_at = at
            self.answered.set()
            self.add_moment(at, "answered")
        # 3. Keys in both directions.
        elif name == "DTMFEnd":
            verb = "heard the key" if message.get("Direction") == "Received" else "pressed"
            self.add_moment(at, f"{verb} {message.get('Digit')}")
        # 4. The channel ends. A line that this end hangs up has no such request.
        elif name == "HangupRequest":
            self.was_cut = True
        elif name == "Hangup":
            self.end_leg(at, int(message.get("Cause") or 0))

    def end_leg(self, at: float, cause: int) -> None:
        """Mark the leg as over and wake every waiter."""
        if not self.ended.is_set():
            self.cause, self.ended_at = cause, at
            self.add_moment(at, f"over: {CAUSES.get(cause, 'cause')} ({cause})")
            self.ended.set()
            # Waiters for a ring or an answer wake up too, and see from the times that neither came.
            self.rang.set()
            self.answered.set()

    def add_moment(self, at: float, what: str) -> None:
        """Add an event to the time line."""
        self.began = self.began or at
        self.moments.append(Moment(round(at - self.began, 3), what))

    @property
    def was_answered(self) -> bool:
        """Whether the call was answered."""
        return self.answered_at is not None

    async def _wait_for(self, event: asyncio.Event, limit: float, what: str) -> None:
        try:
            await asyncio.wait_for(event.wait(), limit)
        except TimeoutError:
            raise LabError(f"{self} was not {what} within {limit:.0f} s; so far: {self.describe_moments()}") from None
        # The end of a leg wakes all waiters, so the event alone proves nothing.
        happened = {"ring": self.rang, "answered": self.answered_at is not None}.get(what, True)
        if not happened:
            raise LabError(f"{self} was not {what}; so far: {self.describe_moments()}")

    def describe_moments(self) -> str:
        """Describe the time line in one line."""
        return ", ".join(f"{moment.at:.2f} s {moment.what}" for moment in self.moments) or "nothing"

    def __str__(self) -> str:
        return f"phone {self.seat}" if self.seat else f"call {self.uniqueid}"


def _is_whole(path: Path) -> bool:
    """Return whether this WAV is complete.

    Its header says how long it is, and Asterisk writes that at the end. A missing file was never begun, so nothing is
    left to wait for.
    """
    try:
        with path.open("rb") as file:
            header = file.read(WAV_HEADER)
            size = file.seek(0, 2)
    except FileNotFoundError:
        return True
    return header[8:12] == b"WAVE" and int.from_bytes(header[40:44], "little") == size - WAV_HEADER
