"""Handle what comes from outside the calls: the centre's settings, and the links to Asterisk."""

from __future__ import annotations

from routing.core import emit
from routing.core.agents import agent_pairs, break_rules, distress_load, presence
from routing.core.calls import consult_transfer, offer_changes, ring_moment
from routing.core.domain import Domain
from routing.core.events import Configured, LinkChanged
from routing.core.matching import skill_requirement, talk_quota
from routing.core.matching.matching_index import Matching
from routing.core.matching.skill_requirement import clamp_step, find_unqualified
from routing.core.model.centre_model import SHIPPED, WAITING_STATES
from routing.core.model.ids import ContactId, OfferId
from routing.core.queueing import admission, callback_dial, contact_queue, wait_deadline
from routing.core.records import AgentRecord, NodeLink
from routing.core.shifts import shift_handlers


def on_configured(d: Domain, event: Configured) -> None:
    """Put settings in force and keep all state.

    Contacts of a removed service are served by its last settings. Removed agents are signed out after their talk. Raise
    `skill_requirement.ServiceError` if a requirement cannot be read.
    """
    # 1. Take contacts and agents out of the indexes, which are made from the settings.
    skill_requirement.check_centre(event.centre)
    waiting = [contact for contact in d.contacts.values() if contact.state in WAITING_STATES]
    for contact in waiting:
        contact_queue.dequeue_temporarily(d, contact)
    signed = [record for record in d.agents.values() if record.is_signed_in]
    for record in signed:
        d.matching.sign_out(record)
    # 2. Put the settings in force. First settle everything that decays, with the old half-lives.
    d.services = {service.id: service for service in event.centre.services}
    d.forget_other_services()
    for record in d.agents.values():
        distress_load.settle_decay(d, record)
    d.centre = event.centre
    d.channels = SHIPPED | {row.channel: row for row in event.centre.channels}
    d.seats_allowed = event.centre.seats
    d.matching = Matching(event.centre.services, event.centre.agents, event.centre.occupied_half_life_s,
        event.centre.load_half_life_s)
    for contact in d.contacts.values():
        if contact.service.id not in d.services:
            d.matching.add_pools(contact.service)
    dropped = _apply_team(d, event)
    # 3. Bring agents and contacts in line with the settings.
    # Every agent is checked against the new limits, even one who gets no offers now.
    for record in d.agents.values():
        distress_load.update_hard_limit(d, record)
    agent_pairs.pair_up(d)
    # Contacts come before agents: a contact at an agent may have another load now.
    for contact in d.contacts.values():
        contact.service = d.services.get(contact.service.id, contact.service)
        contact.timed_step = clamp_step(contact.service, contact.timed_step)
        contact.step = clamp_step(contact.service, contact.step)
        d.mark(contact)
    # 4. Put agents, then contacts, back into the indexes.
    for record in signed:
        presence.enlist_agent(d, record)
    for record in d.agents.values():
        # The partner may be a different agent, or nobody.
        record.load_limits_apply = True
    # A separate loop: to place one agent may place the partner, who must be enlisted by then.
    for record in signed:
        break_rules.schedule_next_break(d, record)
        presence.arm_auto_return(d, record)
        presence.update_placement(d, record)
    for contact in waiting:
        contact_queue.requeue_after_reload(d, contact, contact.service)
    # 5. Emit the facts, and sign out agents who have left the team.
    talk_quota.recount_offers(d.matching, d.offers.values())
    emit.centre_changed(d, services=len(event.centre.services), agents=len(event.centre.agents))
    admission.review_closed(d)
    d.forget_supply()
    for record in dropped:
        presence.emit_request(d, record)
    for record in signed:
        if not record.configured:
            shift_handlers.dismiss_agent(d, record, "removed")
    # 6. Rescind what rings at agents who no longer fit.
    offer_changes.rescind_unfit(d, d.offers.values())


def _apply_team(d: Domain, event: Configured) -> list[AgentRecord]:
    """Put the team in force. Return the agents whose temporary skills end because their settings have changed."""
    dropped = []
    for record in d.agents.values():
        record.configured = False
    for index, agent in enumerate(event.centre.agents):
        known = d.agents.get(agent.id)
        if known is None:
            d.agents[agent.id] = AgentRecord(agent, index)
            continue
        known.index, known.configured = index, True
        # Temporary skills survive a reload only if the agent's settings are unchanged and no skill became a
        # qualification.
        if known.as_configured is None:
            known.set_agent(agent)
        elif known.as_configured != agent or find_unqualified(event.centre.services, agent, known.agent.skills):
            known.set_agent(agent)
            known.as_configured = None
            dropped.append(known)
    # Configured agents come first, in the order of the settings.
    d.agents = dict(sorted(d.agents.items(), key=lambda item: (not item[1].configured, item[1].index)))
    return dropped


def on_link_changed(d: Domain, event: LinkChanged) -> None:
    """Freeze the deadlines of ringing when a link goes down, and let them run when the link is up.

    No calls are offered while the link is down, and messages go on. A contact without a node follows the link that was
    reported last.
    """
    for node in dict.fromkeys((event.node, "")):
        link = d.links.setdefault(node, NodeLink())
        if link.up and not event.up:
            freeze_deadlines(d, node, link)
            link.down_since = d.now
        elif event.up and not link.up:
            _thaw_deadlines(d, node, link)
        link.up = event.up
    d.matching.mark_all_dirty()


def freeze_deadlines(d: Domain, node: str, link: NodeLink) -> None:
    """Keep the rest of each deadline of the offers and dials at a node, and cancel the deadlines."""
    for offer in d.offers.values():
        if offer.rings and offer.voice and offer.contact.node == node:
            for timer in offer_changes.OFFER_TIMERS:
                at = d.timers.deadline_of((timer, offer.id))
                if at is not None:
                    link.frozen.append((timer, offer.id, max(0.0, at - d.now)))
                    d.timers.cancel_deadline((timer, offer.id))
    for contact in d.contacts.values():
        key = (callback_dial.TIMER, contact.id)
        if contact.dialling and contact.node == node and (at := d.timers.deadline_of(key)) is not None:
            link.frozen.append((*key, max(0.0, at - d.now)))
            d.timers.cancel_deadline(key)


def _thaw_deadlines(d: Domain, node: str, link: NodeLink) -> None:
    """Let the frozen deadlines run again, as far as the offers still need them."""
    link.up = True
    # 1. Set the frozen deadlines. Events may have come while the link was down, so some deadlines have become needless.
    frozen, link.frozen = link.frozen, []
    for timer, name, left_s in frozen:
        if timer == callback_dial.TIMER:
            dialled = d.contacts.get(ContactId(str(name)))
            if dialled is not None and dialled.dialling and dialled.node == node:
                d.timers.set_deadline((timer, name), d.now + left_s, dialled.number)
            continue
        offer = d.offers.get(OfferId(int(name)))
        if offer is None or not offer.rings or offer.contact.node != node:
            continue
        if (timer == "vanish" and offer.rang_at is not None) or (
                timer in ("vanish", "ring") and offer.answered_at is not None) or (
                (timer == "dial") != offer.dialling) or consult_transfer.is_with_consulting_agent(offer):
            continue
        d.timers.set_deadline((timer, name), d.now + left_s)
    # 2. Set deadlines that began while the link was down. They were not armed then.
    for offer in d.offers.values():
        if offer.rings and offer.voice and offer.contact.node == node \
                and offer.answered_at is not None and not offer.dialling \
                and not consult_transfer.is_with_consulting_agent(offer) \
                and d.timers.deadline_of(("pre_connect", offer.id)) is None:
            d.timers.set_deadline(("pre_connect", offer.id), d.now + offer_changes.pre_connect_limit_s(offer))
        if offer.rings and offer.contact.node == node and offer.dialling \
                and d.timers.deadline_of(("dial", offer.id)) is None:
            d.timers.set_deadline(("dial", offer.id), d.now + callback_dial.DIAL_S)
        if offer.rings_at and offer.contact.node == node:
            d.timers.set_deadline((ring_moment.TIMER, offer.id), max(d.now, offer.rings_at))
    # 3. Arm the deadlines of waiting contacts, which have no overflow while the link is down.
    for contact in d.contacts.values():
        key = (callback_dial.TIMER, contact.id)
        if contact.dialling and contact.node == node and d.timers.deadline_of(key) is None:
            d.timers.set_deadline(key, d.now + callback_dial.DIAL_S, contact.number)
        if contact.state in WAITING_STATES and contact.node == node:
            wait_deadline.arm_deadline(d, contact)
