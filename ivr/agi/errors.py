"""Define the errors of FastAGI.

AgiError
├── BadCommand       our fault: a command that must not be written (also a ValueError)
├── CommandRefused   Asterisk does not know the command or its arguments (510, 520)
├── WireError        the peer's fault: bytes that are not AGI, too many of them or too long a line
├── ReplyTimeout     the peer did not answer in time; the connection ends, because the reply may still come
├── NotLeading       the node may not act now; the dialplan goes on, or asks the other node
└── CallerGone       the caller hung up or was connected with an agent; both look the same from here
"""

from __future__ import annotations


class AgiError(Exception):
    """Base of the errors of FastAGI."""


class BadCommand(AgiError, ValueError):
    """A command has CR, LF, NUL or too many bytes. Asterisk would run its rest as a second command."""


class CommandRefused(AgiError):
    """Asterisk answered 510 or 520."""

    def __init__(self, verb: str, code: int, said: str) -> None:
        super().__init__(f"Asterisk refused {verb} with {code}: {said[:200]!r}; is its module loaded?")
        self.verb, self.code = verb, code


class WireError(AgiError):
    """The peer sent bytes that are not AGI, or more bytes than a call can need. The connection is closed."""


class ReplyTimeout(AgiError):
    """A reply did not come before the deadline of its command."""

    def __init__(self, verb: str, after_s: float) -> None:
        super().__init__(f"no reply to {verb} within {after_s:g} s; the call is given back to the dialplan")
        self.verb, self.after_s = verb, after_s


class CallerGone(AgiError):
    """The channel left this dialogue. The contact may still be alive: only AMI (`Hangup`) reports its end."""


class NotLeading(AgiError):
    """The time for which the node may act is over: another node may have taken over while this one was frozen."""
