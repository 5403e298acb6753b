"""Reads of the domain: what others may know of it. Nothing here changes anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from math import inf

from routing.core import capacity, estimate
from routing.core.domain import Domain
from routing.core.ids import AgentId, ContactId, leg_id
from routing.core.inbox import AgentView, ContactView, QueueView, Status
from routing.core.live import LiveContact, LiveOffer
from routing.core.model import AgentState, Channel, ContactState, Estimate, OfferState
from routing.core.records import AgentRecord, Contact
from routing.core.states import CallbackState, LegState

WAITING = (ContactState.PENDING, ContactState.RESERVED)


def contact(d: Domain, contact_id: ContactId, now: float) -> ContactView | None:
    """One contact."""
    found = d.contacts.get(contact_id)
    if found is None:
        return None
    expected, group = estimate.now(d, found, now), found.group
    unserved = found.state is ContactState.PENDING and group is not None and not group.ready and expected is None
    return _contact(d, found, now, expected)._replace(unserved=unserved)


def _contact(d: Domain, c: Contact, now: float, expected: Estimate | None = None) -> ContactView:
    waits = c.state in WAITING
    offer = c.offer
    if waits or offer is None or offer.connected_at is None:
        waited_s = now - c.waits_from()
    else:
        waited_s = offer.connected_at - c.waits_from()
    return ContactView(
        c.id, c.service.id, c.channel, c.state, d.position(c) if waits else 0, d.lines[c.service.id].size,
        max(0.0, waited_s), None if offer is None else offer.id, None if offer is None else offer.agent.id, c.slow,
        c.callback, expected, c.tries, c.not_before, c.merged, returned=c.returned is not None,
        abusive=c.abusive, priority=c.priority, handed_at=c.handed_at)


def agent(d: Domain, agent_id: AgentId, now: float) -> AgentView | None:
    """One agent of the team."""
    found = d.agents.get(agent_id)
    if found is None or not (found.configured or found.signed):
        return None
    return _agent(d, found)


def _agent(d: Domain, record: AgentRecord) -> AgentView:
    offer = capacity.main_offer(record) if record.offers else None
    return AgentView(
        record.id, record.team, record.state, record.reason, record.since, record.seat,
        None if offer is None else offer.contact.id, None if offer is None else offer.contact.service.id,
        capacity.wrapup_until(d, record), record.misses, tuple((str(s), n) for s, n in record.agent.skills),
        record.pause_pending, None if offer is None else offer.id,
        tuple(sorted(record.relaxed.items())) if record.relaxed else (),
        record.spared_until if record.spared_until > d.now else None,
        record.rest_until if record.rest_until > d.now else None,
        record.pause_limit_at if record.pause_limit_at < inf else None, record.pause_limit_at <= d.now)


def status(d: Domain, now: float) -> Status:
    """Everything at one moment."""
    signed: Counter[str] = Counter()
    ready: Counter[str] = Counter()
    for record in d.agents.values():
        if record.signed:
            signed.update(record.serves)
            if record.key is not None and record.state is AgentState.READY:
                ready.update(record.serves)
    ringing: Counter[str] = Counter()
    talking: Counter[str] = Counter()
    oldest: dict[str, float] = {}
    names = {service.id: service.name for service in d.services.values()}
    for c in d.contacts.values():
        names.setdefault(c.service.id, c.service.name)
        ringing[c.service.id] += c.state is ContactState.RESERVED
        talking[c.service.id] += c.state is ContactState.ASSIGNED
        if c.state in WAITING:
            oldest[c.service.id] = min(oldest.get(c.service.id, c.since), c.since)
    queues = tuple(
        QueueView(service, name, d.lines[service].size, ringing[service], talking[service],
                  max(0.0, now - oldest[service]) if service in oldest else 0.0, signed[service], ready[service],
                  estimate.newcomer(d, d.services[service], now) if service in d.services else None,
                  service not in d.closed)
        for service, name in names.items())
    return Status(
        now, all(link.up for link in d.links.values()), queues,
        tuple(_agent(d, record) for record in d.agents.values() if record.configured or record.signed),
        tuple(_contact(d, c, now) for c in d.contacts.values()), d.centre.pause_reasons)


def live_contacts(d: Domain, channels: Container[Channel]) -> list[LiveContact]:
    """Return the contacts of these channels that are not over, without callbacks whose caller has hung up."""
    return [LiveContact(c.id, c.leg, c.state, c.node) for c in d.contacts.values()
            if c.channel in channels and c.state in (*WAITING, ContactState.ASSIGNED)
            and (c.leg or not c.callback)]


def live_offers(d: Domain, channels: Container[Channel]) -> list[LiveOffer]:
    """Return the offers of these channels that ring or talk."""
    return [LiveOffer(o.id, o.contact.id, o.agent.id, o.seat, o.state, o.answered_at is not None or
                      o.connected_at is not None, leg_id(o.id, o.contact.id), o.dialling,
                      o.callback is not CallbackState.CALLER_DIALLED_FIRST, o.held_since is not None, o.talks_first,
                      o.state is OfferState.PENDING and o.partner_leg is LegState.CALLED)
            for o in d.offers.values()
            if o.contact.channel in channels
            and o.state in (OfferState.PENDING, OfferState.ACCEPTED, OfferState.CONSULTING)]
