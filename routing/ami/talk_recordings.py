"""Follow which talks Asterisk records, and which of these recordings are paused.

The node permits a recording, but the caller may have refused it in the dialplan. So only Asterisk knows whether a talk
is recorded: it reports the begin, the end and each pause.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from routing.ami.wire import Message
from routing.core.model.ids import OfferId, parse_leg_id

Recording = Literal["none", "on", "paused"]

EVENTS = frozenset({"MixMonitorStart", "MixMonitorStop", "MixMonitorMute"})


class TalkRecordings:
    """The recordings of agents' legs. `on_change` is called with the offer of each talk whose recording changes."""

    def __init__(self, on_change: Callable[[OfferId], None] = lambda offer: None) -> None:
        self.on_change = on_change
        self._states: dict[OfferId, Recording] = {}

    def __len__(self) -> int:
        return len(self._states)

    def state_of(self, offer: OfferId) -> Recording:
        """Return whether the talk of an offer is recorded."""
        return self._states.get(offer, "none")

    def take_message(self, message: Message) -> None:
        """Follow a report about a recording. A report about any other channel changes nothing."""
        ids = parse_leg_id(message.get("Uniqueid"))
        if ids is None:
            return
        offer, before = ids[0], self.state_of(ids[0])
        if message.name == "MixMonitorStart":
            self._set_state(offer, "on")
        elif message.name == "MixMonitorStop":
            self._set_state(offer, "none")
        # Asterisk also takes a pause for a channel that is not recorded.
        elif before != "none":
            self._set_state(offer, "paused" if message.get("State") == "1" else "on")

    def forget_leg(self, uniqueid: str) -> None:
        """Forget the recording of a leg that has ended."""
        if (ids := parse_leg_id(uniqueid)) is not None:
            self._states.pop(ids[0], None)

    def adopt_states(self, states: Mapping[OfferId, Recording]) -> None:
        """Begin again with the recordings of a snapshot."""
        for offer in [*self._states]:
            if offer not in states:
                self._set_state(offer, "none")
        for offer, state in states.items():
            self._set_state(offer, state)

    def _set_state(self, offer: OfferId, state: Recording) -> None:
        if state == self.state_of(offer):
            return
        if state == "none":
            del self._states[offer]
        else:
            self._states[offer] = state
        self.on_change(offer)
