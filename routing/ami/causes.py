"""Why a channel ended: the numbers of Q.850 in the engine's words."""

from __future__ import annotations

from routing.ami.actions import CAUSE_OURS
from routing.ami.wire import Message

_BUSY, _NO_ANSWER, _REJECTED = {17}, {18, 19}, {21, 23}
_NO_CODEC = 58
"""What Asterisk makes of 488 and 606: a phone that cannot take the call as it is, and will not the next time."""
LOST = frozenset({3, 20, 27, 38, 41, 42, 44})
"""No route, absent, out of order, network or temporary failure, congestion, no such channel. Of a leg that talked: the
phone or its network vanished (chan_pjsip ends a leg without RTP with 44)."""
_UNREACHABLE = LOST | {1}
"""And unallocated."""
_REFUSED = _REJECTED | {16, 22}


def number(message: Message) -> int:
    """The cause in a message; 0 when there is none."""
    cause = message.get("Cause")
    return int(cause) if cause.isdecimal() else 0


def of_agent(cause: int, *, rang: bool, up: bool, outside: bool) -> str:
    """Why a leg of an agent ended that never talked. An outside number need not say that it rings, and one that was
    answered and put down without a key was a mailbox or somebody who did not want: not answered either way."""
    if outside and (cause in _NO_ANSWER or (up and cause == 16)):
        return "no_answer"
    if cause in _BUSY:
        return "busy"
    if cause in _NO_ANSWER:
        return "no_answer" if rang else "unreachable"
    if cause in _REJECTED or cause == _NO_CODEC:
        return "rejected"
    if cause in _UNREACHABLE:
        return "unreachable"
    return "hangup" if up or cause in (16, CAUSE_OURS) else "failed"


def of_caller(cause: int, *, up: bool) -> str:
    """Why a caller who was dialled did not come. Who answers and presses no key (19 of ours, `santral-called`) may have
    been a mailbox."""
    if cause in _BUSY:
        return "busy"
    if cause in _NO_ANSWER:
        return "no_key" if up else "no_answer"
    return "refused" if cause in _REFUSED else "failed"
