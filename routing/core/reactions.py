"""Handle what a change of one record means for others, between the handler and the assignment.

Handlers and the functions below them append to `Domain.changes`. The changes are handled in the order of their notes. A
reaction may note further changes, which are handled too. After this stage only the choice of agents is left for
`assignment`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from routing.core.calls import callback_flow, lost_call
from routing.core.changes import AvailabilityChanged, CallerServed, CallLost, PlaceChanged
from routing.core.domain import Domain
from routing.core.queueing import contact_queue

# Any: each reaction takes its own type of change; the table's key is that type.
REACTIONS: dict[type, Callable[[Domain, Any], None]] = {
    AvailabilityChanged: lambda d, change: contact_queue.review_preferred(d, change.record),
    PlaceChanged: lambda d, change: callback_flow.review_blocks(d, change.contact),
    CallerServed: callback_flow.cancel_needless,
    CallLost: lambda d, change: lost_call.promise_callback(d, change.contact, change.at),
}
"""Reactions to each kind of change:

| change                | reaction                                                                              |
|-----------------------|---------------------------------------------------------------------------------------|
| `AvailabilityChanged` | contacts that wait for this agent in vain begin step 0 of their service               |
| `PlaceChanged`        | callbacks of the same caller are held during the call, and released after it          |
| `CallerServed`        | earlier callbacks of the same caller are cancelled                                    |
| `CallLost`            | a caller who has agreed is called back                                                |
"""


def react(d: Domain) -> None:
    """Handle all noted changes, and those that their reactions note."""
    while d.changes:
        # Take the list before the loop: reactions append to a new one.
        changes, d.changes = d.changes, []
        for change in changes:
            REACTIONS[type(change)](d, change)
