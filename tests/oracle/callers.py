"""What callers do, their steps and deadlines, where they go, and callbacks."""

from __future__ import annotations

from routing.core import commands
from routing.core import events as e
from routing.core.model import ContactState, Outcome, Service
from tests.oracle import calls, choice, consults, settings
from tests.oracle.state import ASSIGNED, PENDING, VOICE, WAITS, Caller, Person

NET_AGAIN_S = 15.0
OVER_S = 60.0


def queued(h, event: e.ContactQueued) -> None:
    """A new contact, or news of one that waits."""
    if h.now - h.over.get(event.contact, float("-inf")) < OVER_S:
        return
    known = h.callers.get(event.contact)
    if known is not None:
        again(h, known, event)
        return
    service = h.services.get(event.service)
    if service is None:
        h.refuse("unknown_service")
    since = h.now if event.since is None else min(event.since, h.now)
    caller = Caller(event.contact, service, event.channel, since, event.priority, h.take_number(), h.now, event.leg,
                    event.slow, event.node, event.caller_hash, event.needs, event.topics, entered_at=since,
                    step_at=h.now, language=event.language)
    merge(h, caller)
    old_place(h, caller)
    why = settings.refuses(h, service)
    if not why:
        prefer(h, caller)
    h.callers[caller.id] = caller
    h.arm(caller)
    if why:
        turn_away(h, caller, why)
    else:
        h.tell("Queued", caller.id, service.id, position(h, caller))


def turn_away(h, caller: Caller, why: str) -> None:
    """The service takes nobody: to another one, else to the safety net."""
    to = settings.onward(h, caller.service, ())
    h.tell("Queued", caller.id, caller.service.id, position(h, caller))
    if to is not None:
        caller.visited = (caller.service.id,)
        move(h, caller, to, why)
    elif h.up(caller.node):
        caller.not_before = h.now + NET_AGAIN_S
        to_net(h, caller)


def again(h, caller: Caller, event: e.ContactQueued) -> None:
    """News of a known contact. Who should be talking and is in the hold loop was cut off."""
    if caller.state is ASSIGNED:
        cut_off(h, caller)
    if not caller.in_line or (caller.callback and not caller.leg):
        return
    caller.slow = caller.slow or event.slow
    caller.language = event.language or caller.language
    caller.leg = event.leg or caller.leg
    needs, topics = event.needs or caller.needs, event.topics or caller.topics
    other = needs != caller.needs or topics != caller.topics
    service = h.services.get(event.service, caller.service)
    moves = service.id != caller.service.id and service.id not in caller.visited and not caller.callback \
        and not settings.refuses(h, service)
    if caller.offer is not None and (other or moves):
        calls.rescind(h, caller.offer, "chosen")
        calls.close(h, caller.offer, "rescinded", "chosen", keep_idle=True)
    if other or event.node != caller.node:
        caller.node, caller.needs, caller.topics = event.node, needs, topics
        still_preferred(h, caller)
        h.arm(caller)
    if other:
        h.tell("ContactChanged", caller.id, caller.points)
    if moves:
        caller.visited = ()
        move(h, caller, service, "chosen")


def ranked(h, event: e.ContactRanked) -> None:
    """Other points."""
    caller = h.callers.get(event.contact)
    if caller is not None and caller.in_line and caller.points != event.priority:
        caller.points = event.priority
        h.arm(caller)
        h.tell("ContactChanged", caller.id, caller.points)


def ticked(h, event: e.ContactTicked) -> None:
    """The hold loop came by."""
    caller = h.callers.get(event.contact)
    if caller is not None and caller.state is ASSIGNED:
        cut_off(h, caller)


def cut_off(h, caller: Caller) -> None:
    """A sign of the hold loop that comes more than 5 s after the bridge: the talk is over."""
    offer = caller.offer
    if h.now - (offer.connected_at if offer.turned_at is None else offer.turned_at) > 5.0:
        calls.rescind(h, offer, "stale")
        calls.talk_over(h, offer, "lost", h.now, phone_lost=False)


def gone(h, event: e.ContactGone) -> None:
    """The caller's channel is gone."""
    caller = h.callers.get(event.contact)
    if caller is None:
        h.over[event.contact] = h.now
        return
    at = h.now if event.ended_at is None else min(event.ended_at, h.now)
    if caller.state is ASSIGNED:
        calls.talk_over(h, caller.offer, "dropped" if event.failure or event.dropped else "caller", at)
    elif caller.in_line and caller.callback:
        caller.leg = ""
    elif caller.in_line:
        short = at - caller.waits_from < caller.service.short_abandon_s
        if caller.hash and caller.channel is VOICE and not caller.service.anonymous and caller.introducer is None:
            h.lost_places = [one for one in h.lost_places if one[0] != caller.hash]
            h.lost_places.append((caller.hash, (caller.service.id, *caller.visited), caller.since, caller.points, at))
        end(h, caller, Outcome.FAILURE if event.failure else Outcome.ABANDONED_SHORT if short else Outcome.ABANDONED)
        if event.failure or event.dropped:
            call_again(h, caller)


def reachable(caller: Caller) -> bool:
    """Has a number that may be called."""
    service = caller.service
    return service.follows_up and not service.anonymous and (caller.hash or caller.other_hash) != ""


def call_again(h, caller: Caller) -> None:
    """The line was lost: who has agreed is to be called, once, as another contact of the same age."""
    name = f"f{caller.id}"
    if not caller.follow_up or not reachable(caller) or name in h.callers or name in h.over:
        return
    again = [one for one in h.callers.values() if rings_again(one, caller)]
    for one in again:
        before = one.since, one.points
        if one.in_line and one.service.id == caller.service.id:
            one.since, one.points = min(one.since, caller.since), max(one.points, caller.points)
        if before != (one.since, one.points):
            h.arm(one)
            h.tell("ContactChanged", one.id, one.points)
    if again:
        return
    new = Caller(name, caller.service, VOICE, caller.since, caller.points, h.take_number(), h.now, "", caller.slow,
                 caller.node, caller.hash, caller.needs, caller.topics, entered_at=caller.since, step_at=h.now,
                 callback=True, anytime=True, not_before=h.now + 10.0, other_hash=caller.other_hash,
                 language=caller.language)
    h.callers[name] = new
    h.arm(new)
    h.tell("Queued", name, new.service.id, position(h, new))
    h.tell("CallbackChanged", name, 0, new.not_before, "asked")


def rings_again(one: Caller, lost: Caller) -> bool:
    """Whether the caller of a lost line is on another one, or to be called back for the same service, since later."""
    there = one.in_line or one.state is ASSIGNED
    if one.callback and one.service.id != lost.service.id:
        there = False
    return there and one.channel is VOICE and "" != one.hash == lost.hash and one.queued_at > lost.queued_at


def old_place(h, caller: Caller) -> None:
    """Who hung up while waiting and calls again soon for the same service stands where they stood, once."""
    for one in h.lost_places:
        name, services, since, points, at = one
        if name == caller.hash and caller.service.id in services and h.now - at <= caller.service.place_kept_s \
                and caller.channel is VOICE and not caller.service.anonymous:
            h.lost_places.remove(one)
            caller.own = caller.since, caller.points
            caller.since, caller.points = min(caller.since, since), max(caller.points, points)
            caller.entered_at = caller.since
            return


def declined(h, event: e.PlaceDeclined) -> None:
    """The caller wants the own place."""
    caller = h.callers.get(event.contact)
    if caller is not None and caller.in_line and caller.own is not None:
        caller.since, caller.points = caller.own
        caller.entered_at, caller.own = caller.since, None
        h.arm(caller)
        h.tell("ContactChanged", caller.id, caller.points)


def left(h, event: e.ContactLeft) -> None:
    """The caller left the line alive."""
    caller = h.callers.get(event.contact)
    if caller is not None and caller.in_line:
        end(h, caller, Outcome.OVERFLOW if event.reason == "net" else Outcome.LEFT, event.key)


def end(h, caller: Caller, outcome: Outcome, key: str = "") -> None:
    """The end of a contact that waits."""
    if caller.offer is not None:
        calls.rescind(h, caller.offer, "contact_gone")
        calls.close(h, caller.offer, "canceled", "contact_gone", keep_idle=True)
    caller.offer = None
    asker = caller.introducer
    if asker is not None:  # the caller was theirs all the time
        consults.over(h, asker, "caller")
        caller.service = h.services.get(asker.came_from.id, asker.came_from)
        outcome, key = Outcome.ANSWERED, ""
    caller.state, caller.preferred, caller.offer = ContactState.CANCELED, None, None
    over(h, caller, outcome, key)
    del h.callers[caller.id]


def over(h, caller: Caller, outcome: Outcome, key: str = "") -> None:
    """The one end of a contact."""
    h.over[caller.id] = h.now
    h.tell("Ended", caller.id, caller.service.id, outcome, key)


def position(h, caller: Caller) -> int:
    """Place in the service's line, from 1."""
    return 1 + sum(c.in_line and c is not caller and c.service.id == caller.service.id and c.place < caller.place
                   for c in h.callers.values())


# --- steps and deadlines


def step_lasts(caller: Caller) -> float | None:
    """How long the present step lasts; None: it stays."""
    steps = caller.service.steps
    return steps[caller.step].lasts_s if caller.step + 1 < len(steps) else None


def step_ends(caller: Caller) -> float | None:
    """When the preferred agent's time, or the step, is over."""
    if caller.preferred is not None:
        wait_s = caller.service.preferred_s if caller.preferred_s is None else caller.preferred_s
        return caller.step_at + wait_s
    lasts = step_lasts(caller)
    return None if lasts is None else caller.step_at + lasts


def ceiling(caller: Caller) -> float | None:
    """When the contact becomes urgent."""
    limit = caller.service.ceiling_s
    return None if limit is None or caller.urgent or caller.callback else caller.waits_from + limit


def overflows(h, caller: Caller) -> float | None:
    """When the contact has waited too long in this service."""
    limit = caller.service.overflow_s
    if limit is None or caller.service.distress or caller.callback or not h.up(caller.node):
        return None
    return max(caller.entered_at + limit, caller.net_again)


def next_due(h, caller: Caller) -> float | None:
    """The next moment at which something about a waiting contact changes by itself."""
    if caller.state is not WAITS:
        return None
    found = [step_ends(caller), ceiling(caller), overflows(h, caller),
             caller.not_before if caller.not_before > h.now else None]
    return min((at for at in found if at is not None), default=None)


def due(h, caller: Caller) -> None:
    """Everything about a waiting contact that has come due, also in the service to which that brings it."""
    while (at := next_due(h, caller)) is not None and at <= h.due_at:
        catch_up(h, caller)
    h.arm(caller)
    caller.fresh = False


def catch_up(h, caller: Caller) -> None:
    """Steps that have run out, the ceiling, and overflow."""
    while (at := step_ends(caller)) is not None and at <= h.now:
        if caller.preferred is not None:
            lose_preferred(h, caller, at)
        else:
            next_step(h, caller, "expired")
    at = ceiling(caller)
    if at is not None and at <= h.now:
        caller.urgent = True
    at = overflows(h, caller)
    if at is not None and at <= h.now:
        to = settings.onward(h, caller.service, caller.visited)
        if to is None:
            to_net(h, caller)
        else:
            caller.visited = (*caller.visited, caller.service.id)
            move(h, caller, to, "overflow")


def next_step(h, caller: Caller, reason: str) -> None:
    """Ask for less."""
    caller.step_at = caller.step_at + step_lasts(caller) if reason == "expired" else h.now
    caller.step += 1
    h.arm(caller)
    h.tell("Stepped", caller.id, caller.step, reason)


def to_net(h, caller: Caller) -> None:
    """Have the caller sent to the safety net."""
    caller.net_again = h.now + NET_AGAIN_S
    h.commands.append(commands.Overflow(caller.id, caller.leg, caller.node))


def move(h, caller: Caller, to: Service, reason: str) -> None:
    """To another service, with its age."""
    before = caller.service
    caller.preferred = None
    caller.service, caller.step, caller.step_at, caller.entered_at, caller.urgent = to, 0, h.now, h.now, False
    unknown = nobody(caller)
    prefer(h, caller)
    h.arm(caller)
    h.tell("Moved", caller.id, before.id, to.id, reason, unknown)


def nobody(caller: Caller) -> bool:
    """In an anonymous service nothing is known of a caller. Whether there was something."""
    known = bool(caller.hash or caller.other_hash)
    if caller.service.anonymous:
        caller.hash = caller.other_hash = ""
    return caller.service.anonymous and known


# --- preferred agents


def prefer(h, caller: Caller) -> None:
    """Have a contact wait in person for the agent who spoke with the caller last."""
    service = caller.service
    if service.preferred_s <= 0 or not caller.hash or service.anonymous or caller.hash not in h.spoke:
        return
    name, at = h.spoke[caller.hash]
    if h.now - at <= service.preferred_days * 86_400.0 and name in h.people and serves(h, caller, h.people[name]):
        caller.preferred, caller.preferred_s = h.people[name], None


def serves(h, caller: Caller, p: Person, service: Service | None = None) -> bool:
    """The agent is there and may have this contact in one of the steps of its service, or of another one."""
    service = service or caller.service
    profile = p.agent.profile
    if not p.signed or not p.configured or p.state in ("paused", "not_responding"):
        return False
    if caller.channel not in profile.channels or (profile.pair_id and not p.lead):
        return False
    usual = caller.service
    try:
        caller.service = service
        return any(choice.fits(h, caller, h.asked(caller, step), p) is not None for step in range(len(service.steps)))
    finally:
        caller.service = usual


def lose_preferred(h, caller: Caller, at: float) -> None:
    """Step 0 begins."""
    caller.preferred, caller.step_at = None, at
    h.arm(caller)
    h.tell("Stepped", caller.id, caller.step, "preferred")


def review_preferred(h, p: Person) -> None:
    """Something about the agent has changed: who waits for them in person and is not rung looks elsewhere."""
    for caller in list(h.callers.values()):
        if caller.preferred is p and caller.state is WAITS and not serves(h, caller, p):
            lose_preferred(h, caller, h.now)


def still_preferred(h, caller: Caller) -> None:
    """What the contact or the house is has changed."""
    if caller.preferred is not None and not serves(h, caller, caller.preferred):
        caller.preferred, caller.step_at = None, h.now


# --- callbacks


def callback_asked(h, event: e.CallbackAsked) -> None:
    """A caller who waits wants to be called back."""
    caller = h.callers.get(event.contact)
    if caller is None or not caller.in_line or caller.callback or caller.channel is not VOICE or caller.introducer:
        return
    service = caller.service
    many = sum(c.callback and c.in_line and c.service.id == service.id for c in h.callers.values())
    if service.anonymous or service.callback == "none" or many >= service.callback_max:
        h.refuse("no_callback")
    caller.callback, caller.urgent = True, False
    caller.not_before, caller.anytime = h.now + max(0.0, event.after_s), event.anytime
    caller.other_hash = event.caller_hash
    if caller.offer is not None:
        calls.rescind(h, caller.offer, "callback")
        calls.close(h, caller.offer, "rescinded", "callback", keep_idle=True)
    h.arm(caller)
    h.tell("CallbackChanged", caller.id, caller.tries, caller.not_before, "asked")


def callback_taken(h, event: e.CallbackTaken) -> None:
    """The agent waits for the caller: dial them, or lead the agent to one who has come by themselves."""
    offer = h.offers.get(event.offer)
    if offer is None or offer.state is not PENDING or not offer.calls_back or offer.dialling:
        return
    if offer.caller.callback:
        dial(h, offer)
    else:
        join(h, offer)


def dial(h, offer) -> None:
    """The caller's phone rings; how long the agent's may does not matter any more."""
    caller = offer.caller
    offer.dialling = True
    offer.due = {"dial": h.now + 75.0} if h.up(caller.node) else {}
    h.commands.append(commands.Dial(offer.id, caller.id, "", caller.service.id, caller.since, caller.points,
                                    caller.slow, caller.service.callback_press, caller.node, caller.language))
    h.tell("CallbackDialled", offer.id, caller.id)


def callback_reached(h, event: e.CallbackReached) -> None:
    """The caller is on the line and waits like anybody."""
    caller = h.callers.get(event.contact)
    if caller is None or not caller.in_line or not caller.callback:
        return
    caller.callback, caller.leg, caller.not_before, caller.entered_at = False, event.leg, 0.0, h.now
    h.arm(caller)
    offer = caller.offer
    if offer is not None and offer.dialling:
        offer.dialling, offer.due = False, {}
        if offer.caller_first:
            choice.ring(h, offer)
        else:
            join(h, offer)
    h.tell("CallbackChanged", caller.id, caller.tries, 0.0, "reached")


def join(h, offer) -> None:
    """Both are there."""
    caller = offer.caller
    h.commands.append(commands.Join(offer.id, caller.id, caller.leg, caller.node, offer.partner is not None))
    if h.up(caller.node):
        offer.due["brief"] = h.now + 30.0


def callbacks_quiet(h, event: e.CallbacksQuiet) -> None:
    """Nobody is called, or everybody may be again."""
    h.quiet = event.on


def callback_failed(h, event: e.CallbackFailed) -> None:
    """The caller was dialled and did not take it."""
    offer = h.offers.get(event.offer)
    if offer is not None and offer.state is PENDING and offer.caller.callback:
        give_up(h, offer, event.reason)


def give_up(h, offer, reason: str) -> None:
    """One try less; the agent is free at once."""
    caller = offer.caller
    caller.tries += 1
    caller.not_before = h.now + caller.service.callback_retry_s
    calls.rescind(h, offer, "callback_failed")
    calls.close(h, offer, "rescinded", f"callback_{reason}", why="callback_failed", keep_idle=True)
    h.tell("CallbackChanged", caller.id, caller.tries, caller.not_before, reason)
    if caller.tries >= caller.service.callback_tries:
        end(h, caller, Outcome.CALLBACK_FAILED)


def merge(h, caller: Caller) -> None:
    """Who calls again for the same service takes over the age of the callback that waits for them."""
    if caller.channel is not VOICE or not caller.hash:
        return
    for one in list(h.callers.values()):
        if one.callback and one.in_line and caller.hash in (one.hash, one.other_hash) \
                and one.service.id == caller.service.id:
            caller.since, caller.points = min(caller.since, one.since), max(caller.points, one.points)
            end(h, one, Outcome.LEFT, "merged")


def forgotten(h, event: e.CallerForgotten) -> None:
    """Nobody knows this caller any more; a callback cannot be made."""
    if not event.caller_hash:
        return
    h.spoke.pop(event.caller_hash, None)
    h.lost_places = [one for one in h.lost_places if one[0] != event.caller_hash]
    for one in list(h.callers.values()):
        if event.caller_hash in (one.hash, one.other_hash):
            if one.callback and one.in_line:
                end(h, one, Outcome.LEFT, "forgotten")
            one.hash = one.other_hash = ""


def survey_answered(h, event: e.SurveyAnswered) -> None:
    """The survey begins with `asked`; each question counts once."""
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
        h.tell("Surveyed", event.contact, event.service, event.question, event.answer)


def menu_left(h, event: e.MenuLeft) -> None:
    """Noted as it is told."""
    meant = ["queued", "operator", "self_service", "led", "abandoned", "error"]
    if event.outcome not in meant or len(event.nodes) > 40 or event.lasted_s < 0:
        h.refuse("out_of_range")
    h.tell("MenuPassed", *event)
