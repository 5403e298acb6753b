"""What the store keeps of a contact, an offer and an agent, and how the engine is built from it after a restart.

Only what is alive is restored: contacts in `pending`, `reserved`, `assigned` or `wrapping`, their offers in `pending`,
`accepted` or `wrapping`, and every agent row (a signed-out agent's row carries only its version). Nothing is emitted:
the facts of these rows are already stored. Only rows that contradict each other, which no fact of ours makes, are given
back as they should read, with an alarm each: a start must always be possible, and every later change compares with
them.

A clock may have been set back since the rows were written: a time that lies ahead counts as now, or a wrap-up would
last until the clock has caught up.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from routing.core import breaks, contacts, facts, relaxed, wellbeing
from routing.core.domain import Domain
from routing.core.ids import AgentId, ContactId, OfferId, SeatId, ServiceId, SkillId
from routing.core.model import Agent, AgentState, Channel, ContactState, OfferState, Service, Step
from routing.core.offers import BRIEF_S, RING_GRACE_S, VANISHED_S
from routing.core.records import AgentRecord, Contact, NodeLink, Offer

REPAIRED = "rows_repaired"
"""Kind of the alarm."""


class StoredContact(NamedTuple):
    """A contact that is not over. All times are Unix seconds."""

    contact: ContactId
    state: ContactState
    version: int
    """Of the last fact about this contact."""
    service: ServiceId
    channel: Channel
    since: float
    """Start of the wait: decides the place in line."""
    queued_at: float
    """Time of the Queued fact: decides between equal ages, then the contact's id does."""
    priority: int
    position: int
    """Place in line at the beginning (`original_position`)."""
    leg: str
    slow: bool = False
    node: str = ""
    caller_hash: str = ""
    caller_box: str = ""
    offer: OfferId | None = None
    """The offer that rings, talks or is wrapped up."""


class StoredOffer(NamedTuple):
    """An offer that still holds its contact or its agent."""

    offer: OfferId
    contact: ContactId
    agent: AgentId
    seat: SeatId
    service: ServiceId
    channel: Channel
    state: OfferState
    """`pending`, `accepted` or `wrapping`."""
    offered_at: float
    ring_s: float
    step: int = 0
    level: int = -1
    rang_at: float | None = None
    connected_at: float | None = None
    talk_over_at: float | None = None
    held_s: float = 0.0


class StoredAgent(NamedTuple):
    """An agent's row, signed in or not."""

    agent: AgentId
    version: int
    state: AgentState
    reason: str
    since: float
    """Start of the state."""
    seat: SeatId | None
    misses: int = 0
    idle_since: float | None = None
    """What longest idle counts from; None: `since`."""
    wrapup_until: float | None = None
    """End of the wrap-up; None: `since` and the profile's wrap-up time."""
    pause_pending: str = ""
    leave_pending: bool = False
    wellbeing: facts.Wellbeing | None = None
    """Of the last AgentChanged that had one; None: there was none yet."""


Row = StoredContact | StoredOffer | StoredAgent


def rebuild(d: Domain, stored_contacts: Iterable[StoredContact], stored_offers: Iterable[StoredOffer],
            stored_agents: Iterable[StoredAgent]) -> list[Row]:
    """Fill an empty, configured domain. Rows that do not fit together (an offer without its contact, a ringing agent
    without an offer) are let go in favour of the caller: the contact waits again. Gives those rows as they must read
    from now on."""
    contact_rows = sorted(stored_contacts, key=_arrival)
    for contact_row in contact_rows:
        d.contacts[contact_row.contact] = _contact(d, contact_row)  # first: agents are put where contacts may ask
    agents = {row.agent: row for row in stored_agents}
    for row in agents.values():
        _agent(d, row)
    offer_rows = sorted(stored_offers)
    for offer_row in offer_rows:
        _offer(d, offer_row, agents.get(offer_row.agent))
    for contact in list(d.contacts.values()):
        _settle_contact(d, contact)
    for record in d.agents.values():
        if record.signed:
            _settle_agent(d, record, agents.get(record.id))
    return _repairs(d, contact_rows, offer_rows, agents.values())


def _repairs(d: Domain, contact_rows: Iterable[StoredContact], offer_rows: Iterable[StoredOffer],
             agent_rows: Iterable[StoredAgent]) -> list[Row]:
    """Rows that say something else than what was made of them, as they should read."""
    repairs: list[Row] = []
    for one in offer_rows:  # first: a contact or an agent has no slot before the offer has let it go
        if one.offer not in d.offers:
            state = OfferState.RESCINDED if one.state is OfferState.PENDING else OfferState.COMPLETED
            repairs.append(one._replace(state=state))
            d.facts.append(facts.Alarm(*d.stamp(), REPAIRED, one.contact, one.offer, one.agent))
    for row in contact_rows:
        contact = d.contacts.get(row.contact)
        after = ContactState.COMPLETED if contact is None else contact.state
        if after is not row.state:
            repairs.append(row._replace(state=after, offer=None))
            d.facts.append(facts.Alarm(*d.stamp(), REPAIRED, row.contact, None, None))
    for agent in agent_rows:
        record = d.agents[agent.agent]
        if record.state is not agent.state:
            repairs.append(agent._replace(state=record.state, seat=record.seat))
            d.facts.append(facts.Alarm(*d.stamp(), REPAIRED, None, None, agent.agent))
    return repairs


def _arrival(row: StoredContact) -> tuple[float, int, str]:
    """Order of arrival. A Uniqueid ends in a number that grows: the shorter of two is the older."""
    return row.queued_at, len(row.contact), row.contact


def _agent(d: Domain, row: StoredAgent) -> None:
    record = d.agents.get(row.agent)
    if record is None:
        record = d.agents[row.agent] = AgentRecord(Agent(row.agent, ()), len(d.agents), configured=False)
    record.version, record.since = row.version, min(row.since, d.now)
    if row.wellbeing is not None:
        wellbeing.restore(d, record, row.wellbeing)
        relaxed.arm(d, record)
    if row.state is AgentState.SIGNED_OUT or row.seat is None or d.seat(row.seat).agent is not None:
        return
    since = min(row.since, d.now)
    record.state, record.reason, record.since, record.seat = AgentState(row.state), row.reason, since, row.seat
    record.misses, record.pause_pending, record.leave_pending = row.misses, row.pause_pending, row.leave_pending
    record.idle_since = since if row.idle_since is None else min(row.idle_since, d.now)
    record.gap_until = record.idle_since + record.agent.profile.rest_gap_s
    if wellbeing.relaxed(d, record, "rest_gap"):
        record.gap_until = 0.0
    d.seat(row.seat).agent = record
    d.matching.sign_in(record)


def _last_known(service: ServiceId) -> Service:
    """Stands for a service that left the centre while nobody ran: agents with a skill of its name may serve it, else
    the safety net does. Never anybody else: it may have had a floor."""
    return Service(service, service, (Step(((SkillId(service), 0),)),), overflow_s=0.0)


def _contact(d: Domain, row: StoredContact) -> Contact:
    service = d.services.get(row.service) or _last_known(row.service)
    if row.service not in d.services:
        d.matching.cover(service)
    return Contact(
        row.contact, service, Channel(row.channel), min(row.since, d.now), row.priority, d.take_number(), row.queued_at,
        row.leg, row.slow, row.node, row.caller_hash, row.caller_box, ContactState(row.state), row.version,
        original_position=row.position)


_FITTING = {
    OfferState.PENDING: (ContactState.RESERVED, AgentState.RINGING),
    OfferState.ACCEPTED: (ContactState.ASSIGNED, AgentState.TALKING),
    OfferState.WRAPPING: (ContactState.WRAPPING, AgentState.WRAPUP),
}


def _offer(d: Domain, row: StoredOffer, agent: StoredAgent | None) -> None:
    d.next_offer = max(d.next_offer, row.offer + 1)
    state = OfferState(row.state)
    contact, record = d.contacts.get(row.contact), d.agents.get(row.agent)
    if contact is None or record is None or _FITTING.get(state) != (contact.state, record.state) \
            or contact.offer is not None or record.offers:
        return
    offer = Offer(row.offer, contact, record, row.seat, min(row.offered_at, d.now), row.ring_s, row.step, row.level,
                  state, None if row.rang_at is None else min(row.rang_at, d.now), held_s=row.held_s)
    if state is not OfferState.PENDING:
        offer.connected_at = record.since if row.connected_at is None else min(row.connected_at, d.now)
    if state is OfferState.WRAPPING:
        offer.talk_over_at = record.since if row.talk_over_at is None else min(row.talk_over_at, d.now)
    d.offers[row.offer] = record.offers[row.offer] = contact.offer = offer
    wellbeing.restore_offer(offer, None if agent is None else agent.wellbeing)
    contact.step = min(row.step, len(contact.service.steps) - 1)


def _settle_contact(d: Domain, contact: Contact) -> None:
    if contact.state is ContactState.WRAPPING:
        d.remember_over(contact.id)
        if contact.offer is None:
            del d.contacts[contact.id]
        return
    link = d.links.setdefault(contact.node, NodeLink())
    link.up = False
    if contact.offer is None:
        contact.state = ContactState.PENDING
    elif contact.state is ContactState.RESERVED:
        offer = contact.offer
        if offer.rang_at is None:
            link.frozen.append(("vanish", offer.id, VANISHED_S))
        link.frozen.append(("ring", offer.id, max(offer.ring_s, BRIEF_S) + RING_GRACE_S))
    if contact.state in contacts.WAITING:
        contacts.enter(d, contact)


def _settle_agent(d: Domain, record: AgentRecord, row: StoredAgent | None) -> None:
    if not record.offers and record.state in (AgentState.RINGING, AgentState.TALKING, AgentState.WRAPUP):
        record.state = AgentState.READY
    if record.state is AgentState.WRAPUP:
        until = None if row is None else row.wrapup_until
        lasts_s = record.agent.profile.wrapup_s if row is None or until is None else until - row.since
        d.timers.set(("wrap", record.id), record.since + lasts_s)
    if record.state is AgentState.PAUSED:
        record.paused_at = record.since
    if not record.working_since:
        record.working_since = d.now
    breaks.arm(d, record)
    if not record.configured:
        d.timers.set(("leave", record.id), d.now)
