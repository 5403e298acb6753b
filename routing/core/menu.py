"""How callers went through the menu. The engine decides nothing by it: the journal shall have it, because the menu's
figures come from there as all others do. One event a dialogue, when it is over."""

from __future__ import annotations

from routing.core import emit
from routing.core.domain import Domain
from routing.core.errors import OutOfRange
from routing.core.events import MenuLeft

OUTCOMES = ("queued", "operator", "self_service", "led", "abandoned", "error")
"""`queued`: a service by its key; `operator`: the human, by key or after failures; `self_service`: everything was
heard, or a message left; `led`: to an outside number, and `resumed` tells what follows when nobody answers there;
`abandoned`: the caller hung up; `error`: a fault of ours, after which the dialplan asks for the menu again."""

NODES_MAX = 40
"""Nodes of one way through the menu: the dialogue itself ends after 20 sentences asked for again."""


def left(d: Domain, event: MenuLeft) -> None:
    """Noted as it is."""
    if event.outcome not in OUTCOMES or len(event.nodes) > NODES_MAX or event.lasted_s < 0:
        raise OutOfRange(f"menu of {event.contact}: {event.outcome}, {len(event.nodes)} nodes, {event.lasted_s} s")
    emit.menu_passed(
        d, contact=event.contact, entry=event.entry, nodes=event.nodes, outcome=event.outcome, lasted_s=event.lasted_s,
        service=event.service, timeouts=event.timeouts, wrong=event.wrong, repeats=event.repeats, more=event.more,
        slow=event.slow, resumed=event.resumed)
