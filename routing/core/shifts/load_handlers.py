"""Handle reports of agents about their load: the weight of a contact, "not now", and the end of a rest."""

from __future__ import annotations

from routing.core.agents import distress_load, presence
from routing.core.calls import offer_changes
from routing.core.domain import Domain
from routing.core.events import HeavyContactsDeclined, LoadReported
from routing.core.model.centre_model import HEAVY_LOAD, LOAD_MAX
from routing.core.model.errors import NothingToDecline, OutOfRange
from routing.core.model.reasons import NOT_NOW
from routing.core.records import AgentRecord


def on_load_reported(d: Domain, event: LoadReported) -> None:
    """Replace the weight of a contact's service by the agent's report.

    After the wrap-up the report changes nothing.
    """
    if not 0 <= event.load <= LOAD_MAX:
        raise OutOfRange(f"offer {event.offer}: a contact weighs 0 to {LOAD_MAX}, not {event.load}")
    offer = d.offers.get(event.offer)
    if offer is None or offer.rings or (offer.load_reported and offer.load == event.load):
        return
    # Only the difference is added, as from the connection: the weight of the service was counted then.
    more, offer.load, offer.load_reported = event.load - offer.load, event.load, True
    d.mark(offer)
    distress_load.add_weight(d, offer, more)
    for record in distress_load.hearing_agents(offer):
        presence.emit_request(d, record)
        presence.update_placement(d, record)


def on_heavy_declined(d: Domain, event: HeavyContactsDeclined) -> None:
    """Keep heavy contacts away from the agent for `Centre.heavy_declined_s` ("not now").

    No reason is asked and nothing is counted. A ringing heavy offer is rescinded, and that is no ring-no-answer. Raise
    NothingToDecline if the agent gets no heavy contacts anyway: an answer "accepted" would be believed.
    """
    record = presence.signed_in_agent(d, event.agent)
    partner = record.partner
    served = (*record.serves, *partner.serves) if partner is not None and partner.is_signed_in else record.serves
    if not any(d.services[one].load >= HEAVY_LOAD for one in served if one in d.services):
        raise NothingToDecline(f"agent {record.id} fits no service with a load of {HEAVY_LOAD} or more; "
                               "set 'load' of the service if its contacts are heavy")
    distress_load.decline_heavy(d, record)
    heavy = [offer for offer in record.offers.values()
             if offer.rings and offer.contact.service.load >= HEAVY_LOAD]
    for offer in heavy:
        offer_changes.rescind_offer(d, offer, NOT_NOW)
        offer_changes.close_offer(d, offer, "rescinded", NOT_NOW)
    # A closed offer has already emitted the agent's change and placed the agent again.
    if not heavy:
        presence.emit_request(d, record)
        presence.update_placement(d, record)


def end_rest(d: Domain, record: AgentRecord) -> bool:
    """End the rest after a heavy contact at the agent's wish. Return False if there was none."""
    if record.rest_until <= d.now:
        return False
    record.rest_until, record.load_state_changed = 0.0, True
    return True
