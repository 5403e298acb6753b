"""Events of callers: they come, wait, leave and get priority, and their data is erased."""

from __future__ import annotations

from routing.core import events as e
from routing.core.model.centre_model import ContactState, Outcome
from tests.oracle import ahead, callbacks, calls, consults, first_words, learned, rules, settings, steps
from tests.oracle.state import ASSIGNED, VOICE, WAITS, Caller

OVER_S = 60.0


def queued(h, event: e.ContactQueued) -> None:
    """Queue a new contact, or update a contact that waits."""
    if h.now - h.over.get(event.contact, float("-inf")) < OVER_S:
        return
    known = h.callers.get(event.contact)
    if known is not None:
        again(h, known, event)
        return
    service = h.services.get(event.service)
    if service is None:
        h.refuse("unknown_service")
    topics = set(event.topics)
    said = h.abusive.get(event.caller_hash) if event.caller_hash and not service.anonymous else None
    if said is not None and h.now - h.centre.abusive_days * 86_400 <= said:
        topics.add("abusive")
    since = h.now if event.since is None else min(event.since, h.now)
    caller = Caller(event.contact, service, event.channel, since, event.priority, h.take_number(), h.now, event.leg,
                    event.slow, event.node, event.caller_hash, event.needs, frozenset(topics), entered_at=since,
                    step_at=h.now, language=event.language, shown=event.shown,
                    words_until=h.now + event.words_s if event.words_s > 0.0 else 0.0)
    why = settings.refuses(h, service)
    way = rules.find(h, caller, why) if why else None
    if way is None or not way[1]:  # else they wait nowhere and keep what they had
        merge(h, caller)
        restore_position(h, caller)
    if way is None:
        steps.prefer(h, caller)
    h.callers[caller.id] = caller
    h.arm(caller)
    h.tell("Queued", caller.id, service.id, position(h, caller))
    if way is not None:
        rules.lead(h, caller, why)
    else:
        caller.told = h.expected(caller.id)
        rules.arrive(h, caller, None if caller.told is None else caller.told.wait_s)


def again(h, caller: Caller, event: e.ContactQueued) -> None:
    """Update a known contact. An assigned contact that is in the hold loop has lost its talk."""
    if caller.state is ASSIGNED:
        cut_off(h, caller)
    if not caller.in_line or (caller.callback and not caller.leg):
        return
    caller.slow = caller.slow or event.slow
    caller.language = event.language or caller.language
    if event.words_s > 0.0:
        first_words.set_end(h, caller, h.now + event.words_s)
    caller.leg = event.leg or caller.leg
    if event.shown:
        show(h, caller)
    again_chosen = caller.in_menu
    needs, topics = event.needs or (() if again_chosen else caller.needs), caller.topics
    if event.topics:
        topics = event.topics | (topics & {"abusive"})
    other = needs != caller.needs or topics != caller.topics
    service = h.services.get(event.service, caller.service)
    moves = service.id != caller.service.id and not caller.callback and (
        again_chosen or (service.id not in caller.visited and not settings.refuses(h, service)))
    if other or moves:
        calls.drop_ringing(h, caller, "chosen")
    if again_chosen:
        caller.in_menu = False
        caller.points = event.priority if caller.own is None else caller.points
    if other or again_chosen or event.node != caller.node:
        caller.node, caller.needs, caller.topics = event.node, needs, topics
        steps.still_preferred(h, caller)
        h.arm(caller)
    if other:
        h.tell("ContactChanged", caller.id, caller.points)
    if moves:
        caller.visited = ()
        steps.move(h, caller, service, "chosen")


def shown(h, event: e.ChannelShown) -> None:
    """Take over that the channel of a contact was seen."""
    caller = h.callers.get(event.contact)
    if caller is not None:
        show(h, caller)


def show(h, caller: Caller) -> None:
    """Offer a caller from now on whose channel was not known."""
    if not caller.shown:
        caller.shown = True
        h.arm(caller)


def ranked(h, event: e.ContactPrioritised) -> None:
    """Change the points of a contact."""
    caller = h.callers.get(event.contact)
    if caller is not None and caller.in_line and caller.points != event.priority:
        was, caller.points = caller.points, event.priority
        if caller.offer is None:
            caller.act = (caller.service.id, was), (caller.service.id, caller.points)
        h.arm(caller)
        h.tell("ContactChanged", caller.id, caller.points)


def ticked(h, event: e.HoldTick) -> None:
    """Take a hold tick. A tick of an assigned contact means a lost talk. A caller in the hold loop is offered
    again."""
    caller = h.callers.get(event.contact)
    if caller is not None and caller.words_until > h.now:
        first_words.set_end(h, caller, h.now)
    if caller is not None and caller.state is ASSIGNED:
        cut_off(h, caller)
    elif caller is not None and caller.in_menu:
        caller.in_menu = False
        h.arm(caller)
    elif caller is not None and caller.state is WAITS and not caller.callback and caller.not_before > h.now:
        caller.not_before = h.now
        h.arm(caller)


def to_menu(h, event: e.ReturnedToMenu) -> None:
    """Let a caller who waits choose again. Nobody is offered the contact meanwhile."""
    caller = h.callers.get(event.contact)
    if caller is None or not caller.in_line or caller.callback or caller.consulting_offer is not None:
        return
    caller.in_menu = True
    calls.drop_ringing(h, caller, "chosen")


def cut_off(h, caller: Caller) -> None:
    """End the talk if the hold tick comes more than 5 s after the bridge."""
    offer = caller.offer
    if h.now - (offer.connected_at if offer.bridge_changed_at is None else offer.bridge_changed_at) > 5.0:
        calls.rescind(h, offer, "stale")
        calls.talk_over(h, offer, "lost", h.now, phone_lost=False)


def gone(h, event: e.CallerHungUp) -> None:
    """End the contact or the talk, because the caller's channel is gone."""
    caller = h.callers.get(event.contact)
    if caller is None:
        if event.contact not in h.over:
            h.never_known.add(event.contact)
        h.over[event.contact] = h.now
        return
    at = h.now if event.ended_at is None else min(event.ended_at, h.now)
    if caller.state is ASSIGNED:
        calls.talk_over(h, caller.offer, "dropped" if event.failure or event.dropped else "caller", at)
    elif caller.in_line and caller.callback and caller.shown:
        caller.leg = caller.farewell = ""
    elif caller.in_line and caller.farewell:
        if caller.way_out == "goodbye":
            end(h, caller, Outcome.TURNED_AWAY, caller.led_by[-1])
        else:
            end(h, caller, Outcome.LEFT, "withdrawn")
    elif caller.in_line:
        short = at - caller.waits_from < caller.service.short_abandon_s
        if caller.shown:
            learned.gave_up(h, caller, at)
        if caller.hash and caller.channel is VOICE and caller.shown and not caller.service.anonymous \
                and caller.consulting_offer is None:
            since, points, service = caller.since, caller.points, caller.service
            for name, services, old, older, lost_at in h.lost_places:  # no queue took the call
                if name == caller.hash and service.id in services and lost_at <= caller.queued_at \
                        and caller.queued_at - lost_at <= service.position_held_s:
                    since, points = min(since, old), max(points, older)
            h.lost_places = [one for one in h.lost_places if one[0] != caller.hash]
            h.lost_places.append((caller.hash, (service.id, *caller.visited), since, points, at))
        asks = caller.consulting_offer
        if asks is not None and not (event.failure or event.dropped):
            callbacks.needless(h, asks, asks.service_before_consult, at)
        if rules.turned_away(caller) and not event.failure:
            end(h, caller, Outcome.TURNED_AWAY, caller.led_by[-1])
        else:
            end(h, caller, Outcome.FAILURE if event.failure else Outcome.ABANDONED_SHORT if short
                else Outcome.ABANDONED)
        if event.failure or event.dropped:
            callbacks.call_again(h, caller, at)


def restore_position(h, caller: Caller) -> None:
    """Restore the held position of a caller who hung up while waiting and calls again soon for the same service, once.
    """
    for one in h.lost_places:
        name, services, since, points, at = one
        if name == caller.hash and caller.service.id in services and h.now - at <= caller.service.position_held_s \
                and caller.channel is VOICE and not caller.service.anonymous:
            h.lost_places.remove(one)
            caller.own = caller.since, caller.points
            caller.since, caller.points = min(caller.since, since), max(caller.points, points)
            return


def declined(h, event: e.HeldPositionDeclined) -> None:
    """Give the caller the position of the new call, because they decline the held one."""
    caller = h.callers.get(event.contact)
    if caller is not None and caller.in_line and caller.own is not None:
        caller.since, caller.points = caller.own
        caller.own = caller.told = None
        h.arm(caller)
        h.tell("ContactChanged", caller.id, caller.points)


def in_fallback(h, event: e.FallbackEntered) -> None:
    """Keep a waiting contact from all agents while its caller is in the fallback queue."""
    caller = h.callers.get(event.contact)
    if caller is not None and caller.state is WAITS and not caller.callback:
        caller.not_before = h.now + 120.0
        h.arm(caller)


def of_outage(h, event: e.OutageCallFound) -> None:
    """Record a call that came and ended while no node listened."""
    if event.contact in h.callers or (event.contact in h.over and event.contact not in h.never_known):
        return
    service = h.services.get(event.service)
    if service is None:
        h.refuse("unknown_service")
    start, end_ = min(event.queued_at, h.now), min(event.ended_at, h.now)
    caller = Caller(event.contact, service, VOICE, start, 0, h.take_number(), start, "", False, "", "", (), frozenset(),
                    entered_at=start, step_at=start)
    h.never_known.discard(event.contact)
    h.callers[caller.id] = caller
    h.tell("Queued", caller.id, service.id, position(h, caller))
    short = end_ - start < service.short_abandon_s
    end(h, caller, Outcome.FALLBACK if event.answered else Outcome.FAILURE if event.failure else
        Outcome.ABANDONED_SHORT if short else Outcome.ABANDONED, "outage")


def left(h, event: e.ContactExited) -> None:
    """End the contact of a caller who left the queue without hanging up."""
    caller = h.callers.get(event.contact)
    if caller is not None and caller.in_line:
        away = event.reason == "deflected" or (event.reason == "rule" and event.key != "message")
        end(h, caller, Outcome.FALLBACK if event.reason == "fallback" else Outcome.TURNED_AWAY if away
            else Outcome.LEFT, event.key)


def end(h, caller: Caller, outcome: Outcome, key: str = "") -> None:
    """End a contact that waits."""
    ahead.hang_up(h, caller, "caller_hung_up")
    calls.drop_ringing(h, caller, "caller_hung_up", "canceled")
    caller.offer = None
    asker = caller.consulting_offer
    if asker is not None:  # the caller belonged to that agent all the time
        consults.complete(h, asker, "caller")
        caller.service = h.services.get(asker.service_before_consult.id, asker.service_before_consult)
        outcome, key = Outcome.ANSWERED, ""
    caller.state, caller.preferred, caller.offer = ContactState.CANCELED, None, None
    over(h, caller, outcome, key)
    del h.callers[caller.id]


def over(h, caller: Caller, outcome: Outcome, key: str = "") -> None:
    """Record the end of a contact. Each contact ends here."""
    h.over[caller.id] = h.now
    h.tell("Ended", caller.id, caller.service.id, outcome, key)


def position(h, caller: Caller) -> int:
    """Return the place in the queue of the service, from 1. Callbacks that may not be offered now do not count. Of
    deferred ones as many count as have their turn before. In distress those on the line come before callbacks."""
    if caller.service.distress:
        others = [c for c in h.callers.values() if c.in_line and c is not caller and c.service.id == caller.service.id]
        return 1 + sum((c.place < caller.place or caller.callback) if not c.callback else
                       caller.callback and c.place < caller.place and not (
                           c.state is WAITS and not c.awake(h.now, h.quiet)) for c in others)
    front = [c for c in h.callers.values()
             if c.in_line and c is not caller and c.service.id == caller.service.id and c.place < caller.place
             and not (c.callback and c.state is WAITS and not c.awake(h.now, h.quiet))]
    late = 0 if caller.deferred else sum(c.deferred for c in front)
    live, share = len(front) - late, h.centre.callback_share
    return 1 + live + min(late, int(live * share / (1.0 - share) + 1e-9))


def merge(h, caller: Caller) -> None:
    """Give a new call the age of the callback of the same caller for the same service. The callback stays."""
    if caller.channel is not VOICE or not caller.hash:
        return
    for one in list(h.callers.values()):
        if one.callback and one.in_line and caller.hash in (one.hash, one.other_hash) \
                and caller.service.id in (one.service.id, *one.visited):
            caller.since, caller.points = min(caller.since, one.since), max(caller.points, one.points)
            if one.offer is not None:
                calls.rescind(h, one.offer, "caller_on_line")
                calls.close(h, one.offer, "rescinded", "caller_on_line", keep_idle=True)
            elif one.dialling:
                ahead.hang_up(h, one, "caller_on_line")
                callbacks.pause(h, one)
                h.arm(one)
            one.caller_on_line = one.caller_on_line or one.queued_at < caller.queued_at


def forgotten(h, event: e.CallerErased) -> None:
    """Erase the identity of this caller everywhere and end their callbacks."""
    if not event.caller_hash:
        return
    h.last_agents.pop(event.caller_hash, None)
    h.abusive.pop(event.caller_hash, None)
    h.served = [one for one in h.served if one[0] != event.caller_hash]
    h.lost_places = [one for one in h.lost_places if one[0] != event.caller_hash]
    h.dials = [one for one in h.dials if one[0] != event.caller_hash]
    h.refusals = [one for one in h.refusals if one[0] != event.caller_hash]
    for one in list(h.callers.values()):
        if event.caller_hash in (one.hash, one.other_hash):
            if one.callback and one.in_line:
                end(h, one, Outcome.LEFT, "erased")
            one.hash, one.other_hash, one.abusive = "", "", False


def survey_answered(h, event: e.SurveyAnswered) -> None:
    """Record an answer of the survey. The survey begins with `asked`, and each question counts once."""
    if event.service not in h.services:
        h.refuse("unknown_service")
    meant = {"asked": [0], "cared": [1, 2, 3, 4, 5], "solved": [0, 1], "message": [0]}
    if event.answer not in meant.get(event.question, []):
        h.refuse("out_of_range")
    said = h.surveys.get(event.contact)
    if said is None and event.question == "asked":
        said = h.surveys[event.contact] = []
        if len(h.surveys) > 2_000:
            del h.surveys[next(iter(h.surveys))]
    if said is not None and event.question not in said:
        said.append(event.question)
        h.tell("SurveyAnsweredRecorded", event.contact, event.service, event.question, event.answer)


def menu_left(h, event: e.MenuEnded) -> None:
    """Record the menu path as it is told."""
    meant = ["queued", "operator", "self_service", "external_transfer", "abandoned", "error"]
    if event.outcome not in meant or len(event.nodes) > 40 or event.lasted_s < 0:
        h.refuse("out_of_range")
    if event.outcome == "abandoned" and event.contact not in h.callers:
        h.never_known.discard(event.contact)
        h.over[event.contact] = h.now
    h.tell("MenuEndedRecorded", *event)


def calls_refused(h, event: e.CallsRefused) -> None:
    """Record refused calls as they are told."""
    if event.reason not in ("unknown_number", "no_line") or event.calls < 1 or len(event.form) > 16:
        h.refuse("out_of_range")
    h.tell("CallsRefusedRecorded", *event)
