"""Bound what one page sends to Asterisk: its messages in a second, and the calls that it has open.

An honest page has one own call: the sound check. A page that calls again and again, by a fault or on purpose,
would take the media ports of callers, because Asterisk opens them before its dialplan can refuse. So a further call is
answered here with 486, and Asterisk never sees it.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from desk.phone.sip_guard import RefusedMessage, SipHead, parse_head

CALLS_MAX = 3
"""Calls that a page may have open, as many as the dialplan grants a seat."""
REFUSED_MAX = 64
"""Refused calls whose ACK is awaited. The oldest is forgotten. Asterisk ignores an ACK that it does not know."""
MESSAGES_PER_S = 20.0
"""Messages of a page in a second, for long. A registration takes two in minutes, and a call ten in its first second."""
MESSAGES_BURST = 60.0
"""Messages of a page at once: a page that connects again registers, and answers what rings meanwhile."""

_TAG = re.compile(r";tag=([^;>\s]+)\Z|;tag=([^;>\s]+);")
_REPEATED = ("via", "from", "call-id", "cseq")
"""Headers that an answer repeats."""

Key = tuple[str, str]
"""Call-ID of a call and the tag that the page has given itself."""


class MessageRate:
    """Slow down a page that sends too fast. It is never cut off, because a talk may run on it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left, self._at = MESSAGES_BURST, clock()

    def take_message(self) -> float:
        """Count a message. Return the seconds until the page may send the next one, or 0."""
        now = self._clock()
        self._left = min(MESSAGES_BURST, self._left + (now - self._at) * MESSAGES_PER_S) - 1.0
        self._at = now
        return max(0.0, -self._left / MESSAGES_PER_S)


class _Call(NamedTuple):
    cseq: str
    """CSeq of the INVITE that began it."""
    answered: bool = False


class PageCalls:
    """The calls that a page has begun, and that Asterisk has neither refused nor ended.

    Only words of Asterisk end a call here. A page that says it has hung up may be lying.
    """

    def __init__(self) -> None:
        self._open: dict[Key, _Call] = {}
        self._refused: OrderedDict[tuple[Key, str], None] = OrderedDict()
        self.refused = 0
        """Calls that were refused here."""

    def answer_request(self, head: SipHead) -> str | None:
        """Return the answer to a page whose message may not pass, or an empty text if it needs none.

        Return None for a message that passes. Raise RefusedMessage for an INVITE that two parsers could read
        differently.
        """
        key, cseq = (head.value_of("call-id"), _tag_of(head.value_of("from"))), head.value_of("cseq").partition(" ")[0]
        # 1. The rest of a call that was refused here.
        if head.method == "ACK" and (key, cseq) in self._refused:
            return ""
        # 2. Messages that begin no call.
        if head.method != "INVITE":
            return None
        if any(len(head.headers.get(name, ())) != 1 for name in ("call-id", "to", "cseq")):
            raise RefusedMessage("no SIP: there must be exactly one Call-ID, To and CSeq")
        if _tag_of(head.value_of("to")):
            return None
        # 3. A new call. Under the name of an open one it is a further call too.
        if key not in self._open and len(self._open) < CALLS_MAX:
            self._open[key] = _Call(cseq)
            return None
        self.refused += 1
        self._refused[key, cseq] = None
        while len(self._refused) > REFUSED_MAX:
            self._refused.popitem(last=False)
        return _render_busy(head)

    def note_asterisk(self, text: str) -> None:
        """Follow a message of Asterisk: a call is answered or refused, or is over."""
        try:
            head = parse_head(text.partition("\r\n\r\n")[0])
        except RefusedMessage:
            return
        whose = "to" if head.method else "from"
        key = (head.value_of("call-id"), _tag_of(head.value_of(whose)))
        call = self._open.get(key)
        if call is None:
            return
        cseq, _, method = head.value_of("cseq").partition(" ")
        ended = head.method == "BYE" or (method == "BYE" and 200 <= head.status < 300)
        if method == "INVITE" and cseq == call.cseq and head.status >= 200:
            # A challenged call comes again, as a new one.
            ended = head.status >= 300 and not call.answered
            self._open[key] = call._replace(answered=not ended)
        if ended:
            del self._open[key]


def _tag_of(address: str) -> str:
    """Return the tag of a From or To, or an empty text."""
    found = _TAG.search(address.rpartition(">")[2])
    return "" if found is None else found[1] or found[2]


def _render_busy(head: SipHead) -> str:
    lines = [f"{name.title()}: {value}" for name in _REPEATED for value in head.headers.get(name, ())]
    return "\r\n".join(["SIP/2.0 486 Busy Here", *lines, f"To: {head.value_of('to')};tag=relay", "Content-Length: 0",
                        "", ""])
