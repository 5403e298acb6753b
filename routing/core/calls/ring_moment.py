"""Let a phone ring so that its agent answers when the caller has heard the first words.

A caller is queued at the key, and then hears the acknowledgement and the recording notice. An agent who answered
earlier would hear music meanwhile. In distress no phone waits for words.
"""

from __future__ import annotations

from routing.core.calls import offer_changes
from routing.core.domain import Domain
from routing.core.model.centre_model import PHONE_CHANNELS
from routing.core.model.reasons import BUSY
from routing.core.records import AgentRecord, Contact, Offer

TIMER = "words"

FIRST_ANSWER_S = 2.0
"""Time to answer of an agent who has not answered yet: hardly anybody is faster without a phone that does it alone."""
ANSWER_MOST_S = 10.0
"""Longest time to answer that counts. A slower agent gets the call this long before the end of the words."""
SLOWER_SHARE = 1 / 32
"""Part of the difference by which a slower answer moves the learned time; a faster one replaces it. So hardly one
answer of a hundred comes more than a second before the end of the words."""


def moment_of(d: Domain, contact: Contact, record: AgentRecord) -> float:
    """Return when the phone of an agent begins to ring for a contact. 0 for at once."""
    # Nearly every caller has heard the words by then.
    if contact.words_until <= d.now or contact.service.distress or contact.callback \
            or contact.channel not in PHONE_CHANNELS:
        return 0.0
    answers_s = FIRST_ANSWER_S if record.answers_in_s is None else record.answers_in_s
    at = contact.words_until - answers_s
    return at if at > d.now else 0.0


def ring_in_time(d: Domain, offer: Offer) -> None:
    """Let the phone of a new offer ring at its moment."""
    if offer.rings_at:
        d.timers.set_deadline((TIMER, offer.id), offer.rings_at)
    else:
        offer_changes.ring_agent(d, offer)


def on_moment(d: Domain, offer: Offer) -> None:
    """Let the phone ring now, unless a call that is not ours is on it: then another agent is found.

    While the link is down the moment waits for it.
    """
    if not d.can_reach(offer.contact):
        return
    seat = d.seats.get(offer.seat)
    if seat is not None and seat.in_use and not seat.settling and offer.agent.call_count == 1:
        offer_changes.close_offer(d, offer, "rescinded", BUSY, keep_idle=True)
        return
    offer.rings_at = 0.0
    d.mark(offer)
    offer_changes.ring_agent(d, offer)


def set_words(d: Domain, contact: Contact, until: float) -> None:
    """Set the end of a contact's words. A phone that has not rung yet rings by the new end."""
    contact.words_until = until
    d.mark(contact)
    offer = contact.offer
    if offer is None or not offer.rings_at:
        return
    offer.rings_at = moment_of(d, contact, offer.agent)
    d.mark(offer)
    if offer.rings_at:
        d.timers.set_deadline((TIMER, offer.id), offer.rings_at)
    else:
        offer.rings_at = d.now
        d.timers.cancel_deadline((TIMER, offer.id))
        on_moment(d, offer)


def learn_answer(offer: Offer, connected_at: float) -> None:
    """Learn how long the agent took from the ring to the talk. Words that went on longer are no time of the agent."""
    record, answered_at = offer.agent, offer.answered_at
    if offer.rung_at is None:
        return
    heard_words = answered_at is not None and answered_at < offer.contact.words_until
    took_s = (answered_at if heard_words and answered_at is not None else connected_at) - offer.rung_at
    took_s = min(max(took_s, 0.0), ANSWER_MOST_S)
    known_s = FIRST_ANSWER_S if record.answers_in_s is None else record.answers_in_s
    record.answers_in_s = took_s if took_s < known_s else known_s + (took_s - known_s) * SLOWER_SHARE
