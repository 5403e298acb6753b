"""A node is killed at any moment and built from its rows: same contacts, same places, same agents, and it goes on."""

from __future__ import annotations

import random

import pytest

from routing.core import events as e
from routing.core.engine import Engine
from routing.core.model.centre_model import ContactState, OfferState
from tests.core.driver import Driver
from tests.core.house import restore
from tests.oracle.side_by_side import rows

pytestmark = pytest.mark.property

KILLS = 60
EVENTS = 60


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
    restore(new, *stored, driver.now, over=list(old._domain.ended_contacts))
    assert new.take_facts() == []
    if old._domain.quiet_hours:  # the node tells the hours of the day after its start
        new.handle(e.QuietHoursChanged(True), driver.now)
    before, after = old.status(driver.now), new.status(driver.now)
    assert sorted((c.contact, c.state, c.position, c.offer or 0, c.agent or "") for c in after.contacts) == sorted(
        (c.contact, c.state, c.position, c.offer or 0, c.agent or "") for c in before.contacts)
    assert sorted((a.agent, a.state, a.seat or "", a.rna_count) for a in after.agents) == sorted(
        (a.agent, a.state, a.seat or "", a.rna_count) for a in before.agents)
    assert {(o.offer, o.contact, o.agent, o.state) for o in new.live_offers()} == {
        (o.offer, o.contact, o.agent, o.state) for o in old.live_offers()}
    driver.engine = new
    driver.checker.down |= {"", "b"}  # until each of them is told to be up


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment_it_goes_on(seed: int) -> None:
    rng = random.Random(seed)
    driver = Driver()
    driver.grain_s = 0.001  # rows tell who came first by the time, so no two come at once
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
            driver.tell(e.CallerHungUp(contact.contact))
    assert driver.checker.compared > KILLS
    seen = {state for state, *_ in driver.checker.offer.values()}
    assert {OfferState.COMPLETED, OfferState.TIMEOUT, OfferState.CANCELED} <= seen
    assert {ContactState.COMPLETED, ContactState.CANCELED} <= {state for state, _ in driver.checker.contact.values()}
