"""Commands that no channel adapter takes.

An offer that could not be made is closed as rescinded. The agent is ready at once, with the same place among the idle,
and has missed nothing: what is missing is a way to the contact. So it is the contact that is left alone for a while, or
every agent in turn would be taken out of the line for it. The contact keeps its place in line.
"""

from __future__ import annotations

from routing.core import contacts, offers
from routing.core.domain import Domain
from routing.core.events import CommandRefused
from routing.core.model import OfferState

RETRY_S = 30.0
"""The contact is offered again after this long: soon enough for an adapter that was restarted, and an offer, its end
and two rows of the store in half a minute are no load."""

REASON = "no_adapter"


def on_command_refused(d: Domain, event: CommandRefused) -> None:
    """Put the contact aside, and close the offer that was not made. Commands about a talk change nothing here: a
    command to end or hold what the adapter does not have has nothing to end or hold."""
    contact = d.contacts.get(event.contact)
    if contact is None or contact.state not in contacts.WAITING:
        return
    if event.offer is None:
        contact.not_overflowed_before = d.now + RETRY_S
        return
    offer = d.offers.get(event.offer)
    if offer is None or offer.contact is not contact or offer.state is not OfferState.PENDING \
            or offer.rang_at is not None or offer.answered_at is not None:
        return  # a phone that rings says that the command was carried out
    contact.not_before = max(contact.not_before, d.now + RETRY_S)
    offers.close(d, offer, "taken_back", REASON, keep_idle=True)
