"""Offers until they are accepted or closed, talks, and wrap-ups."""

from __future__ import annotations

from routing.core import events as e
from routing.core.model import commands
from routing.core.model.centre_model import AnswerMode, ContactState, OfferState, Outcome, PreConnect, WrapUpMode
from tests.oracle import (
    burden,
    callbacks,
    callers,
    choice,
    consults,
    distress,
    first_words,
    learned,
    rules,
    settings,
    shifts,
    steps,
)
from tests.oracle.state import (
    ACCEPTED,
    ASSIGNED,
    CONSULTING,
    NOT_RESPONDING,
    PAUSED,
    PENDING,
    READY,
    RESERVED,
    WAITS,
    WRAPPING,
    WRAPUP,
    Caller,
    Offer,
    Person,
)

MESSAGE_DECLINE_S, MESSAGE_PAUSE_S = 30.0, 300.0
BY_WISH = (WrapUpMode.OPTIONAL, WrapUpMode.AGENT_REQUESTED)


def rescind(h, offer: Offer, reason: str) -> None:
    """Have the agent's leg ended. A phone that was not told to ring has none."""
    if offer.rings_at is not None:
        return
    h.commands.append(commands.Rescind(offer.id, offer.caller.id, reason, offer.caller.node, offer.caller.channel,
                                       offer.partner is not None, offer.dialling, not offer.rings))


def drop_ringing(h, caller: Caller, reason: str, state: str = "rescinded") -> None:
    """End all that rings for a caller. The agents keep their turn."""
    rings, caller.rings_since = distress.ringing(caller), None
    for one in rings:
        rescind(h, one, reason)
        close(h, one, state, reason, keep_idle=True)


def close(h, offer: Offer, state: str, reason: str, *, to=READY, why: str = "", keep_idle: bool = False,
          by: Person | None = None) -> None:
    """Close an offer without a connection. `to` and `why` say what becomes of the agent, or of the agent `by` whom it
    ended. The other agent of a pair is released."""
    caller = offer.caller
    distress.absent(h, offer, state)
    if offer.dialling:  # the caller's phone has just stopped ringing
        callbacks.pause(h, caller)
    called = offer.voice and offer.rings_at is None
    offer.state, offer.due, offer.rings_at = OfferState(state), {}, None
    del h.offers[offer.id]
    waits = distress.let_go(h, offer)
    if called:
        for p in offer.people:
            if p.phone is not None and p is not offer.person:
                shifts.leg_over(h, p.phone)
        shifts.leg_over(h, h.phone(offer.seat))
    for p in offer.people:
        p.hands.remove(offer)
        if not keep_idle:
            burden.gap(h, p)
        mine, said = (to, why or reason) if by in (None, p) else (READY, reason)
        if mine is READY and p.rna_count and p.rna_count >= p.agent.profile.rna_allowed:
            mine, said = NOT_RESPONDING, "ring_no_answer"
            if state == "rejected" and p is by and reason in ("busy", "rejected"):
                said = "declines"
            elif state == "rejected" and p is by and reason == "pre_connect_hangup":
                said = "phone_drops"
                h.seen["phone out of service"] += 1
        shifts.become(h, p, mine, said, keep_idle=keep_idle)
    h.tell("OfferClosed", offer.id, caller.id, offer.person.id, offer.state, reason)
    if state != "canceled":
        remember(caller, offer)
    if state != "canceled" and waits:
        caller.state, caller.rings_since = WAITS, None
        h.arm(caller)
        if caller.preferred is not None:
            steps.lose_preferred(h, caller, h.now)


def remember(caller: Caller, offer: Offer) -> None:
    """Remember an offer that is over, as its talk may be found."""
    if offer.voice and offer.partner is None and not offer.dialled:
        caller.closed = [*caller.closed, offer][-4:]


def talk_found(h, event: e.TalkFound) -> None:
    """Let a talk go on that began by an offer which was over, or end it if a rule forbids it."""
    caller = h.callers.get(event.contact)
    if caller is None or not caller.in_line or event.offer in h.offers:
        return
    offer = next((one for one in caller.closed if one.id == event.offer), None)
    p = None if offer is None else offer.person
    if p is None or caller.callback or caller.consulting_offer is not None or not p.signed or p.seat != offer.seat \
            or p.partner is not None or any(one.voice and not one.rings for one in p.hands) \
            or not still_fits(h, offer):
        h.seen["found talks ended"] += 1
        h.commands.append(commands.Rescind(event.offer, caller.id, "stale", caller.node, caller.channel,
                                           talks=True))
        return
    h.seen[f"found talks of agents who were {p.state.value}"] += 1
    paused, reason, rest_s = p.state is PAUSED, p.reason, max(0.0, p.break_until - h.now)
    drop_ringing(h, caller, "found")
    choice.clear_way(h, p)
    offer.state, offer.answered_at = PENDING, offer.answered_at or h.now
    caller.in_menu, caller.farewell, caller.state, caller.offer = False, "", RESERVED, offer
    h.offers[offer.id] = offer
    caller.act = None
    p.talked_until = None
    p.hands.append(offer)
    shifts.engage(h, p)
    h.tell("Offered", offer.id, caller.id, p.id, offer.seat, caller.service.id, offer.ring_s, offer.step, offer.level,
           (), "found", 0.0, offer.tier, caller.preferred is p, None, False)
    connected(h, e.OfferConnected(offer.id, caller.id, event.connected_at))
    if paused:
        p.break_s = rest_s
        shifts.pause(h, p, reason)


def ringing(h, event: e.OfferRinging) -> None:
    """Note that the phone rings."""
    offer = h.offers.get(event.offer)
    if offer is not None and offer.rings and offer.rang_at is None and offer.answered_at is None \
            and offer.rings_at is None:
        offer.rang_at = own_time(h, offer, event.rang_at)
        offer.due.pop("vanish", None)
        h.tell("OfferRang", offer.id)


def own_time(h, offer: Offer, at: float | None) -> float:
    """Return the time of a report, which is not before the offer."""
    return h.now if at is None else min(h.now, max(at, offer.made_at))


def answered(h, event: e.OfferAnswered) -> None:
    """Note that the agent's leg is up."""
    offer = h.offers.get(event.offer)
    if offer is not None and offer.rings_at is not None:
        return
    if offer is not None and offer.rings and event.partner:
        offer.partner_answered = True
        if offer.partner is not None:
            distress.here(h, offer.partner)
    elif offer is not None and offer.rings and offer.answered_at is None:
        offer.answered_at = own_time(h, offer, event.answered_at)
        distress.here(h, offer.person)
        if not offer.dialling:
            offer.due = {"pre_connect": h.now + pre_connect_limit_s(offer)} if h.reaches(offer.caller) else {}


def pre_connect_limit_s(offer: Offer) -> float:
    """Return the longest time from an answered phone to the connection."""
    profile = offer.person.agent.profile
    reads = profile.pre_connect in (PreConnect.SCREEN, PreConnect.BOTH)
    by_key = offer.ring_s if profile.answer_mode is AnswerMode.SINGLE_SWITCH else 0.0
    return (30.0 + by_key + (profile.pre_connect_s if reads else 0.0) + join_s(offer))


def join_s(offer: Offer) -> float:
    """Return how long one agent of a pair may wait for the other."""
    if offer.partner is None:
        return 0.0
    profile = offer.partner.agent.profile
    reads = profile.pre_connect in (PreConnect.SCREEN, PreConnect.BOTH)
    rings = 2 if profile.answer_mode is AnswerMode.SINGLE_SWITCH else 1
    return rings * offer.ring_s + (profile.pre_connect_s if reads else 0.0)


def connected(h, event: e.OfferConnected) -> None:
    """Begin the talk: agent and caller are in one bridge."""
    offer = h.offers.get(event.offer)
    if offer is None and event.contact in h.callers and any(
            one.id == event.offer for one in h.callers[event.contact].closed):
        talk_found(h, e.TalkFound(*event))
        return
    if offer is None or offer.state is WRAPPING:
        return
    caller, p = offer.caller, offer.person
    if event.contact != caller.id and consults.among_agents(h, offer, event.contact):
        return
    if event.contact != caller.id:
        h.tell("Alarm", "bridge_mismatch", event.contact, offer.id, p.id)
        rescind(h, offer, "mismatch")
        if offer.rings:
            close(h, offer, "rescinded", "mismatch")
        return
    if not offer.rings:
        consults.on_rebridged(h, offer)
        return
    losers = [one for one in distress.ringing(caller) if one is not offer]
    caller.rings_since = None
    h.seen["talks next to which others rang"] += bool(losers)
    if distress.is_beside(offer):
        h.seen["further phones that were first"] += 1
        distress.hold(caller, offer)
    for one in losers:
        rescind(h, one, "taken")
        close(h, one, "rescinded", "taken", keep_idle=True)
    for one in offer.people:
        distress.here(h, one)
    if caller.callback:  # the event that the caller was reached is missing
        caller.callback, caller.leg, caller.not_before, caller.entered_at = False, caller.leg or caller.id, 0.0, h.now
        caller.deferred = False
        h.tell("CallbackChanged", caller.id, caller.tries, 0.0, "reached")
    offer.with_consulting_agent = False
    caller.own = None
    if caller.consulting_offer is not None:
        rescind(h, caller.consulting_offer, "consult")
        consults.complete(h, caller.consulting_offer, "transfer")
    offer.state, offer.due, offer.dialling, offer.rings_at = ACCEPTED, {}, False, None
    offer.connected_at = own_time(h, offer, event.connected_at)
    first_words.took(h, offer)
    caller.state, caller.preferred, caller.closed = ASSIGNED, None, []
    if caller.hash and not caller.service.anonymous:
        h.last_agents[caller.hash] = p.id, h.now
    offer.load = caller.service.load
    burden.weigh(h, offer, offer.load)
    for one in offer.people:
        if offer.voice:
            one.rna_count = 0
        else:
            one.idle_since = h.now
        shifts.engage(h, one)
        if offer.voice:
            hold(h, one)
    h.tell("Connected", offer.id, caller.id, p.id)
    learned.answered(h, caller, offer)


def hold(h, p: Person) -> None:
    """Interrupt the contacts that a call interrupts."""
    for one in p.hands:
        if one.state is ACCEPTED and not one.interrupted and h.yields(one):
            one.interrupted = True
            interrupt(h, p, one)


def go_on(h, p: Person) -> None:
    """Resume the interrupted contacts when no call is left."""
    if not p.detached_wrapup and not p.calls():
        for one in p.hands:
            if one.interrupted:
                one.interrupted = False
                interrupt(h, p, one)


def interrupt(h, p: Person, offer: Offer) -> None:
    """Tell the adapter and record whether the contact is interrupted."""
    h.commands.append(commands.SetInterrupted(offer.id, offer.caller.id, offer.interrupted, offer.caller.node,
                                          offer.caller.channel))
    h.tell("Interrupted", offer.id, p.id, offer.interrupted)


def leg_ended(h, event: e.OfferEnded) -> None:
    """Handle the end of the agent's leg, by the state of the offer."""
    offer = h.offers.get(event.offer)
    if offer is None or offer.state is WRAPPING or (event.partner and offer.partner is None):
        return
    whose = offer.partner if event.partner else offer.person
    at = own_time(h, offer, event.ended_at)
    if offer.state is CONSULTING:
        consults.complete(h, offer, "transfer", event.reason == "lost")
        return
    if offer.with_consulting_agent and offer.caller.consulting_offer is not None:
        if event.reason == "lost":
            shifts.lose_phone(h, h.phone(offer.seat))
        consults.cancel(h, offer.caller.consulting_offer)
        return
    if offer.state is ACCEPTED and offer.awaiting_rebridge:
        talk_over(h, offer, "lost", at, phone_lost=event.reason == "lost")
        return
    if offer.state is ACCEPTED and event.partner:
        if event.reason == "lost":
            shifts.lose_phone(h, h.phone(whose.seat))
            talk_over(h, offer, "lost", at, phone_lost=False)
        else:
            rescind(h, offer, "partner")
        return
    if offer.state is ACCEPTED:
        talk_over(h, offer, "lost" if event.reason == "lost" else "agent", at)
        return
    offer.over_at = at
    if offer.partner is not None or offer.dialling:
        rescind(h, offer, "partner")
    if event.reason == "no_answer":
        there = []
        if offer.partner is not None and offer.answered_at is not None and event.partner:
            there = [offer.person]
        elif offer.partner is not None and offer.partner_answered and not event.partner:
            there = [offer.partner]
        h.seen["one of a pair picked up"] += len(there)
        missed(h, offer, event.reason, there)
    elif event.reason in ("unreachable", "lost"):
        phone_lost(h, offer, event.reason, whose.seat)
    elif not offer.voice:
        message_missed(h, offer, MESSAGE_DECLINE_S)
        close(h, offer, "rejected", event.reason)
    else:
        whose.not_before = max(whose.not_before, h.now + 5.0)
        was_up = offer.partner_answered if event.partner else offer.answered_at is not None
        reason = "pre_connect_hangup" if event.reason == "hangup" and was_up and offer.voice else event.reason
        if reason == "pre_connect_hangup" and h.now < offer.caller.words_until:
            close(h, offer, "rejected", "in_words", keep_idle=True, by=whose)
            return
        if offer.tier == 2:
            spare_all(h, offer)
        elif reason in ("busy", "rejected", "pre_connect_hangup"):
            whose.rna_count += 1
        if offer.rang_at is not None and reason in ("busy", "rejected", "pre_connect_hangup"):
            distress.here(h, whose)
        close(h, offer, "rejected", reason, by=whose)


def page_returned(h, event: e.PageReturned) -> None:
    """End what a page has lost. A caller who talked with the agent alone waits five seconds for the same agent."""
    p = shifts.signed(h, event.agent)
    if p.phone is not None and p.phone.again_at is not None:
        shifts.phone_again(h, p.phone)
    for offer in [one for one in p.hands if one.voice]:
        alone = offer.partner is None and offer.caller.consulting_offer is None
        if offer.state is ACCEPTED and alone and not offer.awaiting_rebridge:
            rescind(h, offer, "page_returned")
            talk_over(h, offer, "lost", h.now, phone_lost=False)
            caller = offer.caller
            # Beyond the ceiling an agent at the limit may ring, but nobody waits for one.
            urgent, caller.urgent = caller.urgent, False
            if steps.may_wait(h, caller, p):
                caller.preferred, caller.preferred_s = p, 5.0
            caller.urgent = urgent
        elif offer.rings and offer.rang_at is not None and not offer.dialling:
            rescind(h, offer, "page_returned")
            there = []
            if offer.partner is not None and offer.answered_at is not None and offer.partner is p:
                there = [offer.person]
            elif offer.partner is not None and offer.partner_answered and offer.partner is not p:
                there = [offer.partner]
            h.seen["a ringing page began again"] += 1
            missed(h, offer, "no_answer", there)
        elif offer.rings and alone and not offer.dialling:
            rescind(h, offer, "page_returned")
            close(h, offer, "rescinded", "lost", keep_idle=True)
        elif offer.rings or offer.state in (ACCEPTED, CONSULTING):
            rescind(h, offer, "page_returned")


def command_refused(h, event: e.CommandRefused) -> None:
    """Leave the contact alone for a while, because no adapter takes the command. This is not a ring-no-answer."""
    caller, offer = h.callers.get(event.contact), h.offers.get(event.offer)
    if caller is None or not caller.in_line:
        return
    if offer is not None and offer.caller is caller and offer.rings and offer.rang_at is None \
            and offer.answered_at is None:
        caller.not_before = max(caller.not_before, h.now + 30.0)
        close(h, offer, "rescinded", "no_adapter", keep_idle=True)


def review_ringing(h, offers: list[Offer]) -> None:
    """Rescind what rings at an agent who does not fit any more."""
    for offer in offers:
        if offer.rings and not offer.with_consulting_agent and not still_fits(h, offer):
            rescind(h, offer, "unfit")
            close(h, offer, "rescinded", "unfit", keep_idle=True)


def still_fits(h, offer: Offer) -> bool:
    """Return whether the profile has the channel, and the skills meet the step of the offer and the floor."""
    caller, p = offer.caller, offer.person
    for one in offer.people:
        if not choice.ever(one, caller.channel) or h.cost(caller.channel) > one.agent.profile.capacity:
            return False
    if caller.service.distress:
        return distress.fit(h, caller.service, caller.needs, caller.topics, p) is not None
    last = len(caller.service.steps) - 1
    possible = range(last + 1) if caller.preferred is p else [min(offer.step, last)]
    return any(choice.fits(h, caller, h.asked(caller, step), p) is not None for step in possible)


def missed(h, offer: Offer, reason: str, there=()) -> None:
    """Count a ring-no-answer for the agents who did not answer. `there` is the agent of a pair who did."""
    if not offer.voice:
        message_missed(h, offer, MESSAGE_PAUSE_S)
        close(h, offer, "timeout", reason)
        return
    absent = [p for p in offer.people if p not in there]
    for p in absent:
        p.not_before = max(p.not_before, h.now + 5.0)
        if offer.tier != 2:
            p.rna_count += 1
    if offer.tier == 2:
        spare_all(h, offer)
    close(h, offer, "timeout", reason, why="missed", by=absent[0] if there else None)


def message_missed(h, offer: Offer, pause_s: float) -> None:
    """Keep messages, and nothing else, from the agent who did not take one."""
    p = offer.person
    p.messages_from = max(p.messages_from, h.now + pause_s)
    h.seen["messages not taken"] += 1
    if offer.tier == 2:
        spare_all(h, offer)


def spare_all(h, offer: Offer) -> None:
    """Decline heavy contacts for the agents of an offer beyond the limit that was not taken."""
    for p in offer.people:
        p.heavy_declined_until = h.now + h.centre.heavy_declined_s


def phone_lost(h, offer: Offer, reason: str, seat) -> None:
    """Mark the phone as lost. Leave an agent without a phone alone for a moment."""
    if offer.voice:
        shifts.lose_phone(h, h.phone(seat))
    else:
        offer.person.messages_from = max(offer.person.messages_from, h.now + MESSAGE_DECLINE_S)
    close(h, offer, "rescinded", reason)


def due(h, offer: Offer, kind: str) -> None:
    """Act on a deadline of an offer."""
    del offer.due[kind]
    if kind == "consult":
        consults.nobody_came(h, offer)
    elif kind == "wrap":
        wrap_up(h, offer, "wrapped_up")
    elif kind == "words":
        first_words.come(h, offer)
    elif kind == "vanish":
        rescind(h, offer, "vanished")
        phone_lost(h, offer, "vanished", offer.seat)
    elif kind == "dial":
        callbacks.give_up(h, offer, "stale")
    else:
        rescind(h, offer, "stale")
        missed(h, offer, "stale")


# --- talks


def talk_ended(h, event: e.TalkEnded) -> None:
    """End the talk, because caller and agent are no longer bridged."""
    offer = h.offers.get(event.offer)
    if offer is not None and offer.state is ACCEPTED and not offer.awaiting_rebridge:
        talk_over(h, offer, event.by, h.now if event.ended_at is None else event.ended_at)
    elif offer is not None and offer.state is CONSULTING and offer.on_second_line and event.by in ("caller", "dropped"):
        callers.gone(h, e.CallerHungUp(offer.caller.id, event.ended_at, False, event.by == "dropped"))


def held(h, event: e.HoldSet) -> None:
    """Begin or end hold."""
    offer = h.offers.get(event.offer)
    if offer is not None and offer.state is ACCEPTED and event.on is not (offer.held_since is not None):
        keep_waiting(h, offer, event.on)


def follow_up(h, event: e.FollowUpAgreed) -> None:
    """Store whether the caller wants a callback if the call is lost."""
    caller = talked(h, event.offer).caller
    if event.agreed and not callbacks.reachable(caller):
        h.refuse("no_callback")
    if caller.follow_up is not event.agreed:
        caller.follow_up = event.agreed
        h.tell("FollowUpAgreedRecorded", event.offer, caller.id, event.agreed)


def abuse(h, event: e.CallerFlaggedAbusive) -> None:
    """Store whether the agent at hand says that the caller is abusive. Such a caller is recognised by number later."""
    offer = h.offers.get(event.offer)
    if offer is None or offer.rings or offer.caller.in_line:
        h.refuse("not_now")
    caller = offer.caller
    if caller.hash == "" or caller.service.anonymous:
        h.refuse("caller_unknown")
    topics = caller.topics | {"abusive"} if event.abusive else caller.topics - {"abusive"}
    if (caller.abusive, caller.topics) == (event.abusive, topics):
        return
    caller.abusive, caller.topics = event.abusive, topics
    h.abusive.pop(caller.hash, None)
    if event.abusive:
        h.abusive[caller.hash] = h.now
    h.tell("CallerFlaggedAbusiveRecorded", offer.id, caller.id, event.abusive, topics)


def keep_waiting(h, offer: Offer, on: bool) -> None:
    """Set and record hold."""
    offer.held_since = h.now if on else None
    h.tell("HoldSetRecorded", offer.id, on)


def transfer(h, event: e.TransferRequested) -> None:
    """Move the caller by blind transfer to a service or to a colleague who can take them. If the phone has transferred
    the caller although it may not, the caller waits as before."""
    offer = talked(h, event.offer)
    caller = offer.caller
    why, service, person = whither(h, offer, event)
    if not why and not (event.confirmed or event.gone) and caller.service.distress is not service.distress:
        why = "enters_distress" if service.distress else "leaves_distress"
    if why and not event.gone:
        h.refuse(why)
    if why:
        service, person = caller.service, None
    h.commands.append(commands.BlindTransfer(caller.id, service.id, caller.node))
    talk_over(h, offer, "transfer", h.now)
    go_to(h, caller, service, person)


def talked(h, number) -> Offer:
    """Return the offer of a voice talk in progress, or refuse."""
    offer = h.offers.get(number)
    if offer is None or offer.state is not ACCEPTED or not offer.voice or offer.awaiting_rebridge:
        h.refuse("not_now")
    return offer


def whither(h, offer: Offer, event) -> tuple:
    """Return the reason against the transfer, or the service and the person."""
    caller = offer.caller
    why, service, person = "", h.services.get(event.service or caller.service.id, caller.service), None
    if (event.service is not None and event.service not in h.services) or (event.to is None and event.service is None):
        why = "unknown_service"
    elif service.id != caller.service.id and settings.refuses(h, service):
        why = "not_open"
    elif event.to is not None and event.to not in h.people:
        why = "unknown_agent"
    elif event.to is not None:
        person = h.people[event.to]
        if person in offer.people or not steps.serves(h, caller, person, service):
            why = "not_there"
    if not why and not event.confirmed and not getattr(event, "gone", False):
        there = rules.somebody(h, caller, service, 0) if person is None else rules.is_there(caller.channel, person)
        why = "" if there else "nobody_there"
    return why, service, person


def go_to(h, caller: Caller, service, person: Person | None) -> None:
    """Queue the caller for this service with the old age, and first for that person."""
    before = caller.service
    caller.offer, caller.step_at, caller.entered_at = None, h.now, h.now
    h.arm(caller)
    caller.service, caller.timed_step, caller.urgent = service, 0, False
    rules.forget(caller)
    if caller.consulting_offer is None:
        caller.visited = ()
    caller.sent_at, caller.preferred, caller.preferred_s = h.now, person, 30.0
    unknown = caller.consulting_offer is None and steps.nobody(caller)
    if person is not None and service.distress and not distress.ringable(h, caller, person):
        caller.preferred = None
    if service.id != before.id:
        h.tell("Moved", caller.id, before.id, service.id, "transfer", unknown)


def talk_over(h, offer: Offer, by: str, at: float, *, phone_lost: bool = True) -> None:
    """End the talk. After a lost talk or a transfer the caller waits again. The agent wraps up except after a lost
    talk."""
    caller, p, lost, sent = offer.caller, offer.person, by == "lost", by == "transfer"
    offer.state = OfferState.COMPLETED if lost or sent else WRAPPING
    caller.state = WAITS if lost or sent else ContactState.WRAPPING
    offer.talk_ended_at = min(h.now, max(at, offer.connected_at))
    offer.interrupted, offer.held_since = False, None
    if offer.voice:
        phone = h.phone(offer.seat)
        shifts.leg_over(h, phone)
        if lost and phone_lost:
            shifts.lose_phone(h, phone)
        if offer.partner is not None and offer.partner.phone is not None:
            shifts.leg_over(h, offer.partner.phone)
    elif lost and phone_lost:
        p.not_before = max(p.not_before, h.now + 5.0)
    wraps = not lost and wraps_up(p, offer)
    if sent:
        own_wrap_up(h, p, offer, lost)
    elif wraps:
        if p.agent.profile.wrapup_mode is not WrapUpMode.MANDATORY:
            offer.due["wrap"] = h.now + p.agent.profile.wrapup_s
        shifts.engage(h, p)
    else:
        let_go(h, p, offer, "lost" if lost else "talk_ended")
    if offer.partner is not None:
        partner_over(h, offer.partner, offer, lost)
    h.tell("TalkEndedRecorded", offer.id, caller.id, p.id, "caller" if by == "dropped" else by)
    if by not in ("lost", "dropped"):
        callbacks.needless(h, offer, caller.service, min(h.now, max(at, offer.connected_at)))
    if lost or sent:
        del h.offers[offer.id]
        caller.offer, caller.step_at, caller.entered_at = None, h.now, h.now
        rules.forget(caller)
        h.arm(caller)
        return
    callers.over(h, caller, Outcome.ANSWERED)
    if not wraps:
        completed(h, offer)
    if by == "dropped":
        callbacks.call_again(h, caller, min(h.now, max(at, offer.connected_at)))


def wraps_up(p: Person, offer: Offer) -> bool:
    """Return whether a wrap-up follows this talk."""
    return may_wrap_up(p) and not (p.agent.profile.wrapup_mode in BY_WISH and not offer.wrapup_requested)


def may_wrap_up(p: Person) -> bool:
    """Return whether the profile allows a wrap-up after a talk."""
    if p.leave_pending:
        return False
    return p.agent.profile.wrapup_s > 0 or p.agent.profile.wrapup_mode is WrapUpMode.MANDATORY


def partner_over(h, p: Person, offer: Offer, lost: bool) -> None:
    """Release the partner of a pair, whose detached wrap-up follows their own profile. Both legs end."""
    rescind(h, offer, "partner")
    own_wrap_up(h, p, offer, lost)


def own_wrap_up(h, p: Person, offer: Offer, lost: bool) -> None:
    """Release the agent from the contact and begin a detached wrap-up."""
    p.hands.remove(offer)
    burden.done(h, p, offer, h.now - offer.connected_at)
    if not lost and wraps_up(p, offer):
        begin_detached_wrapup(h, p)
    else:
        p.talked_until = h.now
        shifts.free(h, p, "lost" if lost else "talk_ended")


def begin_detached_wrapup(h, p: Person) -> None:
    """Begin a wrap-up without a contact."""
    p.detached_wrapup, p.talked_until = True, None
    if p.agent.profile.wrapup_mode is not WrapUpMode.MANDATORY:
        p.detached_wrapup_until = h.now + p.agent.profile.wrapup_s
    shifts.become(h, p, WRAPUP, "")


def end_detached_wrapup(h, p: Person, reason: str) -> None:
    """End a wrap-up without a contact."""
    if p.detached_wrapup:
        p.detached_wrapup, p.detached_wrapup_until = False, None
        shifts.free(h, p, reason)


def let_go(h, p: Person, offer: Offer, reason: str) -> None:
    """Release the agent from this contact."""
    p.hands.remove(offer)
    seconds = h.now - offer.connected_at
    if offer.state is WRAPPING:
        learned.handled(h, offer, seconds)
    burden.done(h, p, offer, seconds)
    if p.agent.profile.wrapup_mode is WrapUpMode.OPTIONAL and offer.state is WRAPPING:
        p.talked_until = offer.talk_ended_at
    shifts.free(h, p, reason)


def wrap_up(h, offer: Offer, reason: str) -> None:
    """End the wrap-up of an offer."""
    offer.due = {}
    let_go(h, offer.person, offer, reason)
    completed(h, offer)


def completed(h, offer: Offer) -> None:
    """Complete the record of an answered contact."""
    offer.state, offer.caller.state = OfferState.COMPLETED, ContactState.COMPLETED
    del h.offers[offer.id], h.callers[offer.caller.id]
    h.tell("WrappedUp", offer.id, offer.caller.id, offer.person.id)
