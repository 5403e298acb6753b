"""Lead contacts by the rules of their service (`Service.when_*`), so that nobody waits for nobody.

A rule leads to another service, or to a way out of the queue: a callback, a recorded message, a good-bye. A closed or
full service, or one without anybody, leads on by its own rule. A chain passes each service once, and no contact returns
to a service that it has left. Without a way the contact stays. The rules of the wait are then tried every `RETRY_S`.

The rules of a contact that waits are the last action of a tick, after the assignment. A contact that an agent can take
by then stays. A distress service has no rules.
"""

from __future__ import annotations

from operator import attrgetter
from typing import NamedTuple

from routing.core import emit
from routing.core.domain import Domain
from routing.core.model.centre_model import (
    PHONE_CHANNELS,
    Channel,
    ContactState,
    Needs,
    Rule,
    Service,
    Trigger,
    WayOut,
)
from routing.core.queueing import admission, contact_queue, wait_deadline
from routing.core.records import Contact

# Globals: to read a member from its enum takes ten times as long on Python 3.11.
PENDING, GOODBYE = ContactState.PENDING, WayOut.GOODBYE
CLOSED, FULL, NOBODY, EXPECTED, WAITED = Trigger

RETRY_S = 15.0
"""Time after which a rule is tried again that led nowhere. The other service may have opened or have room by then."""

FAREWELL = "bekleme-veda"
"""Sentence of a good-bye whose rule names none."""


class _Way(NamedTuple):
    """A way for a contact: the service where it leads, and the rule that leads out there. Without a rule the contact
    waits there."""

    service: Service
    trigger: Trigger | None = None
    rule: Rule | None = None


class _Elsewhere(NamedTuple):
    """A contact as it would wait for another service."""

    service: Service
    channel: Channel
    needs: Needs
    topics: frozenset[str]
    node: str
    step: int = 0
    beyond_ceiling: bool = False
    deferred: bool = False
    callback: bool = False


def find_way(d: Domain, contact: Contact, trigger: Trigger) -> _Way | None:
    """Return where the rule of the contact's service leads, or None if it leads nowhere."""
    service, passed, reason = contact.service, set(contact.visited), trigger
    while (rule := service.rule_for(reason)) is not None:
        if rule.way is not None:
            # Only a caller can hear a sentence, leave a message or be called back.
            return _Way(service, reason, rule) if contact.channel in PHONE_CHANNELS else None
        passed.add(service.id)
        following = None if rule.to is None else d.services.get(rule.to)
        if following is None or following.id in passed:
            return None
        service = following
        against = _reason_against(d, contact, service)
        # A service without a rule for nobody takes the contact, unless nobody was the reason to leave the last one.
        if against is None or (against is NOBODY and service.when_nobody is None and trigger is not NOBODY):
            return _Way(service)
        reason = against
    return None


def _reason_against(d: Domain, contact: Contact, service: Service) -> Trigger | None:
    """Return why a contact should not wait for a service, or None. Nobody is sent away from distress."""
    if service.distress:
        return None
    return admission.refusal_reason(d, service) or (None if is_manned(d, contact, service) else NOBODY)


def is_manned(d: Domain, contact: Contact, service: Service) -> bool:
    """Return whether somebody is there who could take a contact if it waited for this service."""
    return d.matching.is_manned(_Elsewhere(service, contact.channel, contact.needs, contact.topics, contact.node))


def lead_contact(d: Domain, contact: Contact, trigger: Trigger) -> bool:
    """Lead a contact in a queue by a rule of its service. Return False if that leads nowhere."""
    way = find_way(d, contact, trigger)
    if way is None:
        return False
    # 1. Move the contact to the service at the end of the chain.
    if way.service is not contact.service:
        contact.visited = (*contact.visited, contact.service.id)
        contact_queue.move_contact(d, contact, way.service, trigger.value)
    # 2. Lead the contact out of the queue there. The hold loop says so to the caller.
    if way.rule is not None and way.rule.way is not None and way.trigger is not None:
        contact_queue.set_way_out(d, contact, way.trigger, way.rule.way)
        if way.rule.way is GOODBYE:
            contact.farewell = way.rule.say or FAREWELL
        if contact.group is not None:
            contact_queue.restart_search(d, contact)
        d.newly_queued.append(contact)
        emit.way_out_offered(d, contact=contact.id, version=contact.version, service=contact.service.id,
                             channel=contact.channel, trigger=way.trigger, way=way.rule.way)
    return True


def lead_at_arrival(d: Domain, contact: Contact) -> None:
    """Lead a new contact for whom nobody is there, or whose expected wait is too long."""
    service = contact.service
    if service.distress:
        return
    expected = service.when_expected
    if service.when_nobody is not None and d.can_reach(contact) and not d.matching.is_manned(contact) \
            and lead_contact(d, contact, NOBODY):
        return
    if expected is not None and contact.estimate is not None and contact.estimate.wait_s > expected.over_s:
        lead_contact(d, contact, EXPECTED)


def review_presence(d: Domain) -> None:
    """Note since when nobody is there for each contact whose service has a rule for that.

    The cost is a look at the contacts of these services, whenever the first agent of a rank comes or the last one goes.
    """
    d.matching.presence_changed = False
    manned: dict[tuple[object, ...], bool] = {}
    for line in d.queues.values():
        service = line.head()[2].service if line.size else None
        if service is None or service.when_nobody is None or service.distress:
            continue
        for _, _, contact in line.to_list():
            # Most contacts ask for the same, so each question is asked once.
            asked = contact.service.id, contact.timed_step, contact.channel, contact.needs, contact.topics, contact.node
            if asked not in manned:
                manned[asked] = d.matching.is_manned(contact, contact.timed_step)
            alone_at = contact.alone_at
            wait_deadline.note_alone(d, contact, manned[asked])
            if contact.alone_at != alone_at and contact.state is PENDING:
                d.newly_queued.append(contact)


_NUMBER = attrgetter("number")


def apply_due_rules(d: Domain) -> bool:
    """Lead the contacts whose rule is due after everything else that was.

    Return True if some were led: an agent may take them at once, so the assignment must run again. Otherwise the others
    are tried again later, and the function returns False.
    """
    due = [contact for contact in d.rules_due if contact.state is PENDING and wait_deadline.is_rule_due(d, contact)]
    # 1. Sort by arrival. If there is room for one of two contacts, the first to arrive gets it.
    due.sort(key=_NUMBER)
    d.rules_due = {}
    # 2. Lead those that have a way. The others stay due, and are looked at again after the assignment.
    for contact in due:
        if not lead_contact(d, contact, wait_deadline.due_trigger(d, contact)):
            d.rules_due[contact] = None
    if len(d.rules_due) < len(due):
        return True
    # 3. Nothing more can be led now.
    d.rules_due = {}
    for contact in due:
        contact.not_led_before = d.now + RETRY_S
        wait_deadline.arm_deadline(d, contact)
    return False
