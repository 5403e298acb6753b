"""What happened to callers and agents of both sides of a duel, by Asterisk's own events with Asterisk's own times.

The witness is a session of its own and knows nothing of either side's mind. A caller's wait begins when the dialplan
writes `SC_SINCE`, just before the caller is handed over; a phone is called at `DialBegin`, an agent is free at the
`Hangup` of the phone's leg.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from routing.ami.wire import Message
from routing.core.ids import parse_leg_id

OURS, THEIRS = "santral", "app_queue"
SIDES = (OURS, THEIRS)

LATE_S = 0.05
"""Two offers of the same moment may be seen in the other order; a caller is in line once the system that holds the line
has had this long to know. Applied to both sides, and 20 times shorter than what app_queue takes."""


@dataclass(slots=True)
class Call:
    """One caller, by Unix times; nan: it has not happened."""

    side: str
    kind: int
    since: float = math.nan
    offers: list[tuple[float, str]] = field(default_factory=list)
    """When which seat was called for this caller."""
    bridged: float = math.nan
    ended: float = math.nan
    """End of the talk."""
    gone: float = math.nan

    @property
    def wait_s(self) -> float:
        """From the queue entry to the talk, or to the end of patience."""
        return (self.gone if math.isnan(self.bridged) else self.bridged) - self.since

    @property
    def abandoned(self) -> bool:
        """Hung up while waiting."""
        return math.isnan(self.bridged) and not math.isnan(self.gone)


class HandOff(NamedTuple):
    """A phone was called after its agent had become free."""

    seat: str
    free: float
    rings: float
    caller: str


def caller_id(side: str, number: int) -> str:
    """Beginning of both channels' ids of a caller. Fixed width: Asterisk refuses an id that is the beginning of a
    living one."""
    return f"b{SIDES.index(side)}{number:07d}."


class Witness:
    """Takes events; afterwards it is asked."""

    def __init__(self) -> None:
        self.calls: dict[str, Call] = {}
        """By the id of the channel that waits."""
        self.on_bridge: Callable[[str, str], None] = lambda caller, leg: None
        """Caller and agent's leg are together."""
        self.on_gone: Callable[[str], None] = lambda caller: None
        """A caller's channel has ended."""
        self.on_since: Callable[[str], None] = lambda caller: None
        """A caller begins to wait."""
        self.hand_offs: dict[str, list[HandOff]] = {side: [] for side in SIDES}
        self.failed = 0
        """Callers that never came into being."""
        self._legs: dict[str, tuple[str, str]] = {}
        self._free: dict[str, float] = {}

    def expect(self, caller: str, side: str, kind: int) -> None:
        """A caller with this id is about to come."""
        self.calls[caller] = Call(side, kind)

    def take(self, message: Message) -> None:
        """An event of Asterisk, in order."""
        at = float(message.get("Timestamp") or time.time())
        uniqueid = message.get("Uniqueid")
        match message.name:
            case "VarSet":
                call = self.calls.get(uniqueid)
                if call is not None and math.isnan(call.since):
                    call.since = float(message.get("Value"))
                    self.on_since(uniqueid)
            case "DialBegin":
                self._dialled(message, at)
            case "BridgeEnter":
                self._bridged(uniqueid, at)
            case "Hangup":
                self._hung_up(uniqueid, at)
            case "OriginateResponse":
                self.failed += message.get("Response") == "Failure" and uniqueid.startswith("b")

    def _dialled(self, message: Message, at: float) -> None:
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
            self.hand_offs[call.side].append(HandOff(seat, free, at, caller))

    def _bridged(self, uniqueid: str, at: float) -> None:
        """Either may enter first, the other follows within a millisecond."""
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

    def _hung_up(self, uniqueid: str, at: float) -> None:
        found = self._legs.pop(uniqueid, None)
        if found is not None:
            seat, caller = found
            self._free[seat] = self.calls[caller].ended = at
            return
        call = self.calls.get(uniqueid)
        if call is not None and math.isnan(call.gone):
            call.gone = at
            self.on_gone(uniqueid)

    # -- what is asked -------------------------------------------------------------------------------------------------

    def overtaken(self, side: str, serves: Callable[[str], Sequence[int]], counted: Callable[[str], bool]
                  ) -> tuple[int, int]:
        """Offers in which another caller, whom the agent could serve and who stood in line, had waited longer; and all
        offers. `serves`: kinds that a seat serves. `counted`: whether the offers of a caller count."""
        offers = sorted((at, seat, caller) for caller, call in self.calls.items() if call.side == side
                        for at, seat in call.offers)
        lines: dict[int, list[tuple[float, float]]] = defaultdict(list)
        for call in self.calls.values():
            if call.side == side and not math.isnan(call.since):
                lines[call.kind].append((call.since, _left_line(call)))
        wrong = total = 0
        for at, seat, caller in offers:
            if not counted(caller):
                continue
            total += 1
            since = self.calls[caller].since
            wrong += any(other < since and other < at - LATE_S and left > at + LATE_S
                         for kind in serves(seat) for other, left in lines[kind])
        return wrong, total


def _left_line(call: Call) -> float:
    """When a caller stopped waiting for a phone to be called: the offer that led to the talk, or the hang-up."""
    ends = [end for end in (call.offers[-1][0] if call.offers else math.nan, call.gone) if not math.isnan(end)]
    return min(ends, default=math.inf)
