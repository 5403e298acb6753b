"""What agents say about their burden: how heavy a contact was, "not now", and that they have rested enough."""

from __future__ import annotations

from routing.core import agents, offers, wellbeing
from routing.core.domain import Domain
from routing.core.errors import OutOfRange
from routing.core.events import AgentSpared, ContactWeighed
from routing.core.model import OfferState
from routing.core.records import AgentRecord


def weighed(d: Domain, event: ContactWeighed) -> None:
    """The agent's word on a contact replaces the weight of its service. After its wrap-up it is late news."""
    if not 0 <= event.load <= wellbeing.ANY:
        raise OutOfRange(f"offer {event.offer}: a contact weighs 0 to {wellbeing.ANY}, not {event.load}")
    offer = d.offers.get(event.offer)
    if offer is None or offer.state is OfferState.PENDING or (offer.weighed and offer.load == event.load):
        return
    more, offer.load, offer.weighed = event.load - offer.load, event.load, True
    d.mark(offer)
    wellbeing.weigh(d, offer, more)
    for record in wellbeing.people(offer):
        agents.note(d, record)
        agents.place(d, record)


def spared(d: Domain, event: AgentSpared) -> None:
    """"Not now": no heavy contacts for `Centre.spared_s`. No reason is asked and nothing is counted: one that rings is
    taken back, and it is no miss."""
    record = agents.signed_in(d, event.agent)
    wellbeing.spare(d, record)
    heavy = [offer for offer in record.offers.values()
             if offer.state is OfferState.PENDING and offer.contact.service.load >= wellbeing.HEAVY]
    for offer in heavy:
        offers.rescind(d, offer, "taken_back")
        offers.close(d, offer, "taken_back", "taken_back")
    if not heavy:
        agents.note(d, record)
        agents.place(d, record)


def rested(d: Domain, record: AgentRecord) -> bool:
    """The agent wants no more of the rest after a heavy contact. False: there was none."""
    if record.rest_until <= d.now:
        return False
    record.rest_until, record.untold = 0.0, True
    return True
