"""A node is killed at any moment and built from its rows: same contacts, same places, same agents, and it goes on."""

from __future__ import annotations

import random

import pytest

from routing.core import capacity, wellbeing
from routing.core import events as e
from routing.core.engine import Engine
from routing.core.model import ContactState, OfferState
from routing.core.stored import StoredAgent, StoredContact, StoredOffer
from tests.core_driver import Driver, Oracle
from tests.core_house import restore

pytestmark = pytest.mark.property

KILLS = 60
EVENTS = 60


def rows(engine: Engine) -> tuple[list[StoredContact], list[StoredOffer], list[StoredAgent]]:
    """What a store holds at this moment."""
    d = engine._domain
    contacts = [StoredContact(c.id, c.state, c.version, c.service.id, c.channel, c.since, c.queued_at, c.priority,
                              c.original_position, c.leg, c.slow, c.node, c.caller_hash, c.caller_box,
                              None if c.offer is None else c.offer.id, c.step, c.step_at, c.entered_at, c.visited,
                              c.needs, c.topics, c.callback, c.tries, c.not_before) for c in d.contacts.values()]
    offers = [StoredOffer(o.id, o.contact.id, o.agent.id, o.seat, o.contact.service.id, o.contact.channel, o.state,
                          o.offered_at, o.ring_s, o.step, o.level, o.rang_at, o.connected_at, o.talk_over_at, o.held_s,
                          o.interrupted, None if o.partner is None else o.partner.id)
              for o in d.offers.values()]
    agents = [StoredAgent(a.id, a.version, a.state, a.reason, a.since, a.seat or "", a.misses, a.idle_since,
                          capacity.wrapup_until(d, a), a.pause_pending, a.leave_pending,
                          wellbeing.burden(a), skills=None if a.as_configured is None else a.agent.skills)
              for a in d.agents.values() if a.version]
    return contacts, offers, agents


def kill_and_restore(driver: Driver, rng: random.Random) -> None:
    """Another engine in the place of the first, from rows in any order."""
    old = driver.engine
    stored = rows(old)
    for table in stored:
        rng.shuffle(table)
    number, seq = old._domain.next_offer, old._domain.next_seq
    new = Engine(first_offer=number, first_seq=seq)
    new.handle(e.Configured(driver.centre), driver.now)
    driver.checker.fold(new.take_facts(), driver.centre)
    restore(new, *stored, driver.now, over=list(old._domain.over))
    assert new.take_facts() == []
    before, after = old.status(driver.now), new.status(driver.now)
    assert sorted((c.contact, c.state, c.position, c.offer or 0, c.agent or "") for c in after.contacts) == sorted(
        (c.contact, c.state, c.position, c.offer or 0, c.agent or "") for c in before.contacts)
    assert sorted((a.agent, a.state, a.seat or "", a.misses) for a in after.agents) == sorted(
        (a.agent, a.state, a.seat or "", a.misses) for a in before.agents)
    assert {(o.offer, o.contact, o.agent, o.state) for o in new.live_offers()} == {
        (o.offer, o.contact, o.agent, o.state) for o in old.live_offers()}
    driver.engine = new
    driver.checker.overflowed.clear()  # a restarted node may say it again: the first may never have been carried out


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment_it_goes_on(seed: int) -> None:
    rng = random.Random(seed)
    driver = Driver()
    driver.grain_s = 0.001  # rows tell who came first by the time, so no two come at once
    with Oracle() as oracle:
        driver.open_house()
        for _ in range(KILLS):
            for _ in range(EVENTS):
                driver.some_step(rng)
            kill_and_restore(driver, rng)
            for node in ("", "b"):
                driver.tell(e.LinkChanged(node, True))
            driver.open_house()
            driver.check()
            for contact in list(driver.engine.status(driver.now).contacts)[:-12]:
                driver.tell(e.ContactGone(contact.contact))
    assert oracle.choices > KILLS
    seen = {state for state, *_ in driver.checker.offer.values()}
    assert {OfferState.COMPLETED, OfferState.TIMEOUT, OfferState.CANCELED} <= seen
    assert {ContactState.COMPLETED, ContactState.CANCELED} <= {state for state, _ in driver.checker.contact.values()}
