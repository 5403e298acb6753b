"""Read the domain for others. No function here changes anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from math import inf

from routing.core.agents import agent_capacity, break_rules
from routing.core.calls import offer_changes, talk_changes
from routing.core.domain import Domain
from routing.core.inbox import (
    AgentView,
    ColleagueView,
    ConsultView,
    ContactAtHand,
    ContactView,
    DeskView,
    HeldContact,
    QueueLoad,
    QueueView,
    Status,
)
from routing.core.matching.agent_pool import BY_PHONE, CHANNEL_BIT
from routing.core.model.centre_model import (
    ON_LINE_STATES,
    WAITING_STATES,
    AgentState,
    Channel,
    ContactState,
    Estimate,
    OfferState,
    Trigger,
)
from routing.core.model.ids import AgentId, ContactId, ServiceId, leg_id
from routing.core.model.live_calls import LiveContact, LiveOffer
from routing.core.model.state_tables import CallbackState, LegState
from routing.core.records import AgentRecord, Contact, Offer
from routing.core.waiting_time import expected_wait

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
READY, ASSIGNED, RESERVED = AgentState.READY, ContactState.ASSIGNED, ContactState.RESERVED


def contact_view(d: Domain, contact_id: ContactId, now: float) -> ContactView | None:
    """Return the view of one contact, or None if it is unknown."""
    found = d.contacts.get(contact_id)
    if found is None:
        return None
    expected, group = expected_wait.estimate_now(d, found, now), found.group
    position = d.position_of(found) if found.state in WAITING_STATES else 0
    unserved = found.state is ContactState.PENDING and group is not None and not group.has_ready_agent \
        and not d.matching.is_manned(found, found.timed_step)
    view = _build_contact_view(d, found, now, position, expected)._replace(unserved=unserved)
    if found.way_out is None or found.state is not ContactState.PENDING:
        return view
    led_by = found.led_by[-1]
    if led_by is Trigger.NOBODY and d.matching.is_manned(found, found.timed_step):
        return view
    return view._replace(led_by=led_by, way_out=found.way_out)


def _build_contact_view(d: Domain, c: Contact, now: float, position: int,
                        expected: Estimate | None = None) -> ContactView:
    waits = c.state in WAITING_STATES
    offer = c.offer
    # The wait ends at the bridge. After that the waited time stays.
    if waits or offer is None or offer.connected_at is None:
        waited_s = now - c.waits_from()
    else:
        waited_s = offer.connected_at - c.waits_from()
    return ContactView(
        c.id, c.service.id, c.channel, c.state, position, d.queues[c.service.id].size,
        max(0.0, waited_s), None if offer is None else offer.id, None if offer is None else offer.agent.id, c.slow,
        c.callback, expected, c.tries, c.not_before, c.merged, has_held_position=c.own_position is not None,
        abusive=c.abusive, priority=c.priority, farewell=c.farewell, transferred_at=c.transferred_at,
        has_talked=c.wait_s is not None)


def agent_view(d: Domain, agent_id: AgentId, now: float) -> AgentView | None:
    """Return the view of one agent, or None if the agent is not in the team."""
    found = d.agents.get(agent_id)
    # An agent who was removed from the team stays visible until the last talk is over.
    if found is None or not (found.configured or found.is_signed_in):
        return None
    return _build_agent_view(d, found)


def _build_agent_view(d: Domain, record: AgentRecord) -> AgentView:
    offer = agent_capacity.main_offer(record) if record.offers else None
    return AgentView(
        record.id, record.team, record.state, record.reason, record.since, record.seat,
        None if offer is None else offer.contact.id, None if offer is None else offer.contact.service.id,
        agent_capacity.wrapup_until(d, record), record.rna_count, tuple((str(s), n) for s, n in record.agent.skills),
        record.pause_pending, None if offer is None else offer.id,
        tuple(sorted(record.overrides.items())) if record.overrides else (),
        record.heavy_declined_until if record.heavy_declined_until > d.now else None,
        record.rest_until if record.rest_until > d.now else None,
        record.pause_limit_at if record.pause_limit_at < inf else None, record.pause_limit_at <= d.now,
        tuple([number for number, one in record.offers.items() if one.contact.offer is one and one.agent is record])
        if record.offers else (), break_rules.is_postponed(record), record.desk,
        tuple([ContactAtHand(one.contact.id, one.id, one.contact.channel, one.contact.service.id, one.state)
               for one in agent_capacity.engaging_order(record)]) if record.offers else (),
        record.as_configured is not None)


def agent_views(d: Domain) -> tuple[AgentView, ...]:
    """Return the views of all agents, in the order of the team."""
    return tuple([_build_agent_view(d, one) for one in d.agents.values() if one.configured or one.is_signed_in])


def desk_view(d: Domain, agent_id: AgentId, now: float) -> DeskView | None:
    """Return what the desk of one agent shows, or None if the agent is not in the team."""
    view, record = agent_view(d, agent_id, now), d.agents.get(agent_id)
    if view is None or record is None:
        return None
    seat = None if record.seat is None else d.seats.get(record.seat)
    planned_at = record.break_at if record.is_signed_in else inf
    return DeskView(
        now, view, seat is not None and seat.reachable, planned_at if planned_at < inf else None,
        record.break_until or None,
        tuple([_build_held_contact(d, record, offer) for offer in agent_capacity.engaging_order(record)]),
        record.serves if record.is_signed_in else (), record.profile.comfort, record.leave_pending)


def _build_held_contact(d: Domain, record: AgentRecord, offer: Offer) -> HeldContact:
    contact, consulting_offer = offer.contact, offer.contact.consulting_offer
    pending = offer.rings
    rings = d.timers.deadline_of(("ring", offer.id))
    consult = None
    # Both of a pair have the offer, and each sees the other one.
    partner = offer.agent if offer.partner is record else offer.partner
    # Only the offer of the consulting agent has the consult transfer that goes on.
    if offer.consult is not None and offer.state is OfferState.CONSULTING:
        asked = contact.offer
        consult = ConsultView(offer.consult.state, contact.service.id, None if asked is None else asked.agent.id,
                              offer.consult.since)
    return HeldContact(
        offer.id, contact.id, contact.channel, contact.service.id, contact.service.name, offer.state,
        contact.waits_from(), contact.callback or offer.callback is not None, contact.language, contact.slow,
        (contact.wait_s is not None and pending) or contact.own_position is not None,
        None if consulting_offer is None or consulting_offer is offer else consulting_offer.agent.id,
        offer.talks_first, None if partner is None else partner.id,
        # The engine waits a little longer than the phone rings.
        None if rings is None or not pending else rings - offer_changes.RING_GRACE_S,
        offer.answered_at, offer.connected_at, offer.held_since, offer.interrupted, consult, contact.follow_up,
        contact.abusive, d.timers.deadline_of(("wrapup", offer.id)), offer.wrapup_requested,
        talk_changes.can_wrap_up(record), talk_changes.will_wrap_up(record, offer), offer.agent is record,
        record.profile.reading_s > 0.0, offer.load if offer.load_reported else None,
        contact.words_until if pending and contact.words_until > d.now and not contact.service.distress else None)


def colleagues_of(d: Domain, agent_id: AgentId) -> tuple[ColleagueView, ...]:
    """Return the other agents who are signed in, in the order of the team. The cost is a look at every agent."""
    voice = CHANNEL_BIT[Channel.VOICE]
    return tuple([ColleagueView(one.id, one.serves, bool(one.key is not None and one.state is READY
                                                         and one.open_channels & voice))
                  for one in d.agents.values() if one.is_signed_in and one.id != agent_id])


def callbacks_for(d: Domain, agent_id: AgentId, now: float) -> tuple[ContactView, ...]:
    """Return the waiting callbacks of the services that an agent serves, longest wait first.

    A service has no more than `callback_max` of them.
    """
    record = d.agents.get(agent_id)
    if record is None or not record.is_signed_in:
        return ()
    found = [contact for service in record.serves for contact in d.waiting_callbacks.get(service, ())]
    return tuple([_build_contact_view(d, contact, now, 0)
                  for contact in sorted(found, key=lambda one: (one.since, one.number))])


def queue_views(d: Domain, now: float) -> tuple[QueueView, ...]:
    """Return the views of all services. A removed service is listed until its last contact ends."""
    # 1. Count the agents. Those of a cohort serve the same services, so each cohort is spread once. Agents without a
    # phone take no calls: with them a service with callers would look staffed.
    agents = [one for one in d.agents.values() if one.cohort is not None and one.cohort.channels & BY_PHONE]
    signed_in = _count_services(Counter([one.serves for one in agents]))
    ready = _count_services(Counter([one.serves for one in agents if one.key is not None and one.state is READY]))
    # 2. Count the contacts at agents by their offers, which are no more than the agents can hold.
    at_agents = [offer.contact for offer in d.offers.values() if offer.contact.offer is offer]
    ringing = Counter([c.service.id for c in at_agents if c.state is RESERVED])
    talking = Counter([c.service.id for c in at_agents if c.state is ASSIGNED])
    # 3. Build the views.
    names = {service.id: service.name for service in d.services.values()}
    left = [c.service for c in at_agents if c.service.id not in names]
    left += [line.head()[2].service for service, line in d.queues.items() if line.size and service not in names]
    names.update((service.id, service.name) for service in left)
    found = []
    for service, name in names.items():
        line = d.queues[service]
        # Points may put any contact first, so the oldest one may be anywhere.
        oldest = min([c.since for _, _, c in line.to_list()], default=now)
        found.append(QueueView(
            service, name, line.size, ringing[service], talking[service], max(0.0, now - oldest), signed_in[service],
            ready[service],
            expected_wait.estimate_newcomer(d, d.services[service], now) if service in d.services else None,
            service not in d.closed))
    return tuple(found)


def _count_services(counts: Counter[tuple[ServiceId, ...]]) -> Counter[ServiceId]:
    found: Counter[ServiceId] = Counter()
    for serves, count in counts.items():
        for service in serves:
            found[service] += count
    return found


def whole_status(d: Domain, now: float) -> Status:
    """Return the state of the whole domain at one moment."""
    # Contacts get no estimate here: that would cost a look at the queue for each of them.
    positions: dict[Contact, int] = {}
    for line in d.queues.values():
        callbacks: list[Contact] = []
        for number, (_, _, contact) in enumerate(line, 1):
            positions[contact] = d.count_turns(number, contact, callbacks) if callbacks or contact.callback \
                else number
            if contact.callback:
                callbacks.append(contact)
    return Status(
        now, all(link.up for link in d.links.values()), queue_views(d, now),
        agent_views(d),
        tuple(_build_contact_view(d, c, now, positions.get(c, 0)) for c in d.contacts.values()))


def queue_load(d: Domain, service: str, now: float) -> QueueLoad | None:
    """Return the load of a service. Return None if an agent is ready for it, or if there is no such service."""
    known = d.services.get(ServiceId(service))
    if known is None or expected_wait.has_ready_agent(d, known, now):
        return None
    estimate = expected_wait.estimate_newcomer(d, known, now)
    return QueueLoad(d.queues[known.id].size, None if estimate is None else estimate.wait_s)


def live_contacts(d: Domain, channels: Container[Channel]) -> list[LiveContact]:
    """Return the live contacts of these channels, without callbacks whose caller has hung up and is not dialled."""
    return [LiveContact(c.id, c.leg, c.state, c.node, c.dialling, c.shown) for c in d.contacts.values()
            if c.channel in channels and c.state in ON_LINE_STATES
            and (c.leg or not c.callback or c.dialling or not c.shown)]


def live_offers(d: Domain, channels: Container[Channel]) -> list[LiveOffer]:
    """Return the offers of these channels that ring or talk."""
    return [LiveOffer(o.id, o.contact.id, o.agent.id, o.seat, o.state, o.answered_at is not None or
                      o.connected_at is not None, leg_id(o.id, o.contact.id), o.dialling,
                      o.callback is not CallbackState.CALLER_DIALLED_FIRST and not o.rings_at,
                      o.held_since is not None, o.talks_first,
                      o.rang_at is not None, o.state is OfferState.PENDING and o.partner_leg is LegState.CALLED,
                      None if o.partner is None else o.partner.id)
            for o in d.offers.values()
            if o.contact.channel in channels
            and (o.rings or o.state in (OfferState.ACCEPTED, OfferState.CONSULTING))]
