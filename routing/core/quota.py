"""Services with a limit of contacts at agents: how many there are, and who may come when one is there no more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from routing.core.model import OfferState

if TYPE_CHECKING:
    from routing.core.match import Matching
    from routing.core.records import Offer


class Quota:
    """How many contacts of a service are at agents, and how many may be."""

    __slots__ = ("limit", "taken")

    def __init__(self, limit: int) -> None:
        self.limit, self.taken = limit, 0


def count(matching: Matching, offer: Offer) -> None:
    """A contact is at an agent; perhaps of a service that may have only so many there."""
    quota = offer.quota = matching.quotas.get(offer.contact.service.id)
    if quota is not None:
        quota.taken += 1


def uncount(matching: Matching, offer: Offer) -> None:
    """It is there no more: the next one of its service may come."""
    quota, offer.quota = offer.quota, None
    if quota is not None:
        quota.taken -= 1
        matching.calling.update((group, None) for group in matching.active if group.quota is quota)


def recount(matching: Matching, offers: Iterable[Offer]) -> None:
    """After a reload or a restart: what is at agents now."""
    for offer in offers:
        offer.quota = None
        if offer.state in (OfferState.PENDING, OfferState.ACCEPTED):
            count(matching, offer)
