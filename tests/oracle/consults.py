"""Consult transfers. The caller already waits in the other queue while the two agents talk."""

from __future__ import annotations

from routing.core import events as e
from routing.core.model import commands
from tests.oracle import callbacks, calls, distress, shifts, steps
from tests.oracle.state import ACCEPTED, ASSIGNED, CONSULTING, PENDING, WAITS, Offer

WAIT_S = 60.0


def leg(offer: Offer) -> str:
    """Return the channel id of the agent's leg."""
    return f"o{offer.id}-{offer.caller.id}"


def asked(h, event: e.ConsultRequested) -> None:
    """Begin a consult transfer: the caller waits for the consultant, and so does the agent."""
    offer = calls.talked(h, event.offer)
    if offer.partner is not None:
        h.refuse("not_now")
    why, service, person = calls.whither(h, offer, event)
    if why:
        h.refuse(why)
    caller = offer.caller
    offer.waited_s = max(0.0, offer.connected_at - caller.waits_from)
    if offer.held_since is None:
        calls.keep_waiting(h, offer, True)
    h.commands.append(commands.StartConsult(offer.id, caller.id, service.id, caller.node, event.on_second_line))
    offer.state, offer.service_before_consult, offer.due["consult"] = CONSULTING, caller.service, h.now + WAIT_S
    caller.state, caller.consulting_offer, offer.on_second_line = WAITS, offer, event.on_second_line
    h.tell("ConsultStarted", offer.id, caller.id, offer.person.id, caller.service.id, service.id)
    calls.go_to(h, caller, service, person)


def ended(h, event: e.ConsultEndRequested) -> None:
    """Complete or cancel the consult transfer."""
    offer = h.offers.get(event.offer)
    if offer is None or offer.state is not CONSULTING:
        h.refuse("not_now")
    if event.complete:
        calls.rescind(h, offer, "consult")
    else:
        take_back(h, offer)


def nobody_came(h, offer: Offer) -> None:
    """Cancel the consult transfer if no consultant has answered in time."""
    if offer.caller.offer is None or not offer.caller.offer.with_consulting_agent:
        take_back(h, offer)


def take_back(h, offer: Offer) -> None:
    """Cancel the consult transfer and lead the agent's leg to the caller."""
    cancel(h, offer)
    h.commands.append(commands.CancelConsult(offer.id, offer.caller.id, offer.caller.node))


def among_agents(h, offer: Offer, with_: str) -> bool:
    """Return whether the other leg belongs to an agent of the same caller. If it is the leg of the agent who consults,
    the two agents talk from now on."""
    caller = offer.caller
    number, dash, contact = with_.removeprefix("o").partition("-")
    if not with_.startswith("o") or not dash or contact != caller.id or not number.isdigit():
        return False
    asker = caller.consulting_offer
    if asker is not None and leg(asker) == with_ and asker is not offer and not offer.with_consulting_agent \
            and offer.state is PENDING and offer.partner is None:
        offer.due, offer.answered_at, offer.with_consulting_agent, offer.person.rna_count = {}, h.now, True, 0
        distress.here(h, offer.person)
        shifts.engage(h, offer.person)
    return True


def cancel(h, offer: Offer) -> None:
    """Return the caller to the agent who consulted."""
    caller = offer.caller
    offer.due.pop("consult", None)
    other, caller.consulting_offer = caller.offer, None
    if other is not None:
        calls.rescind(h, other, "consult_cancelled")
        calls.close(h, other, "canceled", "consult_cancelled", keep_idle=True)
    caller.sent_at = offer.connected_at - offer.waited_s
    caller.state, caller.offer, caller.preferred, caller.closed = ASSIGNED, offer, None, []
    caller.service, caller.timed_step = h.services.get(offer.service_before_consult.id, offer.service_before_consult), 0
    offer.state, offer.awaiting_rebridge, offer.bridge_changed_at = ACCEPTED, not offer.on_second_line, h.now
    h.tell("ConsultCancelled", offer.id, caller.id, offer.person.id, caller.service.id)
    if offer.held_since is not None:
        calls.keep_waiting(h, offer, False)


def on_rebridged(h, offer: Offer) -> None:
    """Note that caller and agent are in one bridge again."""
    if offer.state is CONSULTING:
        cancel(h, offer)
    offer.awaiting_rebridge, offer.bridge_changed_at = False, h.now


def complete(h, offer: Offer, by: str, lost: bool = False) -> None:
    """Complete the consult transfer: the agent who consulted has left."""
    caller, p = offer.caller, offer.person
    caller.consulting_offer, offer.due, offer.talk_ended_at, offer.held_since = None, {}, h.now, None
    phone = h.phone(offer.seat)
    shifts.leg_over(h, phone)
    if lost:
        shifts.lose_phone(h, phone)
    calls.own_wrap_up(h, p, offer, lost)
    if by == "transfer" and not lost:
        callbacks.needless(h, offer, offer.service_before_consult, h.now)
    del h.offers[offer.id]
    if by != "caller":
        caller.entered_at, caller.visited = h.now, ()
        h.arm(caller)
    h.tell("ConsultCompleted", offer.id, caller.id, p.id, caller.service.id, by,
        by != "caller" and steps.nobody(caller))
    if caller.offer is not None and caller.offer.with_consulting_agent and h.up(caller.node):
        caller.offer.due["pre_connect"] = h.now + 30.0
