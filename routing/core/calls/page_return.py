"""Free the agent and the caller of a call whose page began again.

A page that was reloaded has no call any more, and no page can take over the sound of another one. Asterisk would notice
the dead leg only after `rtp_timeout`: the caller would hear nothing for 15 s.
"""

from __future__ import annotations

from routing.core.agents import agent_capacity, presence
from routing.core.calls import answering, offer_changes, talk_changes
from routing.core.domain import Domain
from routing.core.events import PageReturned
from routing.core.model.centre_model import OfferState
from routing.core.model.reasons import LOST, NO_ANSWER
from routing.core.model.state_tables import LegState
from routing.core.records import AgentRecord, Offer

RETURN_S = 5.0
"""Time for which the caller waits for the same agent before all others. The page is there already, and rings."""


def on_page_returned(d: Domain, event: PageReturned) -> None:
    """End the calls that the agent's page has lost, and offer the caller to this agent first.

    The agent is ready at once if the phone is registered. Without a call the report only says that the phone is there.
    """
    record = presence.signed_in_agent(d, event.agent)
    # 1. A page that speaks is a phone that is there: it need not be tried again after a lost talk.
    if record.seat is not None and d.timers.deadline_of(("seat_retry", record.seat)) is not None:
        d.timers.cancel_deadline(("seat_retry", record.seat))
        presence.retry_seat(d, record.seat)
    for offer in [one for one in record.offers.values() if one.voice]:
        # 2. A talk of two is lost, but not the phone.
        if _is_plain_talk(offer, record):
            offer_changes.rescind_offer(d, offer, "page_returned")
            talk_changes.end_talk(d, offer, LOST, d.now, seat_lost=False, same_agent_s=RETURN_S)
        # 3. A page that began again while it rang counts like one that nobody answered. Otherwise a reload would be a
        # way around offers. A phone that did not ring yet has hidden nothing from the agent.
        elif offer.rings and offer.rang_at is not None and not offer.dialling:
            offer_changes.rescind_offer(d, offer, "page_returned")
            answering.on_no_answer(d, offer, NO_ANSWER, record)
        elif _is_plain_offer(offer):
            offer_changes.rescind_offer(d, offer, "page_returned")
            offer_changes.close_offer(d, offer, "rescinded", LOST, keep_idle=True)
        # 4. Among more than two, the report of the leg's end decides for everybody, as at any hang-up.
        elif offer.rings or agent_capacity.is_talking(offer):
            offer_changes.rescind_offer(d, offer, "page_returned")


def _is_plain_offer(offer: Offer) -> bool:
    """Return whether the offer waits for this agent alone."""
    return (offer.rings and offer.partner is None and not offer.dialling
            and offer.contact.consulting_offer is None)


def _is_plain_talk(offer: Offer, record: AgentRecord) -> bool:
    """Return whether only this agent and the caller are in the talk."""
    return (offer.state is OfferState.ACCEPTED and offer.agent is record and offer.partner is None
            and offer.leg is not LegState.AWAITING_REBRIDGE and offer.contact.consulting_offer is None)
