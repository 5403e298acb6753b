"""What a node's side of AMI is told when it is built."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from routing.ami.link import Login
from routing.ami.translate import ByNumber
from routing.core.ids import SeatId


class SwitchSettings(NamedTuple):
    """Where Asterisk is and how it knows us."""

    node: str
    events: Login
    """AMI user with read=system,call and write=reporting."""
    actions: Login
    """AMI user with write=call,originate,reporting."""
    called: str
    """Number shown beside the service's name on the agents' phones."""
    cel: Path | None = None
    """File written by cel_custom; None: there is none."""
    seats: frozenset[str] | None = None
    """Endpoints that are seats; None: every PJSIP device counts as one."""
    outside: frozenset[SeatId] = frozenset()
    """Endpoints of the remote counsellors who have a number."""
    by_number: ByNumber = lambda number: (None, None)
    """Service and agent to whom a number leads that a phone's transfer key named; neither: nowhere."""


class Pace(NamedTuple):
    """Seconds; tests shorten them."""

    boot: float = 120.0
    """Limit for FullyBooted: a big configuration takes a minute."""
    audit: float = 60.0
    """Never oftener without a reason: reading all channels costs Asterisk its channel lock."""
    settle: float = 1.0
    """Around an audit's snapshot: what is under way then arrives by itself and is no difference."""
    rescind: float = 0.3
    """Between tries of one Hangup."""
