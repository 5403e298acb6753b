"""Handle the end of a talk, which Asterisk reports for both legs."""

from __future__ import annotations

from routing.core.callers import caller_events
from routing.core.calls import talk_changes
from routing.core.domain import Domain
from routing.core.events import CallerHungUp, TalkEnded
from routing.core.model.centre_model import OfferState
from routing.core.model.reasons import DROPPED
from routing.core.model.state_tables import LegState

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
ACCEPTED, CONSULTING = OfferState.ACCEPTED, OfferState.CONSULTING
AWAITING_REBRIDGE = LegState.AWAITING_REBRIDGE


def on_talk_ended(d: Domain, event: TalkEnded) -> None:
    """Record that the agent and the caller are no longer bridged.

    If the agent consults on a second line, the caller still belongs to that agent. A hang-up is then the caller's.
    """
    number, by, ended_at = event
    offer = d.offers.get(number)
    if offer is None:
        return
    # While the caller waits to be bridged again, other events end the talk.
    if offer.state is ACCEPTED and offer.leg is not AWAITING_REBRIDGE:
        talk_changes.end_talk(d, offer, by, d.now if ended_at is None else ended_at)
    elif offer.state is CONSULTING and offer.consult is not None and offer.consult.second_line \
            and by in ("caller", DROPPED):
        caller_events.on_caller_hung_up(d, CallerHungUp(offer.contact.id, ended_at, dropped=by == DROPPED))
