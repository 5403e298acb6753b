"""An agent asks another one first. The caller has gone on already: only the agent stays."""

from __future__ import annotations

from routing.core import commands
from routing.core import events as e
from tests.oracle import callbacks, calls, shifts, steps
from tests.oracle.state import ACCEPTED, ASSIGNED, CONSULTING, PENDING, WAITS, Offer

WAIT_S = 60.0


def leg(offer: Offer) -> str:
    """Channel id of the agent's leg."""
    return f"o{offer.id}-{offer.caller.id}"


def asked(h, event: e.ConsultAsked) -> None:
    """The caller waits for somebody else, the agent for that one."""
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
    h.commands.append(commands.Consult(offer.id, caller.id, service.id, caller.node, event.line))
    offer.state, offer.came_from, offer.due["consult"] = CONSULTING, caller.service, h.now + WAIT_S
    caller.state, caller.introducer, offer.line = WAITS, offer, event.line
    h.tell("Consulting", offer.id, caller.id, offer.person.id, caller.service.id, service.id)
    calls.go_to(h, caller, service, person)


def ended(h, event: e.ConsultEnded) -> None:
    """Given over, or taken back."""
    offer = h.offers.get(event.offer)
    if offer is None or offer.state is not CONSULTING:
        h.refuse("not_now")
    if event.give:
        calls.rescind(h, offer, "consult")
    else:
        take_back(h, offer)


def nobody_came(h, offer: Offer) -> None:
    """Those who talk may go on."""
    if offer.caller.offer is None or not offer.caller.offer.introduced:
        take_back(h, offer)


def take_back(h, offer: Offer) -> None:
    """The agent's leg is led to the caller."""
    returned(h, offer)
    h.commands.append(commands.TakeBack(offer.id, offer.caller.id, offer.caller.node))


def among_agents(h, offer: Offer, with_: str) -> bool:
    """A leg of the same caller's. If it is that of the agent who asks, the two talk from now on."""
    caller = offer.caller
    number, dash, contact = with_.removeprefix("o").partition("-")
    if not with_.startswith("o") or not dash or contact != caller.id or not number.isdigit():
        return False
    asker = caller.introducer
    if asker is not None and leg(asker) == with_ and asker is not offer and not offer.introduced \
            and offer.state is PENDING and offer.partner is None:
        offer.due, offer.answered_at, offer.introduced, offer.person.misses = {}, h.now, True, 0
        shifts.engage(h, offer.person)
    return True


def returned(h, offer: Offer) -> None:
    """The caller is the agent's again."""
    caller = offer.caller
    offer.due.pop("consult", None)
    other, caller.introducer = caller.offer, None
    if other is not None:
        calls.rescind(h, other, "returned")
        calls.close(h, other, "canceled", "returned", keep_idle=True)
    caller.sent_at = offer.connected_at - offer.waited_s
    caller.state, caller.offer, caller.preferred = ASSIGNED, offer, None
    caller.service, caller.step = h.services.get(offer.came_from.id, offer.came_from), 0
    offer.state, offer.apart, offer.turned_at = ACCEPTED, not offer.line, h.now
    h.tell("Returned", offer.id, caller.id, offer.person.id, caller.service.id)
    if offer.held_since is not None:
        calls.keep_waiting(h, offer, False)


def together(h, offer: Offer) -> None:
    """In one bridge again."""
    if offer.state is CONSULTING:
        returned(h, offer)
    offer.apart, offer.turned_at = False, h.now


def over(h, offer: Offer, by: str, lost: bool = False) -> None:
    """The agent who asked has left."""
    caller, p = offer.caller, offer.person
    caller.introducer, offer.due, offer.talk_over_at, offer.held_since = None, {}, h.now, None
    phone = h.phone(offer.seat)
    shifts.leg_over(h, phone)
    if lost:
        shifts.lose_phone(h, phone)
    calls.own_wrap_up(h, p, offer, lost)
    if by == "transfer" and not lost:
        callbacks.needless(h, offer, offer.came_from, h.now)
    del h.offers[offer.id]
    if by != "caller":
        caller.entered_at, caller.visited = h.now, ()
        h.arm(caller)
    h.tell("Introduced", offer.id, caller.id, p.id, caller.service.id, by, by != "caller" and steps.nobody(caller))
    if caller.offer is not None and caller.offer.introduced and h.up(caller.node):
        caller.offer.due["brief"] = h.now + 30.0
