"""Translate the reasons of a channel's end, the numbers of Q.850, into the engine's words."""

from __future__ import annotations

from routing.ami.actions import ANSWERED_ELSEWHERE
from routing.ami.wire import Message
from routing.core.model.reasons import BUSY, FAILED, HANGUP, NO_ANSWER, NO_KEY, REFUSED

_BUSY, _NO_ANSWER, _REJECTED = {17}, {18, 19}, {21, 23}
_NO_CODEC = 58
"""Asterisk's cause for 488 and 606: the phone cannot take such a call, now or later."""
LOST_CAUSES = frozenset({3, 20, 27, 38, 41, 42, 44})
"""No route, absent, out of order, network or temporary failure, congestion, no such channel.

For a leg that talked, such a cause means that the phone or its network vanished. chan_pjsip ends a leg without RTP with
44.
"""
DROP_CAUSES = frozenset({27, 38, 41, 42, 44, 102})
"""Out of order, network out of order, temporary failure, congestion, no channel (no RTP), timer expired.

For a caller, such a cause means that the network lost the line. A caller who hangs up has 16.
"""
_UNREACHABLE = LOST_CAUSES | {1}
"""Causes of a phone that cannot be reached, with the unallocated number (1)."""
_REFUSED = _REJECTED | {16, 22}


def cause_number(message: Message) -> int:
    """Return the cause in a message, or 0 if there is none."""
    cause = message.get("Cause")
    return int(cause) if cause.isdecimal() else 0


def agent_end_reason(cause: int, *, rang: bool, up: bool, outside: bool) -> str:
    """Return why an agent's leg ended that never talked.

    An outside number need not report that it rings. The dialplan ends an answered leg with 26 if the caller talks with
    somebody else (`[santral-fence]`), which is not the agent's fault.
    """
    if outside and cause in _NO_ANSWER:
        return NO_ANSWER
    if cause in _BUSY:
        return BUSY
    # A phone that is silently gone never rings, so its "no answer" means unreachable.
    if cause in _NO_ANSWER:
        return NO_ANSWER if rang else "unreachable"
    if cause in _REJECTED or cause == _NO_CODEC:
        return "rejected"
    if cause in _UNREACHABLE:
        return "unreachable"
    if up and cause == ANSWERED_ELSEWHERE:
        return FAILED
    return HANGUP if up or cause in (16, ANSWERED_ELSEWHERE) else "failed"


def caller_end_reason(cause: int, *, up: bool) -> str:
    """Return why a dialled caller did not come.

    A phone that is answered without a key may be a mailbox. The dialplan ends such a call with cause 19
    (`santral-called`).
    """
    if cause in _BUSY:
        return BUSY
    if cause in _NO_ANSWER:
        return NO_KEY if up else NO_ANSWER
    return REFUSED if cause in _REFUSED else FAILED
