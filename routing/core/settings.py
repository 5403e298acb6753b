"""What comes from outside the calls: the centre's settings and the links to the Asterisks."""

from __future__ import annotations

from routing.core import (
    admission,
    agents,
    breaks,
    callback,
    consult,
    contacts,
    emit,
    offers,
    pairs,
    quota,
    requirement,
    shift,
    wellbeing,
)
from routing.core.domain import Domain
from routing.core.events import Configured, LinkChanged
from routing.core.match import Matching
from routing.core.model import SHIPPED, OfferState
from routing.core.records import AgentRecord, NodeLink
from routing.core.requirement import clamp_step


def configured(d: Domain, event: Configured) -> None:
    """Put settings in force and keep all state. Contacts of a service that is gone are served by what it last was;
    agents who are gone are signed out, after their talk. Raises `requirement.ServiceError` for what cannot be read."""
    # 1. Take contacts and agents out of the indexes, which are made from the settings.
    requirement.check(event.centre)
    waiting = [contact for contact in d.contacts.values() if contact.state in contacts.WAITING]
    for contact in waiting:
        contacts.lift(d, contact)
    signed = [record for record in d.agents.values() if record.signed]
    for record in signed:
        d.matching.sign_out(record)
    # 2. Put the settings in force; what decays is brought to this moment by the half-lives from before.
    d.services = {service.id: service for service in event.centre.services}
    for record in d.agents.values():
        wellbeing.settle(d, record)
    d.centre = event.centre
    d.channels = SHIPPED | {row.channel: row for row in event.centre.channels}
    d.seats_allowed = event.centre.seats
    d.matching = Matching(event.centre.services, event.centre.agents, event.centre.occupied_half_life_s)
    for contact in d.contacts.values():
        if contact.service.id not in d.services:
            d.matching.cover(contact.service)
    dropped = _team(d, event)
    # 3. Bring agents and contacts in line with the settings.
    for record in d.agents.values():  # by the limits of now, whether or not something may be offered
        wellbeing.limit(d, record)
    pairs.pair_up(d)
    for contact in d.contacts.values():  # first: what somebody has at hand may weigh something else now
        contact.service = d.services.get(contact.service.id, contact.service)
        contact.step = clamp_step(contact.service, contact.step)
        d.mark(contact)
    # 4. Put agents, then contacts, back into the indexes.
    for record in signed:
        agents.enlist(d, record)
    for record in d.agents.values():
        record.strained = True  # the other one of the pair may be another, or nobody
    for record in signed:  # only now: who is placed may place the other one of the pair
        breaks.arm(d, record)
        agents.arm_return(d, record)
        agents.place(d, record)
    for contact in waiting:
        contacts.refit(d, contact, contact.service)
    # 5. Tell of it, and let agents go who are not in the team any more.
    quota.recount(d.matching, d.offers.values())
    emit.centre_changed(d, services=len(event.centre.services), agents=len(event.centre.agents))
    admission.review(d)
    d.forget_supply()
    for record in dropped:
        agents.note(d, record)
    for record in signed:
        if not record.configured:
            shift.dismiss(d, record, "removed")


def _team(d: Domain, event: Configured) -> list[AgentRecord]:
    """Put the team in force. Gives those whose skills for now are over: their settings have changed."""
    dropped = []
    for record in d.agents.values():
        record.configured = False
    for index, agent in enumerate(event.centre.agents):
        known = d.agents.get(agent.id)
        if known is None:
            d.agents[agent.id] = AgentRecord(agent, index)
            continue
        known.index, known.configured = index, True
        if known.as_configured is None:
            known.become(agent)
        elif known.as_configured != agent:
            known.become(agent)
            known.as_configured = None
            dropped.append(known)
    d.agents = dict(sorted(d.agents.items(), key=lambda item: (not item[1].configured, item[1].index)))
    return dropped


def link_changed(d: Domain, event: LinkChanged) -> None:
    """Down: no offers, and the deadlines of ringing stand still. Up: everything goes on. A contact without a node
    follows whichever link was told of last."""
    for node in dict.fromkeys((event.node, "")):
        link = d.links.setdefault(node, NodeLink())
        if link.up and not event.up:
            freeze(d, node, link)
        elif event.up and not link.up:
            _thaw(d, node, link)
        link.up = event.up
    d.matching.refresh()


def freeze(d: Domain, node: str, link: NodeLink) -> None:
    """Keep what is left of each deadline."""
    for offer in d.offers.values():
        if offer.state is OfferState.PENDING and offer.voice and offer.contact.node == node:
            for timer in offers.TIMERS:
                at = d.timers.at((timer, offer.id))
                if at is not None:
                    link.frozen.append((timer, offer.id, max(0.0, at - d.now)))
                    d.timers.cancel((timer, offer.id))


def _thaw(d: Domain, node: str, link: NodeLink) -> None:
    link.up = True
    frozen, link.frozen = link.frozen, []
    for timer, offer_id, left_s in frozen:
        offer = d.offers.get(offer_id)
        if offer is None or offer.state is not OfferState.PENDING or offer.contact.node != node:
            continue
        if (timer == "vanish" and offer.rang_at is not None) or (
                timer in ("vanish", "ring") and offer.answered_at is not None) or (
                (timer == "dial") != offer.dialling) or consult.in_talk(offer):
            continue
        d.timers.set((timer, offer_id), d.now + left_s)
    for offer in d.offers.values():
        if offer.state is OfferState.PENDING and offer.contact.node == node and offer.answered_at is not None \
                and not offer.dialling and not consult.in_talk(offer) and d.timers.at(("brief", offer.id)) is None:
            d.timers.set(("brief", offer.id), d.now + offers.brief_s(offer))
        if offer.state is OfferState.PENDING and offer.contact.node == node and offer.dialling \
                and d.timers.at(("dial", offer.id)) is None:
            d.timers.set(("dial", offer.id), d.now + callback.DIAL_S)
    for contact in d.contacts.values():
        if contact.state in contacts.WAITING and contact.node == node:
            contacts.arm(d, contact)
