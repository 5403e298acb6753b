"""A call comes first: what it interrupts is held while it lasts, with its wrap-up, and goes on after it.

Nothing happens while the phone rings, except that an interruptible contact which rings at the same agent is taken
back: it may find somebody else. With the connection every interruptible contact that is talked with is held; it takes
no capacity then (`capacity`).
"""

from __future__ import annotations

from routing.core import capacity, commands, emit
from routing.core.domain import Domain
from routing.core.model import OfferState
from routing.core.records import AgentRecord, Offer


def hold(d: Domain, record: AgentRecord) -> None:
    """A call is connected with the agent: hold what it interrupts."""
    for offer in record.offers.values():
        if offer.state is OfferState.ACCEPTED and not offer.interrupted and capacity.yields(d, offer):
            _tell(d, record, offer, True)


def go_on(d: Domain, record: AgentRecord) -> None:
    """If the agent has no call any more, what it interrupted goes on."""
    if record.aside or record.calls:
        return
    for offer in record.offers.values():
        if offer.interrupted:
            _tell(d, record, offer, False)


def _tell(d: Domain, record: AgentRecord, offer: Offer, on: bool) -> None:
    offer.interrupted = on
    contact = offer.contact
    d.commands.append(commands.Interrupt(offer.id, contact.id, on, contact.node, contact.channel))
    d.mark(offer)
    emit.interrupted(d, offer=offer.id, contact=contact.id, agent=record.id, on=on)
