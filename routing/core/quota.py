"""Services with a limit of contacts at agents: count them, and let the next one come when one leaves its agent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from routing.core.match import A, C, Matching
from routing.core.matching.protocols import WaitingContact
from routing.core.model import OfferState
from routing.core.pool import Quota


class QuotaOffer(Protocol):
    """An offer, as far as it counts for a quota."""

    quota: Quota | None
    """The quota where it is counted."""

    @property
    def contact(self) -> WaitingContact:
        """Return the contact that is offered."""

    @property
    def state(self) -> OfferState:
        """Return the state of the offer."""


def count(matching: Matching[A, C], offer: QuotaOffer) -> None:
    """Count a contact that is at an agent, if its service may have only so many there."""
    quota = offer.quota = matching.quotas.get(offer.contact.service.id)
    if quota is not None:
        quota.taken += 1


def uncount(matching: Matching[A, C], offer: QuotaOffer) -> None:
    """Stop counting a contact, and have the next assignment look at the groups of its service."""
    quota, offer.quota = offer.quota, None
    if quota is not None:
        quota.taken -= 1
        matching.calling.update((group, None) for group in matching.active if group.quota is quota)


def recount(matching: Matching[A, C], offers: Iterable[QuotaOffer]) -> None:
    """Count every contact at an agent again, after a reload or a restart."""
    for offer in offers:
        offer.quota = None
        if offer.state in (OfferState.PENDING, OfferState.ACCEPTED):
            count(matching, offer)
