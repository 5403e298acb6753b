"""Hold the settings of a node's connection to Asterisk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from routing.ami.event_translator import ByNumber
from routing.ami.link import Login
from routing.core.model.ids import SeatId


class AsteriskSettings(NamedTuple):
    """Address, users and endpoints of one Asterisk."""

    node: str
    events: Login
    """AMI user with read=system,call and write=reporting."""
    actions: Login
    """AMI user with write=call,originate,reporting,agent."""
    called: str
    """Number shown next to the service's name on the agents' phones."""
    cel: Path | None = None
    """File written by cel_custom, or None without one."""
    seats: frozenset[str] | None = None
    """Endpoints that are seats. None means that every PJSIP device counts as a seat."""
    pages: frozenset[str] = frozenset()
    """Seats whose phone is a page, which has its own volume."""
    remote_seats: frozenset[SeatId] = frozenset()
    """Endpoints of the remote counsellors who have a number."""
    node_seats: frozenset[SeatId] = frozenset()
    """Seats that ring only while this node runs: pages that it leads to Asterisk. No fallback queue may ring them."""
    unknown_service: str = ""
    """Service of callers in the fallback queue who have not chosen one."""
    entry_services: Mapping[str, str] = {}
    """Service by entry of the menu, for entries that lead to one service only."""
    by_number: ByNumber = lambda number: (None, None)
    """From a number that a phone's transfer key named to its service and agent. Both are None if it leads nowhere."""
    line_classes: tuple[str, ...] | None = None
    """Services whose callers have lines for themselves. None if the dialplan counts no lines."""


class SessionPace(NamedTuple):
    """Limits in seconds. Tests shorten them."""

    boot: float = 120.0
    """Limit for FullyBooted. A big configuration takes a minute."""
    audit: float = 60.0
    """Pause between audits without a special reason. Each audit costs Asterisk its channel lock."""
    settle: float = 1.0
    """Pause before and after an audit's snapshot, so that events under way arrive and are no difference."""
    lines: float = 5.0
    """Pause between two counts of the lines: half of the shortest usual pause between two reads of the metrics."""
    refusals: float = 60.0
    """Pause between two sums of refused calls. Each form of a number writes one row in it."""
    rescind: float = 0.3
    """Pause between tries of one Hangup."""
