"""Errors of FastAGI.

AgiError
├── BadCommand       we did wrong: a command that must not be written (also a ValueError)
├── CommandRefused   Asterisk does not know the command or its arguments (510, 520)
├── WireError        the peer did wrong: more, longer or other bytes than AGI has
├── ReplyTimeout     the peer did not answer in time; the connection is given up, the reply could come later
└── CallerGone       the caller hung up or was connected with an agent: both look the same from here
"""

from __future__ import annotations


class AgiError(Exception):
    """Root of the errors of FastAGI."""


class BadCommand(AgiError, ValueError):
    """A command with CR, LF, NUL or too many bytes: it would run as a second command on Asterisk."""


class CommandRefused(AgiError):
    """Asterisk answered 510 or 520."""

    def __init__(self, verb: str, code: int, said: str) -> None:
        super().__init__(f"Asterisk refused {verb} with {code}: {said[:200]!r}; is its module loaded?")
        self.verb, self.code = verb, code


class WireError(AgiError):
    """What came is not AGI, or more of it than a call can need. The connection is closed."""


class ReplyTimeout(AgiError):
    """No reply within the command's deadline."""

    def __init__(self, verb: str, after_s: float) -> None:
        super().__init__(f"no reply to {verb} within {after_s:g} s; the call is given back to the dialplan")
        self.verb, self.after_s = verb, after_s


class CallerGone(AgiError):
    """The channel left this dialogue. Not the end of the contact: that is only known from AMI (`Hangup`)."""
