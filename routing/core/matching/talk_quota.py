"""Limit how many contacts of a service are at agents.

Count these contacts, and let the next one come when one leaves its agent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from routing.core.matching.agent_pool import Quota
from routing.core.matching.matching_index import A, C, Matching
from routing.core.matching.protocols import WaitingContact
from routing.core.model.centre_model import OfferState


class QuotaOffer(Protocol):
    """An offer, as far as it counts for a quota."""

    quota: Quota | None
    """The quota that counts the offer."""

    @property
    def contact(self) -> WaitingContact:
        """Return the contact that is offered."""

    @property
    def state(self) -> OfferState:
        """Return the state of the offer."""


def count_offer(matching: Matching[A, C], offer: QuotaOffer) -> None:
    """Count a contact that is at an agent, if its service limits their number."""
    quota = offer.quota = matching.quotas.get(offer.contact.service.id)
    if quota is not None:
        quota.taken += 1


def uncount_offer(matching: Matching[A, C], offer: QuotaOffer) -> None:
    """Stop counting a contact, and let the next assignment look at the groups of its service."""
    # The quota is cleared first, so that an offer which ends twice is not subtracted twice.
    quota, offer.quota = offer.quota, None
    if quota is not None:
        quota.taken -= 1
        matching.dirty_groups.update((group, None) for group in matching.waiting_groups if group.quota is quota)


def recount_offers(matching: Matching[A, C], offers: Iterable[QuotaOffer]) -> None:
    """Count every contact at an agent again, after a reload or a restart."""
    for offer in offers:
        # The quotas of the index before are gone: nothing is to be subtracted from them.
        offer.quota = None
        if offer.state in (OfferState.PENDING, OfferState.ACCEPTED):
            count_offer(matching, offer)
