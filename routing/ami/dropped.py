"""Callers whose line the network has lost: Asterisk names the cause when it takes them out of the talk.

The cause of a carrier's BYE (`Reason: Q.850`, RFC 3326) stands in `HangupRequest` and in `Hangup`; no sound for
`rtp_timeout` is `SoftHangupRequest` with 44. Which of the two legs' `Hangup` comes first varies, but the request stands
before both: the caller's own `Hangup`, milliseconds later, is worth waiting for. Who puts the telephone down has cause
16.
"""

from __future__ import annotations

from collections import OrderedDict

from routing.ami.wire import Message

EVENTS = frozenset({"HangupRequest", "SoftHangupRequest"})
CAUSES = frozenset({"27", "38", "41", "42", "44", "102"})
"""Q.850: out of order, network out of order, temporary failure, congestion, no channel (no RTP), a timer ran out."""
DROPPED_MAX = 500
"""Remembered at once, between a request and its `Hangup` milliseconds later: more than one Asterisk carries."""


class Dropped:
    """Of the channels that are being hung up those that were lost."""

    def __init__(self) -> None:
        self._asked: OrderedDict[str, bool] = OrderedDict()

    def __len__(self) -> int:
        return len(self._asked)

    def __contains__(self, uniqueid: str) -> bool:
        """Whether the channel is being hung up: its `Hangup` is still to come."""
        return uniqueid in self._asked

    def take(self, message: Message) -> None:
        """A request to hang up."""
        uniqueid = message.get("Uniqueid")
        self._asked[uniqueid] = self._asked.get(uniqueid, False) or message.get("Cause") in CAUSES
        if len(self._asked) > DROPPED_MAX:
            self._asked.popitem(last=False)

    def over(self, uniqueid: str, cause: str) -> bool:
        """The channel is gone; whether it was lost."""
        return self._asked.pop(uniqueid, False) or cause in CAUSES

    def clear(self) -> None:
        """A snapshot tells what is there."""
        self._asked.clear()
