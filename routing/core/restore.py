"""Build the engine after a restart from the rows of the store (`stored.py`).

Only live records are restored: contacts in `pending`, `reserved`, `assigned` or `wrapping`, their offers in `pending`,
`beside`, `accepted`, `consulting` or `wrapping`, and every agent row. The row of a signed-out agent carries little more
than its version. No facts are emitted, because the facts of these rows are already stored.

Rows that contradict each other are corrected and returned, with an alarm each. No fact of the engine makes such rows,
but a start must always be possible. Every later change compares with the rows.

The clock may have been set back since the rows were written. A time in the future therefore counts as now. A wrap-up
would otherwise last until the clock has caught up.
"""

from __future__ import annotations

from collections.abc import Iterable

from routing.core import emit, settings
from routing.core.agents import agent_capacity, break_rules, distress_load, presence
from routing.core.calls import consult_transfer, legs
from routing.core.calls.offer_changes import PRE_CONNECT_LIMIT_S, RING_GRACE_S
from routing.core.domain import Domain
from routing.core.events import Configured
from routing.core.matching import talk_quota
from routing.core.matching.skill_requirement import clamp_step, find_unqualified
from routing.core.memory.waits import LearnedService
from routing.core.model.centre_model import (
    ENGAGED_STATES,
    PHONE_CHANNELS,
    RINGING_OFFER,
    WAITING_STATES,
    Agent,
    AgentState,
    CallbackOrder,
    ContactState,
    OfferState,
    Rule,
    Service,
    Step,
    WayOut,
    WrapUpMode,
)
from routing.core.model.declare import attributes
from routing.core.model.ids import ServiceId, SkillId
from routing.core.model.state_tables import AGENT, OFFER, CallbackState, LegState, next_state
from routing.core.queueing import callback_dial, callback_index, contact_queue, recent_talks, wait_deadline
from routing.core.reactions import react
from routing.core.records import AgentRecord, Consult, Contact, NodeLink, Offer
from routing.core.shifts import rule_overrides
from routing.core.snapshot import OUTPUTS, decode_domain
from routing.core.stored import FIELDS, Row, Started, StoredAgent, StoredContact, StoredLearned, StoredOffer

OUTLIVES_SHIFT = frozenset({
    "version", "since", "load", "load_at", "last_load", "at_hard_limit", "heavy_declined_until", "rest_until",
    "rest_after_heavy_until", "working_since", "occupied", "occupied_at", "break_begun", "break_s", "break_until",
    "overrides", "desk"})
"""Attributes of an agent that a restart restores even if the agent is signed out."""

REPAIRED = "rows_repaired"
"""Kind of the alarm."""


def on_started(d: Domain, event: Started) -> None:
    """Restore a new domain to the state of the rows, with the given settings in force.

    Contradictory rows are in `d.repairs` afterwards. Raise ValueError if the domain is not new.
    """
    if d.agents or d.contacts:
        raise ValueError("a node can start once: take a new engine")
    if event.state:
        _take_over_state(d, decode_domain(event.callers, event.state))
        return
    d.next_offer, d.next_seq = event.next_offer, event.next_fact
    # Learned values come before the settings, which decide what of them still holds.
    for row in event.learned:
        _restore_learned(d, row)
    # The settings come before the other rows, which refer to services, agents and indexes.
    settings.on_configured(d, Configured(event.centre))
    for contact in event.ended_contacts:
        d.ended_contacts.set_value(contact, d.now)
    d.caller_memory.restore_notes(event.last_talks, event.held_positions, event.abuse_flags,
                                  event.callback_calls)
    d.repairs = rebuild_domain(d, event.contacts, event.offers, event.agents)
    for row in event.past_offers:
        _restore_past_offer(d, row)


def _take_over_state(d: Domain, found: Domain) -> None:
    """Give an empty domain the state of a running one."""
    now = d.now
    for name in Domain.__slots__:
        if name not in OUTPUTS:
            setattr(d, name, getattr(found, name))
    d.now = max(now, d.now)


def rebuild_domain(d: Domain, stored_contacts: Iterable[StoredContact], stored_offers: Iterable[StoredOffer],
            stored_agents: Iterable[StoredAgent]) -> list[Row]:
    """Fill an empty, configured domain. Return the contradictory rows in their corrected form.

    Rows may contradict each other, such as an offer without its contact, or a ringing agent without an offer. They are
    dropped in favour of the caller, whose contact waits again.
    """
    # 1. Restore the contacts, in order of arrival. Agents are placed by the requirements of contacts, so contacts come
    # first.
    contact_rows = sorted(stored_contacts, key=_arrival_key)
    for contact_row in contact_rows:
        d.contacts[contact_row.contact] = _restore_contact(d, contact_row)
    # 2. Restore the agents.
    agent_rows = {row.agent: row for row in stored_agents}
    for row in agent_rows.values():
        _restore_agent(d, row)
    # 3. Restore the offers.
    offer_rows = sorted(stored_offers)
    for offer_row in offer_rows:
        _restore_offer(d, offer_row)
    # 4. Queue the contacts, and react to what that changes.
    for contact in list(d.contacts.values()):
        _settle_contact(d, contact)
    callback_index.note_new(d)
    react(d)
    # 5. Set the state of each agent by the offers that are left.
    for record in d.agents.values():
        if record.is_signed_in:
            _settle_agent(d, record, agent_rows.get(record.id))
    # 6. Arm deadlines, count quotas, and compare the rows with the result.
    wait_deadline.arm_new_contacts(d)
    talk_quota.recount_offers(d.matching, d.offers.values())
    return _find_repairs(d, contact_rows, offer_rows, agent_rows.values())


def _find_repairs(d: Domain, contact_rows: Iterable[StoredContact], offer_rows: Iterable[StoredOffer],
             agent_rows: Iterable[StoredAgent]) -> list[Row]:
    """Return the rows that differ from the restored records, in their corrected form."""
    repairs: list[Row] = []
    # Offers come first. In the store a contact or an agent is free only after its offer has released it.
    for one in offer_rows:
        if one.offer not in d.offers:
            state = OfferState.RESCINDED if one.state in RINGING_OFFER else OfferState.COMPLETED
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


def _arrival_key(row: StoredContact) -> tuple[float, int, str]:
    """Return the key by which contacts are ordered by arrival.

    A Uniqueid ends in a growing number, so the shorter of two Uniqueids is the older one.
    """
    return row.queued_at, len(row.contact), row.contact


def _restore_learned(d: Domain, row: StoredLearned) -> None:
    times = d.handle_times[row.service]
    times.read_text(row.handle_times)
    learned = LearnedService(row.service, handle_times=times, saved=row.version,
                             **attributes(FIELDS[LearnedService], row, d.now))
    # A row that was changed by hand must not make every estimate fail.
    learned.clip_values()
    d.forecast.add_service(learned)


def _restore_agent(d: Domain, row: StoredAgent) -> None:
    record = d.agents.get(row.agent)
    # The agent has left the team while the node was down, and is signed out after the last contact.
    if record is None:
        record = d.agents[row.agent] = AgentRecord(Agent(row.agent, ()), len(d.agents), configured=False)
    known = attributes(FIELDS[AgentRecord], row, d.now)
    # Two rows may name one seat. The first agent keeps it.
    signed_in = row.state is not AgentState.SIGNED_OUT and (row.seat is None or d.seat_of(row.seat).agent is None)
    for name, value in known.items():
        if signed_in or name in OUTLIVES_SHIFT:
            setattr(record, name, value)
    record.saved = row.version
    distress_load.restore_load_state(d, record, row.overrides)
    rule_overrides.arm_override_end(d, record)
    if not signed_in:
        return
    record.gap_until = record.idle_since + record.profile.rest_gap_s
    if distress_load.is_overridden(d, record, "rest_gap"):
        record.gap_until = 0.0
    if row.seat is not None:
        d.seat_of(row.seat).agent = record
    if row.skills is not None and row.skills != record.agent.skills \
            and not find_unqualified(d.services.values(), record.agent, row.skills):
        record.as_configured = record.agent
        record.set_agent(record.agent._replace(skills=row.skills))
    # The stored skills have become the configured ones, or a qualification, so the row must forget them.
    elif row.skills is not None:
        d.mark(record)
    presence.enlist_agent(d, record)


def _placeholder_service(d: Domain, service: ServiceId) -> Service:
    """Return a stand-in for a service that was removed while no node ran.

    Agents with a skill of this name may serve it. No other agent may, because the service may have had a floor. Without
    such an agent the contact moves to the first other service that takes it, or its caller is offered a callback.
    """
    other = next((one.id for one in d.services.values() if not one.distress), None)
    rule = Rule(way=WayOut.CALLBACK) if other is None else Rule(other)
    return Service(service, service, (Step(((SkillId(service), 0),)),), when_nobody=rule)


def _restore_contact(d: Domain, row: StoredContact) -> Contact:
    service = d.services.get(row.service) or _placeholder_service(d, row.service)
    if row.service not in d.services:
        d.matching.add_pools(service)
    contact = Contact(id=row.contact, service=service, number=d.take_number(),
                      **attributes(FIELDS[Contact], row, d.now))
    # The service may have fewer steps than before the restart.
    contact.timed_step, contact.saved = clamp_step(service, row.step), row.version
    contact.step = contact.timed_step
    if contact.timed_step != row.step:
        d.mark(contact)
    return contact


CLOSED_UNCONNECTED = frozenset(before for before, trigger in OFFER if trigger == "found")
"""States of an offer that is over without a connection, while its caller waits on."""

# Each live state of an offer allows one state of its contact.
_FITTING = {
    OfferState.PENDING: ContactState.RESERVED,
    OfferState.BESIDE: ContactState.RESERVED,
    OfferState.ACCEPTED: ContactState.ASSIGNED,
    OfferState.WRAPPING: ContactState.WRAPPING,
}
_LEG_OF = {OfferState.ACCEPTED: LegState.BRIDGED, OfferState.WRAPPING: LegState.ENDED}


def _restore_offer(d: Domain, row: StoredOffer) -> None:
    d.next_offer = max(d.next_offer, row.offer + 1)
    state = OfferState(row.state)
    # 1. Return without the offer if its contact or agent has no room for it. `_find_repairs` then corrects the row.
    contact, record = d.contacts.get(row.contact), d.agents.get(row.agent)
    if contact is None or record is None or record.state not in ENGAGED_STATES:
        return
    # A consulting agent holds a contact that waits in a queue again.
    asks = state is OfferState.CONSULTING
    if asks and (contact.state not in WAITING_STATES or contact.consulting_offer is not None
            or contact.callback):
        return
    # A further phone rings only while a first one holds the contact.
    beside = state is OfferState.BESIDE
    if not asks and (_FITTING.get(state) is not contact.state or (contact.offer is None) is beside):
        return
    channel = d.channels[contact.channel]
    voice = channel.needs_phone
    # A phone has one call at a time, unless the profile allows more.
    if voice and sum([one.voice for one in record.offers.values()]) >= max(
            1, dict(record.profile.max_concurrency).get(contact.channel, 1)):
        return
    # 2. Build the offer. Times that the row lacks are replaced by the start of the agent's state.
    offer = Offer(id=row.offer, contact=contact, agent=record, voice=voice, cost=channel.cost,
                  **attributes(FIELDS[Offer], row, d.now))
    offer.saved = row.version
    if not offer.rings and offer.connected_at is None:
        offer.connected_at = record.since
    if state is OfferState.WRAPPING and offer.talk_ended_at is None:
        offer.talk_ended_at = record.since
    d.offers[row.offer] = offer
    # 3. Restore the leg, and the consult transfer if there is one. The store does not keep them.
    if asks:
        contact.consulting_offer = offer
        offer.consult = Consult(d.services.get(row.service) or _placeholder_service(d, row.service),
                                row.waited_s or 0.0, False, d.now if offer.held_since is None else offer.held_since)
        offer.leg = LegState.CONSULTING
        d.timers.set_deadline((consult_transfer.TIMER, row.offer), d.now + consult_transfer.CONSULT_WAIT_S)
    else:
        if beside:
            contact.beside = (*contact.beside, offer)
        else:
            contact.offer = offer
        offer.leg = _LEG_OF.get(state, LegState.CALLED if offer.rang_at is None else LegState.RINGING)
        if state is OfferState.PENDING and contact.consulting_offer is not None and record.state is AgentState.TALKING:
            legs.follow_leg(offer, "met_consulting_agent")
            legs.follow_consult(contact.consulting_offer, "consultant_answered")
            # The true time is not stored. Any time will do to keep the deadlines of ringing from running.
            offer.answered_at = d.now
    # 4. Reserve the capacity of the agent, and of the partner.
    agent_capacity.take_capacity(d, record, offer)
    partner = None if row.partner is None else d.agents.get(row.partner)
    if partner is not None and partner.state in ENGAGED_STATES:
        offer.partner, offer.partner_leg = partner, _LEG_OF.get(state, LegState.CALLED)
        if state is not OfferState.WRAPPING:
            agent_capacity.take_capacity(d, partner, offer)
    # 5. Restore the call to the caller of a callback.
    if state is OfferState.PENDING and contact.callback:
        # An offer to call back is made only after the caller has hung up.
        contact.leg = ""
        offer.callback = CallbackState.AGENT_CALLED if row.dialled_at is None \
            else CallbackState.CALLER_DIALLED_FIRST if contact.service.callback is CallbackOrder.CALLER_FIRST \
            else CallbackState.CALLER_DIALLED
    distress_load.restore_offer(offer)
    if not asks:
        contact.step = clamp_step(contact.service, row.step)


def _restore_past_offer(d: Domain, row: StoredOffer) -> None:
    """Let a contact remember an offer that is over. A connection has ended the legs of all offers before it."""
    contact, record = d.contacts.get(row.contact), d.agents.get(row.agent)
    if contact is None or record is None or row.partner is not None or contact.state not in WAITING_STATES:
        return
    if row.connected_at is not None:
        contact.closed_offers = ()
    elif row.state in CLOSED_UNCONNECTED:
        channel = d.channels[contact.channel]
        offer = Offer(id=row.offer, contact=contact, agent=record, voice=channel.needs_phone, cost=channel.cost,
                      leg=LegState.ENDED, **attributes(FIELDS[Offer], row, d.now))
        offer.saved = row.version
        contact.remember_closed(offer)


def _settle_contact(d: Domain, contact: Contact) -> None:
    if contact.state is ContactState.WRAPPING:
        d.ended_contacts.set_value(contact.id, d.now)
        if contact.offer is None:
            del d.contacts[contact.id]
        else:
            recent_talks.note_recent_talk(d, contact.offer, contact.service, contact.offer.talk_ended_at or d.now)
        return
    if contact.channel not in PHONE_CHANNELS:
        _settle_message(d, contact)
        return
    link = d.links.setdefault(contact.node, NodeLink())
    # The link to each node counts as down until the node reports its state.
    if link.up:
        link.up, link.down_since = False, d.now
    # A dial without an agent goes on. The comparison with Asterisk reports a call that is gone.
    contact.dialling = contact.dialling and contact.callback and contact.offer is None
    if contact.dialling:
        link.frozen.append((callback_dial.TIMER, contact.id, callback_dial.DIAL_S))
    if contact.offer is None:
        contact.state = ContactState.PENDING
    # Deadlines start as frozen ones with their full time. They run when the link is up.
    for offer in contact.ringing_offers:
        if offer.dialling:
            link.frozen.append(("dial", offer.id, callback_dial.DIAL_S))
        # A phone that was not told to ring is told when the link is up.
        elif offer.rings_at:
            pass
        elif offer.rang_at is None and offer.voice and not offer.agent.agent.remote:
            link.frozen.append(("vanish", offer.id, d.centre.phone_reacts_s))
        if not offer.dialling and not offer.rings_at:
            link.frozen.append(("ring", offer.id, max(offer.ring_s, PRE_CONNECT_LIMIT_S) + RING_GRACE_S))
    if contact.state in WAITING_STATES:
        contact_queue.enqueue_contact(d, contact)


def _settle_message(d: Domain, contact: Contact) -> None:
    """Let a message wait again, or ring on for its full time. No link tells what becomes of it."""
    if contact.offer is None:
        contact.state = ContactState.PENDING
    elif contact.state is ContactState.RESERVED:
        offer = contact.offer
        d.timers.set_deadline(("ring", offer.id), d.now + max(offer.ring_s, PRE_CONNECT_LIMIT_S) + RING_GRACE_S)
    if contact.state in WAITING_STATES:
        contact_queue.enqueue_contact(d, contact)


def _settle_agent(d: Domain, record: AgentRecord, row: StoredAgent | None) -> None:
    _settle_wrap_ups(d, record, row)
    if record.offers:
        # The load limits were set before the agent's contacts were restored.
        record.load_limits_apply = True
        for offer in record.offers.values():
            offer.interrupted = offer.interrupted and (record.detached_wrapup or record.call_count > 0)
        record.state = next_state(AGENT, "agent", record.id, record.state, agent_capacity.state_trigger(record))
    # The row says that the agent is engaged, but no offer was restored.
    elif record.state in ENGAGED_STATES and not record.detached_wrapup:
        record.state = AgentState.READY
    presence.arm_auto_return(d, record)
    break_rules.restore_break(d, record)
    # A deadline that is due at once: the agent is signed out in the first tick, with facts.
    if not record.configured:
        d.timers.set_deadline(("sign_out", record.id), d.now)
    d.by_state[presence.STATE_NUMBERS[record.state]] += 1
    presence.note_presence(d, record)
    presence.update_placement(d, record)


def _settle_wrap_ups(d: Domain, record: AgentRecord, row: StoredAgent | None) -> None:
    """Set the end of each wrap-up to its original time.

    The last one ends at the time of the row. The others end earlier by as much as they began earlier. A detached
    wrap-up goes on as well.
    """
    profile = record.profile
    wrapping = [offer for offer in record.offers.values() if offer.state is OfferState.WRAPPING]
    until = None
    # A time in the future was moved to now. The end moves by the same amount.
    if row is not None and row.wrapup_until is not None:
        until = row.wrapup_until - (row.since - record.since)
    if record.state is AgentState.WRAPUP and not wrapping:
        record.detached_wrapup = until is not None or profile.wrapup_mode is WrapUpMode.MANDATORY
        if until is not None:
            d.timers.set_deadline(("detached_wrapup", record.id), until)
    if not wrapping or profile.wrapup_mode is WrapUpMode.MANDATORY:
        return
    # Extensions of a wrap-up are not stored for each contact. The last end shows how much was added.
    ends = {offer.id: (offer.talk_ended_at or d.now) + profile.wrapup_s for offer in wrapping}
    more_s = 0.0 if until is None else until - max(ends.values())
    for offer_id, at in ends.items():
        d.timers.set_deadline(("wrapup", offer_id), at + more_s)
