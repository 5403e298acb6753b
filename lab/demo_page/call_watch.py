"""Follow the callers of a lab at its Asterisk, whether a node runs or not: what they hear, and how they leave.

The node tells that on `/live` only while it runs, so the lab has its own AMI user (`lab.pbx.watch_user`).
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from ivr.caller.sentence_watch import find_sounds
from lab.pbx.watch_user import USER, read_secret
from lab.phones.ami_client import AmiClient
from routing.ami.wire import Message

CALLS_MAX = 60
"""Callers that are remembered, the newest. A demo has about 20 at once."""
HEARD_MAX = 3
"""Sentences of a caller that are shown."""
CALLER_ID = re.compile(r"\d+\.\d+")
"""Id of a caller's channel. The legs of agents are named by the node."""
ENTRY = "santral-in"
"""Context in which a call from outside begins."""
PLAYS = frozenset({"Playback", "BackGround", "Read"})
"""Applications of the dialplan that play a sentence."""


class Sentence(NamedTuple):
    """The words of a sound, and its length."""

    text: str
    seconds: float


class WatchedCall:
    """One caller from outside."""

    def __init__(self, call: str, at: float) -> None:
        self.call, self.began = call, at
        self.heard: deque[str] = deque(maxlen=HEARD_MAX)
        """Sentences, the newest last."""
        self.hears_until = 0.0
        """End of the last sentence, if nothing cuts it."""
        self.talking = self.has_talked = self.hung_up = False
        self.ended_at: float | None = None

    def is_lost(self, since: float, until: float) -> bool:
        """Return whether the call ended in this time though nobody wanted that: the caller had not hung up, and had
        talked with nobody."""
        return self.ended_at is not None and since <= self.ended_at <= until and not (self.hung_up or self.has_talked)


class CallWatch:
    """The callers of a lab. `sentences` has those of all sounds by place, such as `tr/karsilama`."""

    def __init__(self, sentences: Mapping[str, Sentence], clock: Callable[[], float] = time.time) -> None:
        self._sentences, self._clock = sentences, clock
        self._client = AmiClient(self.apply_event)
        self.calls: dict[str, WatchedCall] = {}

    async def connect_to(self, port: int, state: Path) -> None:
        """Connect to the Asterisk of the lab. Raise LabError."""
        await self._client.connect_to(port, USER, read_secret(state))

    async def close(self) -> None:
        """End the session."""
        await self._client.close()

    def on_line(self) -> list[WatchedCall]:
        """Return the callers who are on the line."""
        return [call for call in self.calls.values() if call.ended_at is None]

    def apply_event(self, message: Message) -> None:
        """Apply an event of Asterisk."""
        name, id_ = message.name, message.get("Uniqueid")
        if name == "Newchannel" and message.get("Context") == ENTRY and CALLER_ID.fullmatch(id_):
            self.calls[id_] = WatchedCall(id_, self._clock())
            self._forget_oldest()
        call = self.calls.get(id_)
        if call is None:
            return
        if name == "AGIExecEnd":
            call.hears_until = 0.0
        elif name == "Newexten":
            self._note_sounds(call, message.get("AppData") if message.get("Application") in PLAYS else "")
        elif name == "BridgeEnter":
            call.talking = call.has_talked = True
        elif name == "BridgeLeave":
            call.talking = False
        elif name == "HangupRequest":
            call.hung_up = True
        elif name == "Hangup":
            call.ended_at = self._clock()

    def _note_sounds(self, call: WatchedCall, command: str) -> None:
        found = [self._sentences[place] for place in find_sounds(command) if place in self._sentences]
        # Music may follow in the same step of the dialplan, so the length alone tells the end.
        call.hears_until = self._clock() + sum(one.seconds for one in found) if found else 0.0
        call.heard.extend(one.text for one in found)

    def _forget_oldest(self) -> None:
        ended = [call.call for call in self.calls.values() if call.ended_at is not None]
        for id_ in [*ended, *self.calls][:max(0, len(self.calls) - CALLS_MAX)]:
            del self.calls[id_]
