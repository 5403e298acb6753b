"""Callers whose line the network has lost, as Asterisk says before it takes them out of the talk.

Asterisk names the cause when it is asked to hang up: by the carrier's BYE (`Reason: Q.850`, RFC 3326) in
`HangupRequest`, by itself when no sound has come for `rtp_timeout` in `SoftHangupRequest` (cause 44). Both stand before
`BridgeLeave`, and which of the two legs' `Hangup` comes first varies. Who puts the telephone down has cause 16.
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
        self._lost: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._lost)

    def __contains__(self, uniqueid: str) -> bool:
        return uniqueid in self._lost

    def take(self, message: Message) -> None:
        """A request to hang up."""
        if message.get("Cause") in CAUSES:
            self._lost[message.get("Uniqueid")] = None
            if len(self._lost) > DROPPED_MAX:
                self._lost.popitem(last=False)

    def over(self, uniqueid: str, cause: str) -> bool:
        """The channel is gone; whether it was lost."""
        asked = self._lost.pop(uniqueid, "") is None
        return asked or cause in CAUSES

    def clear(self) -> None:
        """A snapshot tells what is there."""
        self._lost.clear()
