"""Record how callers passed the menu. The engine decides nothing by it, but knows calls that ended there.

The journal has the event because the figures of the menu come from the journal, as all other figures do. Each dialogue
sends one event, at its end.
"""

from __future__ import annotations

from routing.core import emit
from routing.core.domain import Domain
from routing.core.events import MenuEnded
from routing.core.model.errors import OutOfRange

TO_QUEUE, HUNG_UP = ("queued", "operator"), "abandoned"
OUTCOMES = (*TO_QUEUE, "self_service", "external_transfer", HUNG_UP, "error")
"""How a dialogue ended:

* `queued`: a service by its key
* `operator`: a person, by key or after failures
* `self_service`: the caller heard everything, or left a message
* `external_transfer`: to an outside number. `resumed` marks the rest of the path after no answer there.
* `abandoned`: the caller hung up
* `error`: a fault of the software, after which the dialplan asks for the menu again
"""

NODES_MAX = 40
"""Greatest number of nodes in one IVR path. The dialogue itself ends after 20 repeated sentences."""


def on_menu_ended(d: Domain, event: MenuEnded) -> None:
    """Emit the outcome of a menu. Raise OutOfRange if the event has values that no menu can have."""
    if event.outcome not in OUTCOMES or len(event.nodes) > NODES_MAX or event.lasted_s < 0:
        raise OutOfRange(f"menu of {event.contact}: {event.outcome}, {len(event.nodes)} nodes, {event.lasted_s} s")
    if event.outcome == HUNG_UP and event.contact not in d.contacts:
        # This is the record of the call: what the black box tells of it later is known.
        d.unrecorded_ends.discard(event.contact)
        d.ended_contacts.set_value(event.contact, d.now)
    emit.menu_passed(
        d, contact=event.contact, entry=event.entry, nodes=event.nodes, outcome=event.outcome, lasted_s=event.lasted_s,
        service=event.service, timeouts=event.timeouts, wrong=event.wrong, repeats=event.repeats, more=event.more,
        slow=event.slow, resumed=event.resumed)
