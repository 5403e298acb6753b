"""Move or withdraw one waiting contact for a supervisor, never out of distress."""

from __future__ import annotations

from routing.core import events as e
from routing.core.model import commands
from routing.core.model.centre_model import Outcome
from tests.oracle import callbacks, callers, calls, distress, rules, settings, steps
from tests.oracle.state import VOICE, Caller

NAMED_S = 30.0
"""A contact waits this long for a named colleague."""


def at_hand(h, name: str) -> Caller:
    """Return a contact that waits, and that no agent consults about."""
    caller = h.callers.get(name)
    if caller is None or not caller.in_line:
        h.refuse("unknown_contact")
    if caller.consulting_offer is not None or caller.farewell:
        h.refuse("not_now")
    return caller


def moved(h, event: e.MoveRequested) -> None:
    """Move a contact to a service, a colleague, or both. Age and points stay, all else starts again."""
    caller = at_hand(h, event.contact)
    to = h.services.get(event.service) if event.service is not None else caller.service
    if to is None or (event.service is None and event.to is None):
        h.refuse("unknown_service")
    same, person = to.id == caller.service.id, h.people.get(event.to)
    if not same and settings.refuses(h, to):
        h.refuse("not_open")
    if event.to is not None and person is None:
        h.refuse("unknown_agent")
    if person is not None and not steps.serves(h, caller, person, to):
        h.refuse("not_there")
    if caller.service.distress and not to.distress:
        h.refuse("in_distress")
    if caller.callback and to.anonymous:
        h.refuse("not_open")
    if to.distress and not caller.service.distress and not event.confirmed:
        h.refuse("confirm_distress")
    if same and person is None:
        return
    was = caller.service.id, caller.points
    take_back(h, caller, "supervisor")
    caller.visited = ()
    if not same:
        steps.move(h, caller, to, "supervisor", person)
        caller.act = was, (to.id, caller.points)
        return
    caller.timed_step, caller.step_at, caller.entered_at, caller.urgent = 0, h.now, h.now, False
    caller.preferred, caller.preferred_s = person, NAMED_S
    if to.distress and not distress.ringable(h, caller, person):
        caller.preferred = None
    rules.forget(caller)
    h.arm(caller)
    caller.act = was, was
    h.tell("Stepped", caller.id, 0, "supervisor")


def undone(h, event: e.ActUndone) -> None:
    """Give a contact back the service and the points that it had before the last act of a supervisor."""
    caller = at_hand(h, event.contact)
    was, since = caller.act or (("", 0), ("", 0))
    service = h.services.get(was[0])
    if caller.act is None or since != (caller.service.id, caller.points) or service is None:
        h.refuse("nothing_to_undo")
    if was == since and caller.preferred is None:
        h.refuse("nothing_to_undo")
    h.seen["acts undone"] += 1
    h.seen["acts undone out of distress"] += caller.service.distress and not service.distress
    if was[0] != since[0]:
        caller.visited = ()
        steps.move(h, caller, service, "supervisor")
    elif was[1] != since[1]:
        caller.points = was[1]
        h.arm(caller)
        h.tell("ContactChanged", caller.id, caller.points)
    else:
        steps.lose_preferred(h, caller, h.now)
    caller.act = None


def withdrawn(h, event: e.WithdrawalRequested) -> None:
    """Say good-bye to a caller, or call them back. A contact without a caller on the line ends at once."""
    caller = at_hand(h, event.contact)
    if caller.service.distress:
        h.refuse("in_distress")
    if event.callback:
        if caller.callback or caller.channel is not VOICE or not caller.hash:
            h.refuse("no_callback")
        callbacks.callback_asked(h, e.CallbackRequested(caller.id, window=event.window))
        if not caller.leg:
            return
    elif caller.callback or caller.channel is not VOICE:
        callers.end(h, caller, Outcome.LEFT, "withdrawn")
        return
    caller.farewell = "geri-arama-tamam" if event.callback else event.prompt or "bekleme-veda"
    take_back(h, caller, "withdrawn")
    h.arm(caller)
    h.commands.append(commands.RefreshHold(caller.id, caller.leg, caller.node, caller.channel))


def take_back(h, caller: Caller, why: str) -> None:
    """End the ringing for this contact. The agent keeps the turn."""
    calls.drop_ringing(h, caller, why)
