"""The engine under disorder: events come late, twice or out of order. Invariants hold, and a replay is the same, bit
for bit. `test_oracle` compares the choice of agents with a plain engine.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from routing.core import events as e
from routing.core import journal
from routing.core.model.centre_model import ContactState
from routing.core.model.ids import AgentId, SeatId
from tests.core.centres import CENTRES
from tests.core.driver import ENDINGS, Driver
from tests.examples import examples

pytestmark = pytest.mark.property

EVENTS = 3_000
CHECK_EVERY = 25
"""A look at everything after each event would cost more than the events."""


class Disorder(RuleBasedStateMachine):
    """Rules tell the engine anything about anything that was ever there."""

    def __init__(self) -> None:
        super().__init__()
        self.driver = Driver()

    @initialize()
    def everybody_sits_down(self) -> None:
        self.driver.open_house()

    @rule(service=st.sampled_from(("psy", "edu", "tip", "any")), priority=st.integers(0, 3),
          ago=st.none() | st.floats(0, 300))
    def arrives(self, service: str, priority: int, ago: float | None) -> None:
        self.driver.queue(service, priority=priority, since_ago=ago)

    @rule(seed=st.integers(0, 2**32))
    def something(self, seed: int) -> None:
        self.driver.some_step(random.Random(seed))

    @rule(back=st.integers(0, 5), reason=st.sampled_from(ENDINGS))
    def leg_ends(self, back: int, reason: str) -> None:
        if self.driver.offers:
            offer, _ = self.driver.offers[-1 - back % len(self.driver.offers)]
            self.driver.tell(e.OfferEnded(offer, reason))

    @rule(back=st.integers(0, 5))
    def connects(self, back: int) -> None:
        if self.driver.offers:
            offer, contact = self.driver.offers[-1 - back % len(self.driver.offers)]
            self.driver.tell(e.OfferConnected(offer, contact))

    @rule(again=st.integers(1, 30))
    def heard_again(self, again: int) -> None:
        event = self.driver.entries[-min(again, len(self.driver.entries))][1]
        self.driver.tell(event)

    @rule(agent=st.integers(0, 9), seat=st.integers(0, 9))
    def signs_in(self, agent: int, seat: int) -> None:
        self.driver.tell(e.AgentSignedIn(AgentId(f"a{agent}"), SeatId(f"s{seat}")))

    @rule(which=st.sampled_from(CENTRES))
    def reloads(self, which: object) -> None:
        self.driver.tell(e.Configured(which))  # type: ignore[arg-type]

    @rule(seconds=st.floats(0, 60), tick=st.booleans())
    def time_passes(self, seconds: float, tick: bool) -> None:
        self.driver.pass_time(seconds, tick=tick)

    @invariant()
    def all_is_well(self) -> None:
        self.driver.check()

    def teardown(self) -> None:
        driver = self.driver
        assert journal.replay_entries(driver.entries) == driver.facts
        _everybody_leaves(driver)


def _everybody_leaves(driver: Driver) -> None:
    """All callers hang up, all wrap-ups run out: exactly one end for each contact, nothing left."""
    for contact in list(driver.checker.contact):
        driver.tell(e.CallerHungUp(contact))
        driver.tell(e.ContactExited(contact, "key"))  # a callback outlives its call
    for _ in range(3):
        for number in range(10):
            driver.tell(e.WrapUpEnded(AgentId(f"a{number}")))  # some end by the word only
        driver.pass_time(10_000.0)
    assert set(driver.checker.ended) == set(driver.checker.contact)
    assert set(driver.checker.ended.values()) <= {1}
    assert all(state in (ContactState.COMPLETED, ContactState.CANCELED)
               for state, _ in driver.checker.contact.values())
    assert not driver.engine.live_contacts() and not driver.engine.live_offers()


TestDisorder = Disorder.TestCase
TestDisorder.settings = settings(max_examples=examples(60), stateful_step_count=40)


def _march(seed: int, count: int) -> Driver:
    rng = random.Random(seed)
    driver = Driver()
    driver.open_house()
    for number in range(count):
        driver.some_step(rng)
        if number % CHECK_EVERY == 0:
            driver.check()
        if number % 200 == 199:
            _refresh(driver)
    assert driver.checker.compared > count // 40, "whose turn it was had to be seen"
    return driver


def _refresh(driver: Driver) -> None:
    """Back to life, with a short line."""
    driver.revive()
    for contact in list(driver.engine.status(driver.now).contacts)[:-15]:
        driver.tell(e.CallerHungUp(contact.contact))


def test_a_replay_gives_the_same_facts() -> None:
    driver = _march(99, EVENTS)
    assert journal.replay_entries(driver.entries) == driver.facts
    _everybody_leaves(driver)
