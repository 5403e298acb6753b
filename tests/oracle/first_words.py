"""The first words of a call: a phone rings when they last no longer than its agent takes to answer."""

from __future__ import annotations

from tests.oracle import calls, choice
from tests.oracle.state import PENDING, VOICE, Caller, Offer, Person

FIRST_S, MOST_S = 2.0, 10.0
"""Time to answer of an agent who has not answered yet, and the longest one."""


def begin(h, offer: Offer) -> None:
    """Ring now, or when the words are nearly over."""
    at = moment(h, offer.caller, offer.person)
    if at > h.now:
        offer.rings_at = at
        offer.due = {"words": at} if h.reaches(offer.caller) else {}
        h.seen["phones that wait for words"] += 1
    else:
        choice.ring(h, offer)


def moment(h, caller: Caller, p: Person) -> float:
    """Return when the phone should ring. Nobody in distress waits for words, and a message has none."""
    if caller.service.distress or caller.callback or caller.channel is not VOICE:
        return h.now
    return caller.words_until - p.answers_s


def come(h, offer: Offer) -> None:
    """Ring now. An agent whose phone has another call gives the caller back."""
    if not h.reaches(offer.caller):
        return
    phone = h.phone(offer.seat)
    if phone.in_use and not phone.settling and sum(one.voice for one in offer.person.hands) == 1:
        h.seen["phones with another call at the end of the words"] += 1
        calls.close(h, offer, "rescinded", "busy", keep_idle=True)
    else:
        offer.rings_at = None
        choice.ring(h, offer)


def set_end(h, caller: Caller, until: float) -> None:
    """Take over when the words end."""
    caller.words_until = until
    offer = caller.offer
    if offer is not None and offer.state is PENDING and offer.rings_at is not None:
        offer.rings_at = moment(h, caller, offer.person)
        offer.due = {"words": offer.rings_at}
        if offer.rings_at <= h.now:
            offer.due, offer.rings_at = {}, h.now
            h.seen["words that ended early"] += 1
            come(h, offer)


def took(h, offer: Offer) -> None:
    """Learn from an answer: a faster one counts at once, a slower one a little."""
    if not offer.voice or offer.told_at is None:
        return
    at = offer.connected_at
    if offer.answered_at is not None and offer.answered_at < offer.caller.words_until:
        at = offer.answered_at
    took_s = min(max(at - offer.told_at, 0.0), MOST_S)
    p = offer.person
    p.answers_s = took_s if took_s < p.answers_s else p.answers_s + (took_s - p.answers_s) * (1 / 32)
