"""How the engine is built after a restart, from what the store keeps (`stored.py`).

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

from routing.core import (
    agents,
    breaks,
    callback,
    callback_index,
    capacity,
    consult,
    contacts,
    emit,
    legs,
    quota,
    relaxed,
    served,
    settings,
    wellbeing,
)
from routing.core.declare import attributes
from routing.core.domain import Domain
from routing.core.events import Configured
from routing.core.facts import Wellbeing
from routing.core.ids import ServiceId, SkillId
from routing.core.model import (
    Agent,
    AgentState,
    CallbackOrder,
    ContactState,
    OfferState,
    Service,
    Step,
    WrapUpMode,
)
from routing.core.offers import BRIEF_S, RING_GRACE_S
from routing.core.reactions import react
from routing.core.records import AgentRecord, Consult, Contact, NodeLink, Offer
from routing.core.requirement import clamp_step
from routing.core.states import AGENT, CallbackState, LegState, follow
from routing.core.stored import FIELDS, Row, Started, StoredAgent, StoredContact, StoredOffer

OUTLIVES_SHIFT = frozenset({"version", "since", *Wellbeing._fields})
"""Attributes of an agent that a restart knows of agents who are signed out too."""

REPAIRED = "rows_repaired"
"""Kind of the alarm."""


def started(d: Domain, event: Started) -> None:
    """A new domain becomes what it was when the rows were written, with these settings in force. What contradicts each
    other is in `d.repairs` then."""
    if d.agents or d.contacts:
        raise ValueError("a node can start once: take a new engine")
    d.next_offer, d.next_seq = event.next_offer, event.next_fact
    settings.configured(d, Configured(event.centre))
    for contact in event.over:
        d.remember_over(contact)
    d.caller_memory.restore_notes(event.spoke, event.places, event.abusive)
    d.repairs = rebuild(d, event.contacts, event.offers, event.agents)


def rebuild(d: Domain, stored_contacts: Iterable[StoredContact], stored_offers: Iterable[StoredOffer],
            stored_agents: Iterable[StoredAgent]) -> list[Row]:
    """Fill an empty, configured domain. Rows that do not fit together (an offer without its contact, a ringing agent
    without an offer) are let go in favour of the caller: the contact waits again. Gives those rows as they must read
    from now on."""
    contact_rows = sorted(stored_contacts, key=_arrival)
    for contact_row in contact_rows:
        d.contacts[contact_row.contact] = _contact(d, contact_row)  # first: agents are put where contacts may ask
    agent_rows = {row.agent: row for row in stored_agents}
    for row in agent_rows.values():
        _agent(d, row)
    offer_rows = sorted(stored_offers)
    asked = {row.contact: row.service for row in offer_rows if row.state is OfferState.CONSULTING}
    blocked = callback.list_blocked(d, asked)
    for offer_row in offer_rows:
        if offer_row.contact in blocked and offer_row.state is OfferState.PENDING and offer_row.dialled_at is None:
            # The version before let it ring. Facts of `callback.review_blocks` would contradict rows that are stored.
            d.next_offer = max(d.next_offer, offer_row.offer + 1)
        else:
            _offer(d, offer_row)
    for contact in list(d.contacts.values()):
        _settle_contact(d, contact)
    callback_index.note_new(d)
    react(d)
    for record in d.agents.values():
        if record.signed:
            _settle_agent(d, record, agent_rows.get(record.id))
    contacts.settle(d)
    quota.recount(d.matching, d.offers.values())
    return _repairs(d, contact_rows, offer_rows, agent_rows.values())


def _repairs(d: Domain, contact_rows: Iterable[StoredContact], offer_rows: Iterable[StoredOffer],
             agent_rows: Iterable[StoredAgent]) -> list[Row]:
    """Rows that say something else than what was made of them, as they should read."""
    repairs: list[Row] = []
    for one in offer_rows:  # first: a contact or an agent has no slot before the offer has let it go
        if one.offer not in d.offers:
            state = OfferState.RESCINDED if one.state is OfferState.PENDING else OfferState.COMPLETED
            repairs.append(one._replace(state=state))
            emit.alarm(d, kind=REPAIRED, contact=one.contact, offer=one.offer, agent=one.agent)
    for row in contact_rows:
        contact = d.contacts.get(row.contact)
        after = ContactState.COMPLETED if contact is None else contact.state
        if after is not row.state:
            repairs.append(row._replace(state=after, offer=None))
            emit.alarm(d, kind=REPAIRED, contact=row.contact, offer=None, agent=None)
    for agent in agent_rows:
        record = d.agents[agent.agent]
        if record.state is not agent.state:
            repairs.append(agent._replace(state=record.state, seat=record.seat))
            emit.alarm(d, kind=REPAIRED, contact=None, offer=None, agent=agent.agent)
    return repairs


def _arrival(row: StoredContact) -> tuple[float, int, str]:
    """Order of arrival. A Uniqueid ends in a number that grows: the shorter of two is the older."""
    return row.queued_at, len(row.contact), row.contact


def _agent(d: Domain, row: StoredAgent) -> None:
    record = d.agents.get(row.agent)
    if record is None:
        record = d.agents[row.agent] = AgentRecord(Agent(row.agent, ()), len(d.agents), configured=False)
    known = attributes(FIELDS[AgentRecord], row, d.now)
    signed_in = row.state is not AgentState.SIGNED_OUT and row.seat is not None and d.seat(row.seat).agent is None
    for name, value in known.items():
        if signed_in or name in OUTLIVES_SHIFT:
            setattr(record, name, value)
    record.saved = row.version
    wellbeing.restore(d, record, row.relaxed)
    relaxed.arm(d, record)
    if not signed_in:
        return
    record.gap_until = record.idle_since + record.profile.rest_gap_s
    if wellbeing.relaxed(d, record, "rest_gap"):
        record.gap_until = 0.0
    d.seat(row.seat).agent = record
    if row.skills is not None and row.skills != record.agent.skills:
        record.as_configured = record.agent
        record.become(record.agent._replace(skills=row.skills))
    elif row.skills is not None:
        d.mark(record)
    agents.enlist(d, record)


def _last_known(service: ServiceId) -> Service:
    """Stands for a service that left the centre while nobody ran: agents with a skill of its name may serve it, else
    the safety net does. Never anybody else: it may have had a floor."""
    return Service(service, service, (Step(((SkillId(service), 0),)),), overflow_s=0.0)


def _contact(d: Domain, row: StoredContact) -> Contact:
    service = d.services.get(row.service) or _last_known(row.service)
    if row.service not in d.services:
        d.matching.cover(service)
    contact = Contact(id=row.contact, service=service, number=d.take_number(),
                      **attributes(FIELDS[Contact], row, d.now))
    contact.step, contact.saved = clamp_step(service, row.step), row.version
    if contact.step != row.step:
        d.mark(contact)
    return contact


_FITTING = {
    OfferState.PENDING: ContactState.RESERVED,
    OfferState.ACCEPTED: ContactState.ASSIGNED,
    OfferState.WRAPPING: ContactState.WRAPPING,
}
_LEG_OF = {OfferState.ACCEPTED: LegState.BRIDGED, OfferState.WRAPPING: LegState.ENDED}
_ENGAGED = (AgentState.RINGING, AgentState.TALKING, AgentState.WRAPUP)


def _offer(d: Domain, row: StoredOffer) -> None:
    d.next_offer = max(d.next_offer, row.offer + 1)
    state = OfferState(row.state)
    contact, record = d.contacts.get(row.contact), d.agents.get(row.agent)
    if contact is None or record is None or record.state not in _ENGAGED:
        return
    asks = state is OfferState.CONSULTING
    if asks and (contact.state not in contacts.WAITING or contact.introducer is not None or contact.callback):
        return
    if not asks and (_FITTING.get(state) is not contact.state or contact.offer is not None):
        return
    channel = d.channels[contact.channel]
    voice = channel.needs_phone
    if voice and sum([one.voice for one in record.offers.values()]) >= max(
            1, dict(record.profile.max_concurrency).get(contact.channel, 1)):
        return
    offer = Offer(id=row.offer, contact=contact, agent=record, voice=voice, cost=channel.cost,
                  **attributes(FIELDS[Offer], row, d.now))
    offer.saved = row.version
    if state is not OfferState.PENDING and offer.connected_at is None:
        offer.connected_at = record.since
    if state is OfferState.WRAPPING and offer.talk_over_at is None:
        offer.talk_over_at = record.since
    d.offers[row.offer] = offer
    if asks:
        contact.introducer = offer
        offer.consult = Consult(d.services.get(row.service) or _last_known(row.service), row.waited_s or 0.0, False)
        offer.leg = LegState.CONSULTING
        d.timers.set((consult.TIMER, row.offer), d.now + consult.WAIT_S)
    else:
        contact.offer = offer
        offer.leg = _LEG_OF.get(state, LegState.CALLED if offer.rang_at is None else LegState.RINGING)
        if state is OfferState.PENDING and contact.introducer is not None and record.state is AgentState.TALKING:
            legs.follow_leg(offer, "met_consulting_agent")
            legs.follow_consult(contact.introducer, "consultant_answered")
            offer.answered_at = d.now  # when is not stored; that is enough for no deadline of ringing to run
    capacity.take(d, record, offer)
    partner = None if row.partner is None else d.agents.get(row.partner)
    if partner is not None and partner.state in _ENGAGED:
        offer.partner, offer.partner_leg = partner, _LEG_OF.get(state, LegState.CALLED)
        if state is not OfferState.WRAPPING:
            capacity.take(d, partner, offer)
    if state is OfferState.PENDING and contact.callback:
        contact.leg = ""  # nobody was on the line, or there would have been no offer
        offer.callback = CallbackState.AGENT_CALLED if row.dialled_at is None \
            else CallbackState.CALLER_DIALLED_FIRST if contact.service.callback is CallbackOrder.CALLER_FIRST \
            else CallbackState.CALLER_DIALLED
    wellbeing.restore_offer(offer)
    if not asks:
        contact.step = min(row.step, len(contact.service.steps) - 1)
        d.mark(contact)


def _settle_contact(d: Domain, contact: Contact) -> None:
    if contact.state is ContactState.WRAPPING:
        d.remember_over(contact.id)
        if contact.offer is None:
            del d.contacts[contact.id]
        else:
            served.note(d, contact.offer, contact.service, contact.offer.talk_over_at or d.now)
        return
    link = d.links.setdefault(contact.node, NodeLink())
    link.up = False
    if contact.offer is None:
        contact.state = ContactState.PENDING
    elif contact.state is ContactState.RESERVED:
        offer = contact.offer
        if offer.dialling:
            link.frozen.append(("dial", offer.id, callback.DIAL_S))
        elif offer.rang_at is None and offer.voice and not offer.agent.agent.outside:
            link.frozen.append(("vanish", offer.id, d.centre.reacts_s))
        if not offer.dialling:
            link.frozen.append(("ring", offer.id, max(offer.ring_s, BRIEF_S) + RING_GRACE_S))
    if contact.state in contacts.WAITING:
        contacts.enter(d, contact)


def _settle_agent(d: Domain, record: AgentRecord, row: StoredAgent | None) -> None:
    _settle_wrap_ups(d, record, row)
    if record.offers:
        record.strained = True  # the load was looked at before the contacts at hand were there
        for offer in record.offers.values():
            offer.interrupted = offer.interrupted and (record.aside or record.calls > 0)
        record.state = follow(AGENT, "agent", record.id, record.state, capacity.still(record))
    elif record.state in _ENGAGED and not record.aside:
        record.state = AgentState.READY
    agents.arm_return(d, record)
    breaks.restored(d, record)
    if not record.configured:
        d.timers.set(("leave", record.id), d.now)
    d.by_state[agents.NUMBER[record.state]] += 1
    agents.place(d, record)


def _settle_wrap_ups(d: Domain, record: AgentRecord, row: StoredAgent | None) -> None:
    """Each wrap-up ends when it would have: the last one at the row's time, the others as much earlier as they began
    earlier. One without a contact goes on as well."""
    profile = record.profile
    wrapping = [offer for offer in record.offers.values() if offer.state is OfferState.WRAPPING]
    until = None
    if row is not None and row.wrapup_until is not None:
        until = row.wrapup_until - (row.since - record.since)
    if record.state is AgentState.WRAPUP and not wrapping:
        record.aside = until is not None or profile.wrapup_mode is WrapUpMode.MANDATORY
        if until is not None:
            d.timers.set(("aside", record.id), until)
    if not wrapping or profile.wrapup_mode is WrapUpMode.MANDATORY:
        return
    ends = {offer.id: (offer.talk_over_at or d.now) + profile.wrapup_s for offer in wrapping}
    more_s = 0.0 if until is None else until - max(ends.values())
    for offer_id, at in ends.items():
        d.timers.set(("wrap", offer_id), at + more_s)
