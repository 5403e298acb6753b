"""Handle arrivals: new contacts, repeated events of known contacts, and changed points of waiting contacts.

`caller_events` handles what the caller does later.
"""

from __future__ import annotations

from routing.core.callers import caller_events
from routing.core.calls import callback_flow, offer_changes, ring_moment
from routing.core.domain import ENDED_S, Domain
from routing.core.events import ChannelShown, ContactPrioritised, ContactQueued
from routing.core.model.centre_model import WAITING_STATES, ContactState
from routing.core.model.errors import UnknownService
from routing.core.queueing import abuse_flags, admission, contact_queue, held_position, preferred_agent, service_rules
from routing.core.records import Contact, SupervisorAct
from routing.core.waiting_time import expected_wait

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
ASSIGNED = ContactState.ASSIGNED


def on_contact_queued(d: Domain, event: ContactQueued) -> None:
    """Queue a new contact, or update a known one. A contact that has ended stays ended, because its channel never
    returns.

    Raise UnknownService if the centre does not have the service.
    """
    (name, of, leg, channel, since, priority, caller_hash, number_encrypted, slow, node, needs, topics, language,
     shown, words_s) = event
    # 1. Handle repeated events. The hold loop repeats them after a restart of the node.
    ended_at = d.ended_contacts.get(name)
    if ended_at is not None and d.now - ended_at < ENDED_S:
        return
    known = d.contacts.get(name)
    if known is not None:
        _requeue_contact(d, known, event)
        return
    # 2. Build the contact. A flagged caller brings the topic, except to an anonymous service, which knows no caller.
    service, now = d.services.get(of), d.now
    if service is None:
        raise UnknownService(f"no service {of} in the centre; add it to services.yaml and reload")
    if since is None or since > now:
        since = now
    if caller_hash and d.caller_memory.abuse and not service.anonymous:
        topics = abuse_flags.topics_for(d, caller_hash, topics)
    contact = Contact(name, service, channel, since, priority, d.take_number(), now, leg, slow, node, caller_hash,
                      number_encrypted, needs, topics, language, since, now, shown=shown,
                      words_until=now + words_s if words_s > 0.0 else 0.0)
    # 3. Find out where a closed or full service leads. Without a way the contact waits like any other.
    refused = admission.refusal_reason(d, service) if d.closed or service.max_waiting is not None else None
    way = None if refused is None else service_rules.find_way(d, contact, refused)
    # 4. Restore what the caller had before. A caller whom no queue takes keeps the callback and the held position.
    if caller_hash and (way is None or way.rule is None):
        if d.callbacks:
            callback_flow.take_over_age(d, contact)
        if d.caller_memory.held_positions:
            held_position.restore_position(d, contact)
    if way is None and service.preferred_s > 0:
        preferred_agent.choose_preferred(d, contact)
    # 5. Queue the contact. It enters its own queue first, so that the records show where the caller wanted to go.
    d.contacts[name] = contact
    contact_queue.enqueue_contact(d, contact)
    if way is None:
        contact.estimate = expected_wait.estimate_at_entry(d, contact)
    contact_queue.emit_queued(d, contact)
    # 6. Lead it on by the rules of the service.
    if way is not None and refused is not None:
        service_rules.lead_contact(d, contact, refused)
    elif service.when_nobody is not None or service.when_expected is not None:
        service_rules.lead_at_arrival(d, contact)


def _requeue_contact(d: Domain, contact: Contact, event: ContactQueued) -> None:
    """Update a known contact from a repeated event. Age, points and version stay.

    The channel's name, the service, needs and topics may be new. The present service stays if the named one is unknown
    or takes no contacts now. It also stays if the contact overflowed from the named one, because the caller's channel
    does not know of an overflow. A caller who chose again in the menu goes to the new choice in any case. A callback
    whose caller has hung up has no channel, so its event is ignored.
    """
    # 1. A contact in talk that is queued again was dropped from its talk.
    if contact.state is ASSIGNED:
        caller_events.requeue_after_drop(d, contact)
    if contact.state not in WAITING_STATES or (contact.callback and not contact.leg):
        return
    # 2. Find what has changed.
    contact.slow, contact.language = contact.slow or event.slow, event.language or contact.language
    if event.words_s > 0.0:
        ring_moment.set_words(d, contact, d.now + event.words_s)
    d.mark(contact)
    if event.leg:
        contact.leg = event.leg
    if event.shown and not contact.shown:
        contact_queue.show_channel(d, contact)
    chosen_again = contact.in_menu
    needs = event.needs if chosen_again else event.needs or contact.needs
    topics = abuse_flags.keep_abuse_topic(contact.topics, event.topics)
    other = (needs, topics) != (contact.needs, contact.topics)
    service = d.services.get(event.service, contact.service)
    moves = service.id != contact.service.id and not contact.callback and (chosen_again or (
        service.id not in contact.visited and not admission.refusal_reason(d, service)))
    # 3. Rescind an offer that rings, because its agent may not fit any more.
    if other or moves:
        offer_changes.rescind_contact(d, contact, "chosen")
    # 4. Requeue under the new needs, then move to the new service.
    if other or chosen_again or event.node != contact.node:
        contact_queue.dequeue_temporarily(d, contact)
        contact.node, contact.needs, contact.topics, contact.in_menu = event.node, needs, topics, False
        if chosen_again and contact.own_position is None:
            contact.priority = event.priority
        contact_queue.requeue_after_reload(d, contact, contact.service)
    if other:
        contact_queue.emit_contact_changed(d, contact)
    if moves:
        contact.visited = ()
        contact_queue.move_contact(d, contact, service, "chosen")


def on_channel_shown(d: Domain, event: ChannelShown) -> None:
    """Offer a contact from now on whose channel was not known. Do nothing for any other contact."""
    contact = d.contacts.get(event.contact)
    if contact is not None and not contact.shown:
        contact_queue.show_channel(d, contact)


def on_contact_prioritised(d: Domain, event: ContactPrioritised) -> None:
    """Change the points of a waiting contact. Do nothing if the points are the same or the contact does not wait."""
    contact = d.contacts.get(event.contact)
    if contact is None or contact.state not in WAITING_STATES or contact.priority == event.priority:
        return
    before = contact.place
    contact_queue.set_points(d, contact, event.priority)
    if contact.offer is None:
        contact.act = SupervisorAct(before, contact.place)
