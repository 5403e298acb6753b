"""The end of a talk, as Asterisk tells it of both legs."""

from __future__ import annotations

from routing.core import caller_events, talks
from routing.core.domain import Domain
from routing.core.events import ContactGone, TalkEnded
from routing.core.model import OfferState
from routing.core.states import LegState

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
ACCEPTED, CONSULTING = OfferState.ACCEPTED, OfferState.CONSULTING


def talk_ended(d: Domain, event: TalkEnded) -> None:
    """Record that caller and agent are not bridged any more.

    If the agent consults on a second line, the caller still belongs to that agent: record a hang-up as the caller's.
    """
    number, by, ended_at = event
    offer = d.offers.get(number)
    if offer is None:
        return
    if offer.state is ACCEPTED and offer.leg is not LegState.AWAITING_REBRIDGE:  # else other events end the talk
        talks.talk_over(d, offer, by, d.now if ended_at is None else ended_at)
    elif offer.state is CONSULTING and offer.consult is not None and offer.consult.second_line \
            and by in ("caller", talks.DROPPED):
        caller_events.gone(d, ContactGone(offer.contact.id, ended_at, dropped=by == talks.DROPPED))
