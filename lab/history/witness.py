"""Write what one Asterisk tells a second AMI client: channels, bridges and ends, without a number of anybody."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.history.lines import LineFile
from lab.pbx.watch_user import USER, read_secret
from lab.phones.ami_client import AmiClient
from routing.ami.wire import Message, WireError

NUMBER = "SC_NUMBER"
"""Variable of the dialplan with the number of a caller, as it has accepted it."""
KEPT = {"Newchannel": ("Context",), "BridgeEnter": ("BridgeUniqueid",), "BridgeLeave": ("BridgeUniqueid",),
        "HangupRequest": (), "SoftHangupRequest": (), "Hangup": ("Cause",)}
"""Events that are kept, with their fields besides the ids and the channel."""
RETRY_S = 0.25
"""Pause before the next try to reach an Asterisk that does not answer. A restart takes about a second."""
NoteNumber = Callable[[str, str, float], None]
"""Learn the number of a new caller's channel, in memory only: number, unique id, time."""


class Witness:
    """One AMI session, which connects again whenever it is lost. Lines `up` and `gone` tell when it could see."""

    def __init__(self, name: str, port: int, state: Path, file: LineFile, note_number: NoteNumber) -> None:
        """`state` is the state folder of the lab, whose watch user the session is."""
        self._name, self._port, self._secret = name, port, read_secret(state)
        self._file, self._note_number = file, note_number
        self._task: asyncio.Task[None] | None = None
        self._up = asyncio.Event()

    async def start(self) -> None:
        """Connect, and return when the session sees events."""
        self._task = asyncio.create_task(self._follow_forever(), name=f"witness {self._name}")
        await self._up.wait()

    async def stop(self) -> None:
        """End the session."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _follow_forever(self) -> None:
        while True:
            client = AmiClient(self._take_event)
            try:
                await client.connect_to(self._port, USER, self._secret)
                self._write("up")
                self._up.set()
                await client.wait_lost()
                self._write("gone")
            except (OSError, LabError, WireError):
                await asyncio.sleep(RETRY_S)
            finally:
                await client.close()

    def _take_event(self, message: Message) -> None:
        channel, id_ = message.get("Channel"), message.get("Uniqueid")
        if message.name == "VarSet" and message.get("Variable").lstrip("_") == NUMBER:
            self._note_number(message.get("Value"), id_, time.time())
        if message.name not in KEPT:
            return
        # A ghost of a channel that `Bridge()` has taken over means nothing.
        if channel.startswith("Surrogate/"):
            return
        told = {name: message.get(name) for name in KEPT[message.name]}
        self._write(message.name, id=id_, channel=channel, **told)

    def _write(self, event: str, **told: Any) -> None:
        self._file.write(event=event, pbx=self._name, **told)
