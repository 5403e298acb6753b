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
    if same and person is None:
        return
    take_back(h, caller, "supervisor")
    caller.visited = ()
    if not same:
        steps.move(h, caller, to, "supervisor", person)
        return
    caller.timed_step, caller.step_at, caller.entered_at, caller.urgent = 0, h.now, h.now, False
    caller.preferred, caller.preferred_s = person, NAMED_S
    if to.distress and not distress.ringable(h, caller, person):
        caller.preferred = None
    rules.forget(caller)
    h.arm(caller)
    h.tell("Stepped", caller.id, 0, "supervisor")


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
    if caller.offer is not None:
        calls.rescind(h, caller.offer, why)
        calls.close(h, caller.offer, "rescinded", why, keep_idle=True)
