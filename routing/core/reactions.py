"""Reactions: what a change of one record means for others, as one stage between the handler and the assignment.

Handlers and the functions below them append to `Domain.changes`. The changes are handled in the order in which they
were noted. A reaction may note further changes; those are handled too. Then nothing is left to decide but who gets
whom, and `assign` does that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from routing.core import callback, contacts, follow_up
from routing.core.changes import AvailabilityChanged, CallerServed, CallLost, PlaceChanged
from routing.core.domain import Domain

# Any: each reaction takes its own type of change; the table's key is that type.
REACTIONS: dict[type, Callable[[Domain, Any], None]] = {
    AvailabilityChanged: lambda d, change: contacts.review_preferred(d, change.record),
    PlaceChanged: lambda d, change: callback.review_blocks(d, change.contact),
    CallerServed: callback.cancel_needless,
    CallLost: lambda d, change: follow_up.promise_callback(d, change.contact, change.at),
}
"""What each change leads to:

| change         | reaction                                                                           |
|----------------|------------------------------------------------------------------------------------|
| `AvailabilityChanged` | contacts that wait for this agent in person, and cannot have them, begin step 0     |
| `PlaceChanged` | callbacks of the same caller wait while the call lasts, and go on after it          |
| `CallerServed` | earlier callbacks of the same caller end                                            |
| `CallLost`     | a caller who has agreed is called back                                              |
"""


def react(d: Domain) -> None:
    """Handle all noted changes, and those that their reactions note."""
    while d.changes:
        changes, d.changes = d.changes, []
        for change in changes:
            REACTIONS[type(change)](d, change)
