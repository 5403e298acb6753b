"""Recognise callers whose line the network lost, by the cause that Asterisk gives.

The cause of a carrier's BYE (`Reason: Q.850`, RFC 3326) appears in `HangupRequest` and in `Hangup`. No sound for
`rtp_timeout` is a `SoftHangupRequest` with cause 44. A caller who hangs up has cause 16.

The order of the two legs' `Hangup` events varies, but the request comes before both. So it is worth waiting some
milliseconds for the caller's own `Hangup`.
"""

from __future__ import annotations

from collections import OrderedDict

from routing.ami.hangup_causes import DROP_CAUSES, cause_number
from routing.ami.wire import Message

HANGUP_EVENTS = frozenset({"HangupRequest", "SoftHangupRequest"})
DROPPED_MAX = 500
"""Requests remembered at once, each until its `Hangup` milliseconds later: more calls than one Asterisk carries."""


class DroppedCalls:
    """Hold the channels that are being hung up, each with whether its line was lost."""

    def __init__(self) -> None:
        self._asked: OrderedDict[str, bool] = OrderedDict()

    def __len__(self) -> int:
        return len(self._asked)

    def __contains__(self, uniqueid: str) -> bool:
        """Return whether the channel is being hung up and its `Hangup` is still to come."""
        return uniqueid in self._asked

    def note_request(self, message: Message) -> None:
        """Note a request to hang up."""
        uniqueid = message.get("Uniqueid")
        self._asked[uniqueid] = self._asked.get(uniqueid, False) or cause_number(message) in DROP_CAUSES
        if len(self._asked) > DROPPED_MAX:
            self._asked.popitem(last=False)

    def take_dropped(self, uniqueid: str, cause: int) -> bool:
        """Forget a channel that is gone, and return whether its line was lost."""
        return self._asked.pop(uniqueid, False) or cause in DROP_CAUSES

    def forget_all(self) -> None:
        """Forget all channels: a snapshot shows what is there."""
        self._asked.clear()
