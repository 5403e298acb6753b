"""The store of the simulation keeps and refuses what the real one does."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.simulation.database import Database, Session
from lab.simulation.virtual_time import World
from routing.core.model.centre_model import OFFER_WITH_CALLER, Channel
from routing.core.model.facts import Fact
from routing.core.records import AgentRecord, Contact, Offer
from routing.core.stored import Change
from routing.store.errors import LeaseHeld, LeaseLost, StoreConflict
from routing.store.lease.lease_row import TTL_S, Lease
from routing.store.store import Store
from tests.core.driver import Driver
from tests.fakes.store_day import Turn

pytestmark = pytest.mark.integration

STEPS = 1_500


class Pair:
    """The real store and the model, which get the same turns."""

    def __init__(self, store: Store) -> None:
        self.store, self.model = store, Database(World())
        self.lease = self.model.take_lease("test", Session(), None)
        self.facts = self.inputs = 0

    async def commit(self, events: Sequence[Any], facts: Sequence[Fact], changes: Sequence[Change]) -> bool:
        """Commit to both, and return whether both have taken the turn. They must agree."""
        taken = []
        for real in (True, False):
            try:
                if real:
                    await self.store.commit(Turn(events, facts, changes))
                else:
                    self.model.commit(events, facts, changes, self.lease, self.inputs + 1, self.facts + 1)
                taken.append(True)
            except StoreConflict:
                taken.append(False)
        assert taken[0] == taken[1], (taken, changes)
        if taken[0]:
            self.facts, self.inputs = self.facts + len(facts), self.inputs + len(events)
        return taken[0]

    async def compare(self) -> None:
        """Compare all that a start reads."""
        real, model = await self.store.load_state(), self.model.load_state(self.lease)
        for name in ("contacts", "offers", "past_offers", "agents", "learned", "next_offer", "next_fact"):
            assert getattr(real, name) == getattr(model, name), name
        assert set(real.ended_contacts) == set(model.ended_contacts)


@pytest.mark.parametrize("seed", [1, 2])
async def test_both_stores_keep_the_same_rows_and_refuse_the_same_turns(tmp_path: Path, seed: int) -> None:
    rng, driver = random.Random(seed), Driver()
    pair = Pair(await Store.open_store(tmp_path / "santral.db"))
    await pair.store.take_lease("test")
    entries = facts = refused = 0
    driver.open_house()
    for number in range(STEPS):
        driver.some_step(rng)
        if rng.random() > 0.1:
            continue
        turn = driver.entries[entries:], driver.facts[facts:], driver.changes.take()
        entries, facts = len(driver.entries), len(driver.facts)
        for wrong in wrong_turns(turn[1], turn[2], pair.model):
            assert not await pair.commit([], *wrong)
            refused += 1
        assert await pair.commit(*turn)
        if number % 10 == 0:
            await pair.compare()
    await pair.compare()
    await pair.store.close()
    assert refused > STEPS / 20


def wrong_turns(facts: list[Fact], changes: list[Change], model: Database) -> list[tuple[list[Fact], list[Change]]]:
    """Return turns that no store may take, each with a single fault."""
    found = []
    # 1. A fact with a number that is taken, and rows of another version.
    if len(facts) > 1:
        found.append((facts[1:], []))
    found += [([], [one._replace(before=one.before + 3)]) for one in changes[:2] if one.before]
    # 2. A second offer of the same caller, or of the same agent.
    for row in list(model.rows[Offer].values())[-40:]:
        if row.state in OFFER_WITH_CALLER and row.channel is Channel.VOICE:
            second = Change(Offer, 0, 0, 1.0, row._replace(offer=row.offer + 100_000))
            found.append(([], [second]))
            others = [one.agent for one in model.rows[AgentRecord].values() if one.agent != row.agent]
            found.append(([], [second._replace(row=second.row._replace(agent=others[0]))]))
            break
    # 3. A contact that exists.
    live = [row for row in model.rows[Contact].values() if row.outcome is None][:1]
    return found + [([], [Change(Contact, 0, 0, 1.0, row)]) for row in live]


def test_the_lease_of_the_model_has_one_holder() -> None:
    world = World()
    model = Database(world)
    first, second = Session(), Session()
    lease = model.take_lease("a", first, None)
    with pytest.raises(LeaseHeld):
        model.take_lease("b", second, None)
    # 1. It is free at its end, and its former holder writes nothing more.
    world.run_until(TTL_S + 0.1)
    assert model.take_lease("b", second, None) == Lease("b", 2) and not first.alive
    for write in (lambda: model.require_lease(lease), lambda: model.renew_lease(lease, first),
                  lambda: model.commit([], [], [], lease, 1, 1)):
        with pytest.raises(LeaseLost):
            write()
    # 2. It is free at once when its holder's session has ended.
    model.end_session(second)
    assert model.take_lease("a", Session(), None) == Lease("a", 3)
