"""How a command ends: exit codes and the one message each carries.

SantralError            (1) something else
├── BadCentre           (2) the centre's files have problems; all of them are listed
├── NoJournal           (2) what was named holds no journal, or a damaged one
├── AddressTaken        (3) a port is in use, or an address is not ours
├── StoreTrouble        (4) the store cannot be opened or written
└── AsteriskTrouble     (5) Asterisk does not answer, refuses the login or is too old
"""

from __future__ import annotations


class SantralError(Exception):
    """What went wrong, where, and how to mend it, in words for the person at the terminal."""

    exit_code = 1


class BadCentre(SantralError):
    """The centre's files have problems."""

    exit_code = 2


class NoJournal(SantralError):
    """No journal where one was named, or one that cannot be read to its end."""

    exit_code = 2


class AddressTaken(SantralError):
    """An address cannot be listened on."""

    exit_code = 3


class StoreTrouble(SantralError):
    """The store cannot be opened, or does not take what must be kept."""

    exit_code = 4


class AsteriskTrouble(SantralError):
    """Asterisk cannot be reached or does not accept us."""

    exit_code = 5
