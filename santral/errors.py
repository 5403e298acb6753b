"""Define the errors that end a command, each with its exit code and one message.

SantralError            (1) any other error
├── BadCentre           (2) the centre's files have problems, and all of them are listed
├── NoJournal           (2) the named place holds no journal, or a damaged one
├── AddressTaken        (3) a port is in use, or an address is not ours
├── StoreFailure        (4) the store cannot be opened or written
├── AsteriskFailure     (5) Asterisk does not answer, refuses the login or is too old
└── UpgradeDue          (6) the store needs a migration for which callers would wait
"""

from __future__ import annotations


class SantralError(Exception):
    """An error with its place and its fix, in words for the person at the terminal."""

    exit_code = 1


class BadCentre(SantralError):
    """The centre's files have problems."""

    exit_code = 2


class NoJournal(SantralError):
    """The named place holds no journal, or one that cannot be read to its end."""

    exit_code = 2


class AddressTaken(SantralError):
    """The node cannot listen on an address."""

    exit_code = 3


class StoreFailure(SantralError):
    """The store cannot be opened, or cannot be written."""

    exit_code = 4


class AsteriskFailure(SantralError):
    """Asterisk cannot be reached or refuses the login."""

    exit_code = 5


class UpgradeDue(SantralError):
    """The store needs a migration for which callers would wait, so a start does not run it."""

    exit_code = 6
