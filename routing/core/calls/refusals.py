"""Handle commands that no channel adapter takes.

The offer is closed as rescinded. The agent is ready at once with the same idle time, and nothing was missed. The fault
is in the way to the contact, so the contact is not offered for a while. Otherwise each agent in turn would be taken out
of the queue for it. The contact keeps its position.
"""

from __future__ import annotations

from routing.core.calls import offer_changes
from routing.core.domain import Domain
from routing.core.events import CommandRefused
from routing.core.model.centre_model import WAITING_STATES

RETRY_S = 30.0
"""Time until the contact is offered again. It is short enough after a restart of the adapter. An offer, its end and two
rows in half a minute are no load for the store."""

REASON = "no_adapter"


def on_command_refused(d: Domain, event: CommandRefused) -> None:
    """Delay the contact, and close the offer that was not made.

    Commands about a talk change nothing here. An adapter that does not have the talk has nothing to end or hold.
    """
    contact = d.contacts.get(event.contact)
    if contact is None or contact.state not in WAITING_STATES:
        return
    offer = d.offers.get(event.offer)
    if offer is None or offer.contact is not contact or not offer.rings \
            or offer.rang_at is not None or offer.answered_at is not None:
        # The phone rings, so the command was carried out.
        return
    contact.not_before = max(contact.not_before, d.now + RETRY_S)
    offer_changes.close_offer(d, offer, "rescinded", REASON, keep_idle=True)
