"""Offers until they are accepted or closed, talks, and wrap-ups."""

from __future__ import annotations

from routing.core import commands
from routing.core import events as e
from routing.core.model import AnswerMode, ContactState, OfferState, Outcome, PreConnect, WrapUpMode
from tests.oracle import burden, callbacks, callers, consults, settings, shifts, steps
from tests.oracle.state import (
    ACCEPTED,
    ASSIGNED,
    CONSULTING,
    NOT_RESPONDING,
    PENDING,
    READY,
    WAITS,
    WRAPPING,
    WRAPUP,
    Caller,
    Offer,
    Person,
)

BY_WISH = (WrapUpMode.OPTIONAL, WrapUpMode.AGENT_REQUESTED)


def rescind(h, offer: Offer, reason: str) -> None:
    """Have the agent's leg ended."""
    h.commands.append(commands.Rescind(offer.id, offer.caller.id, reason, offer.caller.node, offer.caller.channel,
                                       offer.partner is not None, offer.dialling))


def close(h, offer: Offer, state: str, reason: str, *, to=READY, why: str = "", keep_idle: bool = False,
          by: Person | None = None) -> None:
    """An offer ends without a connection. `to`, `why`: what becomes of the agent, or of the one `by` whom it ended; the
    other one of a pair is released."""
    caller = offer.caller
    if offer.dialling:  # a phone that has just stopped ringing is left alone for a moment
        caller.not_before = max(caller.not_before, h.now + 10.0)
    offer.state, offer.due = OfferState(state), {}
    del h.offers[offer.id]
    caller.offer = None
    if offer.voice:
        for p in offer.people:
            if p.phone is not None and p is not offer.person:
                shifts.leg_over(h, p.phone)
        shifts.leg_over(h, h.phone(offer.seat))
    for p in offer.people:
        p.hands.remove(offer)
        if not keep_idle:
            burden.gap(h, p)
        mine, said = (to, why or reason) if by in (None, p) else (READY, reason)
        if mine is READY and p.misses and p.misses >= p.agent.profile.misses_allowed:
            refuses = state == "rejected" and reason in ("busy", "rejected") and p is by
            mine, said = NOT_RESPONDING, "refusals" if refuses else "misses"
        shifts.become(h, p, mine, said, keep_idle=keep_idle)
    h.tell("OfferClosed", offer.id, caller.id, offer.person.id, offer.state, reason)
    if state != "canceled":
        caller.state = WAITS
        h.arm(caller)
        if caller.preferred is not None:
            steps.lose_preferred(h, caller, h.now)


def ringing(h, event: e.OfferRinging) -> None:
    """The phone rings."""
    offer = h.offers.get(event.offer)
    if offer is not None and offer.state is PENDING and offer.rang_at is None and offer.answered_at is None:
        offer.rang_at = h.now
        offer.due.pop("vanish", None)
        h.tell("OfferRang", offer.id)


def answered(h, event: e.OfferAnswered) -> None:
    """The agent's leg is up."""
    offer = h.offers.get(event.offer)
    if offer is not None and offer.state is PENDING and event.partner:
        offer.partner_answered = True
    elif offer is not None and offer.state is PENDING and offer.answered_at is None:
        offer.answered_at = h.now
        if not offer.dialling:
            offer.due = {"brief": h.now + brief_s(offer)} if h.up(offer.caller.node) else {}


def brief_s(offer: Offer) -> float:
    """The longest way from an answered phone to the connection."""
    profile = offer.person.agent.profile
    reads = profile.pre_connect in (PreConnect.SCREEN, PreConnect.BOTH)
    by_key = offer.ring_s if profile.answer_mode is AnswerMode.SINGLE_SWITCH else 0.0
    return (30.0 + by_key + (profile.pre_connect_s if reads else 0.0) + join_s(offer))


def join_s(offer: Offer) -> float:
    """How long one of a pair may wait for the other."""
    if offer.partner is None:
        return 0.0
    profile = offer.partner.agent.profile
    reads = profile.pre_connect in (PreConnect.SCREEN, PreConnect.BOTH)
    rings = 2 if profile.answer_mode is AnswerMode.SINGLE_SWITCH else 1
    return rings * offer.ring_s + (profile.pre_connect_s if reads else 0.0)


def connected(h, event: e.OfferConnected) -> None:
    """Agent and caller are together."""
    offer = h.offers.get(event.offer)
    if offer is None or offer.state is WRAPPING:
        return
    caller, p = offer.caller, offer.person
    if event.contact != caller.id and consults.among_agents(h, offer, event.contact):
        return
    if event.contact != caller.id:
        h.tell("Alarm", "bridge_mismatch", event.contact, offer.id, p.id)
        rescind(h, offer, "mismatch")
        if offer.state is PENDING:
            close(h, offer, "rescinded", "mismatch")
        return
    if offer.state is not PENDING:
        consults.together(h, offer)
        return
    if caller.callback:  # nobody heard that they were reached, yet here they are
        caller.callback, caller.leg, caller.not_before, caller.entered_at = False, caller.leg or caller.id, 0.0, h.now
        h.tell("CallbackChanged", caller.id, caller.tries, 0.0, "reached")
    offer.introduced = False
    caller.own = None
    if caller.introducer is not None:
        rescind(h, caller.introducer, "consult")
        consults.over(h, caller.introducer, "transfer")
    offer.state, offer.due, offer.dialling = ACCEPTED, {}, False
    offer.connected_at = h.now if event.connected_at is None else min(h.now, max(event.connected_at, offer.made_at))
    caller.state, caller.preferred = ASSIGNED, None
    if caller.hash and not caller.service.anonymous:
        h.spoke[caller.hash] = p.id, h.now
    offer.load = caller.service.load
    burden.weigh(h, offer, offer.load)
    for one in offer.people:
        one.misses = 0
        if not offer.voice:
            one.idle_since = h.now
        shifts.engage(h, one)
        if offer.voice:
            hold(h, one)
    h.tell("Connected", offer.id, caller.id, p.id)


def hold(h, p: Person) -> None:
    """A call comes first: what it interrupts is held."""
    for one in p.hands:
        if one.state is ACCEPTED and not one.interrupted and h.yields(one):
            one.interrupted = True
            interrupt(h, p, one)


def go_on(h, p: Person) -> None:
    """If there is no call any more, what it interrupted goes on."""
    if not p.aside and not p.calls():
        for one in p.hands:
            if one.interrupted:
                one.interrupted = False
                interrupt(h, p, one)


def interrupt(h, p: Person, offer: Offer) -> None:
    """Tell it."""
    h.commands.append(commands.Interrupt(offer.id, offer.caller.id, offer.interrupted, offer.caller.node,
                                          offer.caller.channel))
    h.tell("Interrupted", offer.id, p.id, offer.interrupted)


def leg_ended(h, event: e.OfferEnded) -> None:
    """The agent's leg is gone."""
    offer = h.offers.get(event.offer)
    if offer is None or offer.state is WRAPPING or (event.partner and offer.partner is None):
        return
    whose = offer.partner if event.partner else offer.person
    if offer.state is CONSULTING:
        consults.over(h, offer, "transfer", event.reason == "lost")
        return
    if offer.introduced and offer.caller.introducer is not None:
        if event.reason == "lost":
            shifts.lose_phone(h, h.phone(offer.seat))
        consults.returned(h, offer.caller.introducer)
        return
    if offer.state is ACCEPTED and offer.apart:
        talk_over(h, offer, "lost", h.now, phone_lost=event.reason == "lost")
        return
    if offer.state is ACCEPTED and event.partner:
        if event.reason == "lost":
            shifts.lose_phone(h, h.phone(whose.seat))
            talk_over(h, offer, "lost", h.now, phone_lost=False)
        else:
            rescind(h, offer, "partner")
        return
    if offer.state is ACCEPTED:
        talk_over(h, offer, "lost" if event.reason == "lost" else "agent", h.now)
        return
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
    else:
        whose.not_before = max(whose.not_before, h.now + 5.0)
        if offer.tier == 2:
            spare_all(h, offer)
        elif event.reason in ("busy", "rejected"):
            whose.misses += 1
        close(h, offer, "rejected", event.reason, by=whose)


def command_refused(h, event: e.CommandRefused) -> None:
    """No adapter takes the command: the contact is left alone, and nobody has missed it."""
    caller, offer = h.callers.get(event.contact), h.offers.get(event.offer)
    if caller is None or not caller.in_line:
        return
    if event.offer is None:
        caller.net_again = h.now + 30.0
    elif offer is not None and offer.caller is caller and offer.state is PENDING and offer.rang_at is None \
            and offer.answered_at is None:
        caller.not_before = max(caller.not_before, h.now + 30.0)
        close(h, offer, "rescinded", "no_adapter", keep_idle=True)


def missed(h, offer: Offer, reason: str, there=()) -> None:
    """Nobody took it, or only one of a pair, who was `there`."""
    absent = [p for p in offer.people if p not in there]
    for p in absent:
        p.not_before = max(p.not_before, h.now + 5.0)
        if offer.tier != 2:
            p.misses += 1
    if offer.tier == 2:
        spare_all(h, offer)
    close(h, offer, "timeout", reason, why="missed", by=absent[0] if there else None)


def spare_all(h, offer: Offer) -> None:
    """An offer beyond the limit was not taken: that is heard as "not now"."""
    for p in offer.people:
        p.spared_until = h.now + h.centre.spared_s


def phone_lost(h, offer: Offer, reason: str, seat) -> None:
    """The phone is gone; a desk is left alone for a moment."""
    if offer.voice:
        shifts.lose_phone(h, h.phone(seat))
    else:
        offer.person.not_before = max(offer.person.not_before, h.now + 5.0)
    close(h, offer, "rescinded", reason)


def due(h, offer: Offer, kind: str) -> None:
    """A deadline of an offer has come."""
    del offer.due[kind]
    if kind == "consult":
        consults.nobody_came(h, offer)
    elif kind == "wrap":
        wrap_up(h, offer, "wrapped_up")
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
    """Caller and agent are apart."""
    offer = h.offers.get(event.offer)
    if offer is not None and offer.state is ACCEPTED and not offer.apart:
        talk_over(h, offer, event.by, h.now if event.ended_at is None else event.ended_at)
    elif offer is not None and offer.state is CONSULTING and offer.line and event.by in ("caller", "dropped"):
        callers.gone(h, e.ContactGone(offer.caller.id, event.ended_at, False, event.by == "dropped"))


def held(h, event: e.Held) -> None:
    """On hold, or back."""
    offer = h.offers.get(event.offer)
    if offer is not None and offer.state is ACCEPTED and event.on is not (offer.held_since is not None):
        keep_waiting(h, offer, event.on)


def follow_up(h, event: e.FollowUpAgreed) -> None:
    """The caller says whether they want to be called back should the call be lost."""
    caller = talked(h, event.offer).caller
    if event.agreed and not callbacks.reachable(caller):
        h.refuse("no_callback")
    if caller.follow_up is not event.agreed:
        caller.follow_up = event.agreed
        h.tell("FollowUpSet", event.offer, caller.id, event.agreed)


def abuse(h, event: e.AbuseSaid) -> None:
    """The agent at hand says that the caller is abusive, or is not. Who does is known again by the number."""
    offer = h.offers.get(event.offer)
    if offer is None or offer.state is PENDING or offer.caller.in_line:
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
    h.tell("AbuseNoted", offer.id, caller.id, event.abusive, topics)


def keep_waiting(h, offer: Offer, on: bool) -> None:
    """Music, or no more."""
    offer.held_since = h.now if on else None
    h.tell("HoldChanged", offer.id, on)


def transfer(h, event: e.TransferAsked) -> None:
    """The agent sends the caller on, to a service or to a colleague who can have them. If that cannot be and the phone
    has done it all the same, the caller waits as before."""
    offer = talked(h, event.offer)
    caller = offer.caller
    why, service, person = whither(h, offer, event)
    if why and not event.gone:
        h.refuse(why)
    if why:
        service, person = caller.service, None
    h.commands.append(commands.SendOn(caller.id, service.id, caller.node))
    talk_over(h, offer, "transfer", h.now)
    go_to(h, caller, service, person)


def talked(h, number) -> Offer:
    """A call that is talked, or a refusal."""
    offer = h.offers.get(number)
    if offer is None or offer.state is not ACCEPTED or not offer.voice or offer.apart:
        h.refuse("not_now")
    return offer


def whither(h, offer: Offer, event) -> tuple:
    """Why not, or the service and person."""
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
    return why, service, person


def go_to(h, caller: Caller, service, person: Person | None) -> None:
    """The caller waits for this service from now on, with the old age; for that person first."""
    before = caller.service
    caller.offer, caller.step_at, caller.entered_at = None, h.now, h.now
    h.arm(caller)
    caller.service, caller.step, caller.urgent, caller.net_again = service, 0, False, 0.0
    if caller.introducer is None:
        caller.visited = ()
    caller.sent_at, caller.preferred, caller.preferred_s = h.now, person, 30.0
    unknown = caller.introducer is None and steps.nobody(caller)
    if service.id != before.id:
        h.tell("Moved", caller.id, before.id, service.id, "transfer", unknown)


def talk_over(h, offer: Offer, by: str, at: float, *, phone_lost: bool = True) -> None:
    """The talk is over. Lost or sent on: the caller waits again. Else, and when sent on, the agent wraps up."""
    caller, p, lost, sent = offer.caller, offer.person, by == "lost", by == "transfer"
    offer.state = OfferState.COMPLETED if lost or sent else WRAPPING
    caller.state = WAITS if lost or sent else ContactState.WRAPPING
    offer.talk_over_at, offer.interrupted, offer.held_since = h.now, False, None
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
        let_go(h, p, offer, "lost" if lost else "talk_over")
    if offer.partner is not None:
        partner_over(h, offer.partner, offer, lost)
    h.tell("TalkOver", offer.id, caller.id, p.id, "caller" if by == "dropped" else by)
    if by not in ("lost", "dropped"):
        callbacks.needless(h, offer, caller.service, min(h.now, max(at, offer.connected_at)))
    if lost or sent:
        del h.offers[offer.id]
        caller.offer, caller.step_at, caller.entered_at = None, h.now, h.now
        h.arm(caller)
        return
    callers.over(h, caller, Outcome.ANSWERED)
    if not wraps:
        completed(h, offer)
    if by == "dropped":
        callbacks.call_again(h, caller, min(h.now, max(at, offer.connected_at)))


def wraps_up(p: Person, offer: Offer) -> bool:
    """A wrap-up comes after this talk."""
    return may_wrap_up(p) and not (p.agent.profile.wrapup_mode in BY_WISH and not offer.wrapup_asked)


def may_wrap_up(p: Person) -> bool:
    """One comes after a talk, unless it is by wish and nobody asks."""
    if p.leave_pending:
        return False
    return p.agent.profile.wrapup_s > 0 or p.agent.profile.wrapup_mode is WrapUpMode.MANDATORY


def partner_over(h, p: Person, offer: Offer, lost: bool) -> None:
    """The second one of a pair wraps up by the own profile, aside; both legs end."""
    rescind(h, offer, "partner")
    own_wrap_up(h, p, offer, lost)


def own_wrap_up(h, p: Person, offer: Offer, lost: bool) -> None:
    """Done with the contact; the wrap-up is without it."""
    p.hands.remove(offer)
    burden.done(h, p, offer, h.now - offer.connected_at)
    if not lost and wraps_up(p, offer):
        begin_aside(h, p)
    else:
        p.talked_until = h.now
        shifts.free(h, p, "lost" if lost else "talk_over")


def begin_aside(h, p: Person) -> None:
    """A wrap-up without a contact."""
    p.aside, p.talked_until = True, None
    if p.agent.profile.wrapup_mode is not WrapUpMode.MANDATORY:
        p.aside_at = h.now + p.agent.profile.wrapup_s
    shifts.become(h, p, WRAPUP, "")


def end_aside(h, p: Person, reason: str) -> None:
    """It is over."""
    if p.aside:
        p.aside, p.aside_at = False, None
        shifts.free(h, p, reason)


def let_go(h, p: Person, offer: Offer, reason: str) -> None:
    """The agent is done with this contact."""
    p.hands.remove(offer)
    seconds = h.now - offer.connected_at
    burden.done(h, p, offer, seconds)
    if p.agent.profile.wrapup_mode is WrapUpMode.OPTIONAL and offer.state is WRAPPING:
        p.talked_until = offer.talk_over_at
    shifts.free(h, p, reason)


def wrap_up(h, offer: Offer, reason: str) -> None:
    """A wrap-up is over."""
    offer.due = {}
    let_go(h, offer.person, offer, reason)
    completed(h, offer)


def completed(h, offer: Offer) -> None:
    """The end of an answered contact's record."""
    offer.state, offer.caller.state = OfferState.COMPLETED, ContactState.COMPLETED
    del h.offers[offer.id], h.callers[offer.caller.id]
    h.tell("WrappedUp", offer.id, offer.caller.id, offer.person.id)
