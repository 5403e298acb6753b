"""Reloads, links, hours, and the start of a node."""

from __future__ import annotations

from routing.core import events as e
from routing.core.model.centre_model import (
    Agent,
    AgentState,
    Centre,
    Channel,
    ContactState,
    OfferState,
    Rule,
    Service,
    Step,
    WayOut,
    WrapUpMode,
)
from routing.core.stored import Started
from tests.oracle import ahead, burden, callbacks, calls, learned, rules, shifts, steps
from tests.oracle.state import (
    ACCEPTED,
    ASSIGNED,
    BESIDE,
    CONSULTING,
    ENGAGED,
    PAUSED,
    PENDING,
    READY,
    RESERVED,
    RINGING,
    SIGNED_OUT,
    TALKING,
    VOICE,
    WAITS,
    WRAPPING,
    WRAPUP,
    Caller,
    Offer,
    Person,
)

MESSAGES_WAIT_S = 60.0


def refuses(h, service: Service) -> str:
    """Return the reason why one more contact cannot wait here, or an empty string."""
    if service.distress:
        return ""
    if service.id in h.closed:
        return "closed"
    waiting = [c for c in h.callers.values() if c.in_line and c.service.id == service.id and not c.callback
               and not rules.turned_away(c)]
    return "full" if service.max_waiting is not None and len(waiting) >= service.max_waiting else ""


def hours(h, event: e.ServiceHoursSet) -> None:
    """Open or close a service."""
    service = h.services.get(event.service)
    if service is None:
        h.refuse("unknown_service")
    if event.open is (service.id not in h.closed) or service.distress:
        return
    (h.closed.discard if event.open else h.closed.add)(service.id)
    h.tell("ServiceChanged", service.id, event.open)


def configured(h, event: e.Configured) -> None:
    """Put other settings in force. All state stays."""
    for p in h.people.values():
        decay(h, p)
    put_in_force(h, event.centre)
    for p in h.people.values():
        burden.limit(h, p)
        if p.signed:
            if p.agent.remote and p.phone is not None:
                p.phone.reachable = True
            h.touch(p)
    for caller in h.callers.values():
        caller.service = h.services.get(caller.service.id, caller.service)
        last = len(caller.service.steps) - 1
        caller.timed_step, caller.step = min(caller.timed_step, last), min(caller.step, last)
    for caller in h.callers.values():
        if caller.in_line:
            if caller.preferred is not None and caller.service.distress:
                caller.preferred, caller.step_at = None, h.now
            steps.still_preferred(h, caller)
            h.arm(caller)
    h.tell("CentreChanged", len(event.centre.services), len(event.centre.agents))
    for name in sorted(h.closed):
        if name not in h.services:
            h.closed.discard(name)
        elif h.services[name].distress:
            h.closed.discard(name)
            h.tell("ServiceChanged", name, True)
    for p in list(h.people.values()):
        if p.signed and not p.configured:
            shifts.dismiss(h, p, "removed")
    calls.review_ringing(h, list(h.offers.values()))


def decay(h, p: Person) -> None:
    """Bring decaying values to this moment, before the half-lives change."""
    p.load, p.load_at = burden.limit(h, p), h.now
    p.occupied *= 2.0 ** ((p.occupied_at - h.now) / h.centre.occupied_half_life_s)
    p.occupied_at = h.now


def put_in_force(h, centre: Centre) -> None:
    """Set services, team and pairs."""
    h.centre = centre
    h.services = {service.id: service for service in centre.services}
    learned.forget_others(h)
    theirs = [c.service for c in h.callers.values() if c.service.id not in h.services]
    h.counts = any(service.strategy == "fewest_contacts" for service in (*centre.services, *theirs))
    h.excluded = frozenset().union(*(agent.profile.no_topics for agent in centre.agents))
    for p in h.people.values():
        p.configured = False
    for index, agent in enumerate(centre.agents):
        p = h.people.get(agent.id)
        if p is None:
            h.people[agent.id] = Person(agent, index)
            continue
        p.index, p.configured = index, True
        if p.usual is None or p.usual != agent or learned.unqualified(centre.services, agent, p.agent.skills):
            p.agent, p.usual = agent, None
    h.people = dict(sorted(h.people.items(), key=lambda item: (not item[1].configured, item[1].index)))
    leads: dict[str, Person] = {}
    for p in h.people.values():
        p.partner, p.lead = None, False
    for p in h.people.values():
        name = p.agent.profile.pair_id
        if name and p.configured:
            lead = leads.setdefault(name, p)
            if lead is not p and lead.partner is None:
                lead.partner, lead.lead, p.partner = p, True, lead
    h.forget_asked()


def link_changed(h, event: e.LinkChanged) -> None:
    """Mark a link as lost or restored. The link without a name follows the last event."""
    for node in dict.fromkeys((event.node, "")):
        if h.up(node) and not event.up:
            h.down[node], h.down_since[node] = [], h.now
            for offer in h.offers.values():
                if offer.rings and offer.voice and offer.caller.node == node:
                    h.down[node] += [(offer, kind, max(0.0, at - h.now)) for kind, at in offer.due.items()
                                     if kind != "words"]
                    offer.due = {}
            for caller in h.callers.values():
                if caller.dialling and caller.node == node and caller.dial_due is not None:
                    caller.dial_left_s, caller.dial_due = max(0.0, caller.dial_due - h.now), None
        elif event.up and not h.up(node):
            thaw(h, node)


def distress_behind_lost_link(h) -> bool:
    """Return whether a call in distress waits for a link that was lost in the last minute. No message goes before."""
    return any(c.service.distress and c.channel is VOICE and c.looks(h.now, h.quiet) and not h.up(c.node)
               and h.now < h.down_since[c.node] + MESSAGES_WAIT_S for c in h.callers.values())


def thaw(h, node: str) -> None:
    """Restart the deadlines that were held while the link was down."""
    del h.down_since[node]
    for offer, kind, left_s in h.down.pop(node):
        if offer.id not in h.offers or not offer.rings or offer.caller.node != node:
            continue
        if (kind == "vanish" and offer.rang_at is not None) or (
                kind in ("vanish", "ring") and offer.answered_at is not None) or (
                offer.dialling and kind != "dial") or (kind == "dial" and not offer.dialling) or (
                offer.with_consulting_agent and offer.caller.consulting_offer is not None):
            continue
        offer.due[kind] = h.now + left_s
    for offer in h.offers.values():
        if offer.rings and offer.voice and offer.caller.node == node and offer.answered_at is not None \
                and not offer.dialling and "pre_connect" not in offer.due \
                and not (offer.with_consulting_agent and offer.caller.consulting_offer is not None):
            offer.due["pre_connect"] = h.now + calls.pre_connect_limit_s(offer)
        if offer.rings and offer.caller.node == node and offer.rings_at is not None:
            offer.due["words"] = max(h.now, offer.rings_at)
        if offer.rings and offer.caller.node == node and offer.dialling and "dial" not in offer.due:
            offer.due["dial"] = h.now + 75.0
    for caller in h.callers.values():
        if caller.dialling and caller.node == node and caller.dial_due is None:
            caller.dial_due = h.now + (ahead.DIAL_S if caller.dial_left_s is None else caller.dial_left_s)
            caller.dial_left_s = None
        if caller.in_line and caller.node == node:
            h.arm(caller)


# --- a node starts


def started(h, event: Started) -> None:
    """Restore everything with which a node begins."""
    h.next_offer = event.next_offer
    configured(h, e.Configured(event.centre))
    for contact in event.ended_contacts:
        h.over[contact] = h.now
    for row in sorted(event.last_talks, key=lambda one: one.at):
        h.last_agents[row.caller_hash] = row.agent, row.at
    h.abusive = {row.caller_hash: row.at for row in event.abuse_flags}
    h.dials = [(row.caller_hash, row.at) for row in event.callback_calls if not row.refused]
    h.refusals = [(row.caller_hash, row.at) for row in event.callback_calls if row.refused]
    h.lost_places = sorted((tuple(row) for row in event.held_positions), key=lambda one: one[4])
    for row in sorted(event.contacts, key=lambda one: (one.queued_at, len(one.contact), one.contact)):
        h.callers[row.contact] = stored_caller(h, row)
    rows = {row.agent: row for row in event.agents}
    for row in rows.values():
        stored_person(h, row)
    for row in sorted(event.offers):
        stored_offer(h, row)
    for caller in list(h.callers.values()):
        settle_caller(h, caller)
    for p in h.people.values():
        if p.signed:
            settle_person(h, p, rows.get(p.id))
    repairs(h, event)
    for row in event.past_offers:
        past_offer(h, row)


def past_offer(h, row) -> None:
    """Remember an offer that is over, unless a talk came after it."""
    caller, p = h.callers.get(row.contact), h.people.get(row.agent)
    if caller is None or p is None or row.partner is not None or not caller.in_line:
        return
    if row.connected_at is not None:
        caller.closed = []
    elif row.state in ("rejected", "timeout", "rescinded"):
        calls.remember(caller, Offer(
            row.offer, caller, p, row.seat, None, min(row.offered_at, h.now), row.ring_s, row.step, row.level, 0,
            h.cost(caller.channel), OfferState(row.state),
            rang_at=None if row.rang_at is None else min(row.rang_at, h.now), dialled=row.dialled_at is not None))


def last_known(h, name: str) -> Service:
    """Return a service that is no longer configured. Without an agent its contacts go to the first other service."""
    other = [service.id for service in h.centre.services if not service.distress]
    rule = Rule(other[0]) if other else Rule(way=WayOut.CALLBACK)
    return Service(name, name, (Step(((name, 0),)),), when_nobody=rule)


def stored_caller(h, row) -> Caller:
    """Restore a contact. If its service is gone, agents with a skill of its name may serve it."""
    service = h.services.get(row.service)
    if service is None:
        service = last_known(h, row.service)
    return Caller(
        row.contact, service, Channel(row.channel), min(row.since, h.now), row.priority, h.take_number(),
        row.queued_at, row.leg, row.slow, row.node, row.caller_hash, row.needs, row.topics,
        entered_at=min(row.entered_at, h.now), step_at=min(row.step_since, h.now),
        step=min(row.step, len(service.steps) - 1), timed_step=min(row.step, len(service.steps) - 1),
        state=ContactState(row.state), visited=row.visited, in_menu=row.in_menu, shown=row.shown,
        callback=row.callback, tries=row.tries, not_before=row.not_before, anytime=row.anytime,
        ends_at=row.expires_at, deferred=row.deferred, dialling=row.dialling, called_alone=bool(row.dials),
        other_hash=row.callback_hash,
        sent_at=None if row.transferred_at is None else min(row.transferred_at, h.now), follow_up=row.follow_up,
        language=row.language, abusive=row.abusive, led_by=row.led_by, way_out=row.way_out, words_until=row.words_until)


def stored_person(h, row) -> None:
    """Restore the row of an agent, signed in or not."""
    p = h.people.get(row.agent)
    if p is None:
        p = h.people[row.agent] = Person(Agent(row.agent, ()), len(h.people), configured=False)
    now, w = h.now, row
    p.ever, p.since = row.version > 0, min(row.since, now)
    p.load, p.load_at, p.last_load, p.limited = w.load, min(w.load_at, now), w.last_load, w.at_hard_limit
    p.heavy_declined_until = min(w.heavy_declined_until, now + h.centre.heavy_declined_s)
    p.rest_until = min(w.rest_until, now + h.centre.decompression_s)
    p.rest_after_heavy_until = min(w.rest_after_heavy_until, now + h.centre.decompression_s)
    p.working_since = min(w.working_since, now)
    p.occupied, p.occupied_at = w.occupied, min(w.occupied_at, now)
    p.break_begun, p.break_s, p.break_until = w.break_begun, w.break_s, w.break_until
    p.overrides = {rule: min(until, now + burden.HOUR_S) for rule, until in w.overrides if until > now}
    burden.limit(h, p)
    p.desk = row.desk
    if row.state is SIGNED_OUT or (row.seat is not None and h.phone(row.seat).person is not None):
        return
    shifts.sit(h, p, row.seat)
    p.state, p.reason, p.rna_count = AgentState(row.state), row.reason, row.rna_count
    p.pause_pending, p.leave_pending = row.pause_pending, row.leave_pending
    p.idle_since = min(row.idle_since, now)
    p.gap_until = 0.0 if burden.is_overridden(h, p, "rest_gap") else p.idle_since + p.agent.profile.rest_gap_s
    if row.skills is not None and row.skills != p.agent.skills \
            and not learned.unqualified(h.services.values(), p.agent, row.skills):
        p.usual, p.agent = p.agent, p.agent._replace(skills=row.skills)
    if p.agent.remote and p.phone is not None:
        p.phone.reachable = True


def stored_offer(h, row) -> None:
    """Restore an offer. An offer that does not fit its contact or agent is dropped, and the caller waits again."""
    h.next_offer = max(h.next_offer, row.offer + 1)
    caller, p, state = h.callers.get(row.contact), h.people.get(row.agent), OfferState(row.state)
    fitting = {PENDING: RESERVED, BESIDE: RESERVED, ACCEPTED: ASSIGNED, WRAPPING: ContactState.WRAPPING}
    if caller is None or p is None or p.state not in ENGAGED:
        return
    asks = state is CONSULTING
    if asks and (not caller.in_line or caller.consulting_offer is not None or caller.callback):
        return
    further = state is BESIDE
    if not asks and (caller.state is not fitting.get(state) or further is (caller.offer is None)):
        return
    if caller.channel is VOICE and sum(one.voice for one in p.hands) >= max(
            1, dict(p.agent.profile.max_concurrency).get(VOICE, 1)):
        return
    now = h.now
    offer = Offer(row.offer, caller, p, row.seat, None, min(row.offered_at, now), row.ring_s, row.step, row.level, 0,
                  h.cost(caller.channel), state, row.rings_at or None,
                  rang_at=None if row.rang_at is None else min(row.rang_at, now), held_s=row.held_s,
                  interrupted=row.interrupted, wrapup_requested=row.wrapup_requested)
    if not offer.rings:
        offer.connected_at = p.since if row.connected_at is None else min(row.connected_at, now)
        offer.load = caller.service.load
        if state in (ACCEPTED, CONSULTING) and row.held_since is not None:
            offer.held_since = min(row.held_since, now)
        if row.load_reported:
            offer.load, offer.load_reported = row.load, True
    if state is WRAPPING:
        offer.talk_ended_at = p.since if row.talk_ended_at is None else min(row.talk_ended_at, now)
    h.offers[offer.id] = offer
    if asks:
        caller.consulting_offer, offer.due["consult"] = offer, now + 60.0
        offer.service_before_consult = h.services.get(row.service) or last_known(h, row.service)
        offer.waited_s = row.waited_s
    elif further:
        caller.beside.append(offer)
    else:
        caller.offer = offer
        offer.with_consulting_agent = state is PENDING and caller.consulting_offer is not None and p.state is TALKING
        if offer.with_consulting_agent:
            offer.answered_at = now
    p.hands.append(offer)
    partner = None if row.partner is None else h.people.get(row.partner)
    if partner is not None and partner.state in ENGAGED:
        offer.partner = partner
        if state is not WRAPPING:
            partner.hands.append(offer)
    if state is PENDING and caller.callback:
        caller.leg, offer.calls_back, offer.dialling = "", True, row.dialled_at is not None
        offer.dialled = offer.dialling
        offer.caller_first = caller.service.callback == "caller_first"
    if not asks:
        caller.step = min(row.step, len(caller.service.steps) - 1)


def settle_caller(h, caller: Caller) -> None:
    """Hold the deadlines of the caller. Links are down until an event says otherwise, and then offers ring again."""
    if caller.state is ContactState.WRAPPING:
        h.over[caller.id] = h.now
        if caller.offer is None:
            del h.callers[caller.id]
        else:
            callbacks.was_served(h, caller.offer, caller.service, caller.offer.talk_ended_at)
        return
    offer = caller.offer
    if caller.channel is not VOICE:
        if offer is None:
            caller.state = WAITS
        elif caller.state is RESERVED:
            offer.due["ring"] = h.now + max(offer.ring_s, 30.0) + 3.0
        return
    frozen = h.down.setdefault(caller.node, [])
    h.down_since.setdefault(caller.node, h.now)
    caller.dialling = caller.dialling and caller.callback and offer is None
    if offer is None:
        caller.state = WAITS
    elif caller.state is RESERVED and offer.dialling:
        frozen.append((offer, "dial", 75.0))
    elif caller.state is RESERVED:
        for one in (offer, *caller.beside):
            if one.rings_at is not None:
                continue
            if one.rang_at is None and one.voice and not one.person.agent.remote:
                frozen.append((one, "vanish", h.centre.phone_reacts_s))
            frozen.append((one, "ring", max(one.ring_s, 30.0) + 3.0))


def settle_person(h, p: Person, row) -> None:
    """Restore the ends of wrap-ups as they were planned. The last one ends at the time of the row. A break goes on."""
    profile = p.agent.profile
    wrapping = [one for one in p.hands if one.state is WRAPPING]
    until = None
    if row is not None and row.wrapup_until is not None:
        until = row.wrapup_until - (row.since - p.since)
    if p.state is WRAPUP and not wrapping:
        p.detached_wrapup = until is not None or profile.wrapup_mode is WrapUpMode.MANDATORY
        p.detached_wrapup_until = until
    if wrapping and profile.wrapup_mode is not WrapUpMode.MANDATORY:
        ends = [one.talk_ended_at + profile.wrapup_s for one in wrapping]
        more = 0.0 if until is None else until - max(ends)
        for one, at in zip(wrapping, ends, strict=True):
            one.due["wrap"] = at + more
    if p.hands:
        for one in p.hands:
            one.interrupted = one.interrupted and (p.detached_wrapup or p.calls())
        if any(one.talks and not one.interrupted for one in p.hands):
            p.state = TALKING
        else:
            p.state = RINGING if any(one.rings for one in p.hands) else WRAPUP
    elif p.state in ENGAGED and not p.detached_wrapup:
        p.state = READY
    if p.state is PAUSED:
        p.paused_at, p.break_until = p.since, min(p.break_until, h.now + burden.LONGEST_BREAK_S)
        p.works = burden.works(h, p.reason)
        burden.limit_pause(h, p, p.since)
    else:
        p.break_until = 0.0
    if not (p.pause_pending or p.leave_pending):
        p.break_s = 0.0
    p.working_since = p.working_since or h.now
    if not p.configured:
        p.leave_at = h.now
    h.touch(p)


def repairs(h, event: Started) -> None:
    """Raise one alarm for each row that the start could not restore as stored."""
    for row in sorted(event.offers):
        if row.offer not in h.offers:
            h.tell("Alarm", "rows_repaired", row.contact, row.offer, row.agent)
    for row in event.contacts:
        caller = h.callers.get(row.contact)
        if (ContactState.COMPLETED if caller is None else caller.state) is not row.state:
            h.tell("Alarm", "rows_repaired", row.contact, None, None)
    for row in event.agents:
        if h.people[row.agent].state is not row.state:
            h.tell("Alarm", "rows_repaired", None, None, row.agent)
