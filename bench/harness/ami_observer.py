"""Observation of callers and agents of both sides, from Asterisk's events with Asterisk's times.

The observer has a separate session and knows nothing of the state of either side. A caller's wait begins when the
dialplan writes `SC_SINCE`, just before the caller is handed over. A phone is called at `DialBegin`, and an agent is
free at the `Hangup` of the phone's leg.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from routing.ami.wire import Message
from routing.core.model.ids import parse_leg_id

OURS, THEIRS = "santral", "app_queue"
SIDES = (OURS, THEIRS)

LATE_S = 0.05
"""Time that a system has to learn of a caller before the caller counts as queued.

Two offers of the same moment may be seen in the other order. The time is the same for both sides, and 20 times shorter
than what app_queue takes.
"""


@dataclass(slots=True)
class ObservedCall:
    """One caller, in Unix times. A time is nan until its event happens."""

    side: str
    kind: int
    since: float = math.nan
    offers: list[tuple[float, str]] = field(default_factory=list)
    """Time and seat of each offer for this caller."""
    bridged: float = math.nan
    ended: float = math.nan
    """End of the talk."""
    hung_up_at: float = math.nan

    @property
    def wait_s(self) -> float:
        """Time from the queue entry to the talk, or to the hang-up."""
        return (self.hung_up_at if math.isnan(self.bridged) else self.bridged) - self.since

    @property
    def abandoned(self) -> bool:
        """Whether the caller hung up while waiting."""
        return math.isnan(self.bridged) and not math.isnan(self.hung_up_at)


class ObservedHandOff(NamedTuple):
    """A call of a phone after its agent became free."""

    seat: str
    free: float
    rings: float
    caller: str


def caller_id(side: str, number: int) -> str:
    """Return the beginning of both channel ids of a caller.

    The width is fixed, because Asterisk refuses an id that is the beginning of a live one.
    """
    return f"b{SIDES.index(side)}{number:07d}."


class AmiObserver:
    """Collect events, and answer questions about them afterwards."""

    def __init__(self) -> None:
        self.calls: dict[str, ObservedCall] = {}
        """Calls by the id of the waiting channel."""
        self.on_bridge: Callable[[str, str], None] = lambda caller, leg: None
        """Called when caller and agent's leg are in one bridge."""
        self.on_hung_up: Callable[[str], None] = lambda caller: None
        """Called when a caller's channel has ended."""
        self.on_since: Callable[[str], None] = lambda caller: None
        """Called when a caller begins to wait."""
        self.hand_offs: dict[str, list[ObservedHandOff]] = {side: [] for side in SIDES}
        self.failed = 0
        """Number of callers whose channel could not be created."""
        self._legs: dict[str, tuple[str, str]] = {}
        self._free: dict[str, float] = {}

    def expect_caller(self, caller: str, side: str, kind: int) -> None:
        """Expect a caller with this id."""
        self.calls[caller] = ObservedCall(side, kind)

    def handle_event(self, message: Message) -> None:
        """Handle an event of Asterisk. Events come in order."""
        at = float(message.get("Timestamp") or time.time())
        uniqueid = message.get("Uniqueid")
        match message.name:
            case "VarSet":
                call = self.calls.get(uniqueid)
                if call is not None and math.isnan(call.since):
                    call.since = float(message.get("Value"))
                    self.on_since(uniqueid)
            case "DialBegin":
                self._on_dialled(message, at)
            case "BridgeEnter":
                self._on_bridged(uniqueid, at)
            case "Hangup":
                self._on_hung_up(uniqueid, at)
            case "OriginateResponse":
                self.failed += message.get("Response") == "Failure" and uniqueid.startswith("b")

    def _on_dialled(self, message: Message, at: float) -> None:
        leg, channel = message.get("DestUniqueid"), message.get("DestChannel")
        if not channel.startswith("PJSIP/"):
            return
        ids = parse_leg_id(leg)
        caller = str(ids[1]) if ids is not None else message.get("Uniqueid")
        call = self.calls.get(caller)
        if call is None:
            return
        seat = channel.removeprefix("PJSIP/").partition("-")[0]
        self._legs[leg] = seat, caller
        call.offers.append((at, seat))
        free = self._free.pop(seat, None)
        if free is not None and call.since < free:
            self.hand_offs[call.side].append(ObservedHandOff(seat, free, at, caller))

    def _on_bridged(self, uniqueid: str, at: float) -> None:
        """Record the bridge of a caller. Caller or leg may enter first; the other follows within a millisecond."""
        found = self._legs.get(uniqueid)
        caller = uniqueid if found is None else found[1]
        call = self.calls.get(caller)
        if call is None or not math.isnan(call.bridged):
            return
        leg = uniqueid if found is not None else next(
            (one for one, (_, who) in reversed(self._legs.items()) if who == caller), "")
        if leg:
            call.bridged = at
            self.on_bridge(caller, leg)

    def _on_hung_up(self, uniqueid: str, at: float) -> None:
        found = self._legs.pop(uniqueid, None)
        if found is not None:
            seat, caller = found
            self._free[seat] = self.calls[caller].ended = at
            return
        call = self.calls.get(uniqueid)
        if call is not None and math.isnan(call.hung_up_at):
            call.hung_up_at = at
            self.on_hung_up(uniqueid)

    # -- results -------------------------------------------------------------------------------------------------------

    def count_overtaken(self, side: str, serves: Callable[[str], Sequence[int]],
                        counted: Callable[[str], bool]) -> tuple[int, int]:
        """Count the offers in which another queued caller whom the agent could serve had waited longer, and all offers.

        `serves` returns the kinds that a seat serves. `counted` tells whether the offers of a caller count.
        """
        offers = sorted((at, seat, caller) for caller, call in self.calls.items() if call.side == side
                        for at, seat in call.offers)
        lines: dict[int, list[tuple[float, float]]] = defaultdict(list)
        for call in self.calls.values():
            if call.side == side and not math.isnan(call.since):
                lines[call.kind].append((call.since, _stopped_waiting_at(call)))
        wrong = total = 0
        for at, seat, caller in offers:
            if not counted(caller):
                continue
            total += 1
            since = self.calls[caller].since
            wrong += any(other < since and other < at - LATE_S and left > at + LATE_S
                         for kind in serves(seat) for other, left in lines[kind])
        return wrong, total


def _stopped_waiting_at(call: ObservedCall) -> float:
    """Return the time at which a caller stopped waiting for an offer: the offer that led to the talk, or the
    hang-up."""
    ends = [end for end in (call.offers[-1][0] if call.offers else math.nan, call.hung_up_at) if not math.isnan(end)]
    return min(ends, default=math.inf)
