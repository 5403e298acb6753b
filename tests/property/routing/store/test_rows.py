"""For any legal day in any turns, the stored rows equal the model."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, select

from routing.core.model.centre_model import AgentState, Channel, ContactState, OfferState, Outcome
from routing.core.stored import StoredContact, StoredOffer
from routing.store.reader import LoadedState
from routing.store.schema import agents, contacts, offers
from routing.store.store import Store
from tests.examples import examples
from tests.fakes.store_day import Day

pytestmark = pytest.mark.property

CALLERS = tuple(f"c{number}" for number in range(6))
PEOPLE = ("a1", "a2", "a3")
ENDS = (Outcome.ABANDONED, Outcome.ABANDONED_SHORT, Outcome.FALLBACK, Outcome.LEFT, Outcome.FAILURE)


def possible(day: Day) -> list[tuple[Any, ...]]:
    """Everything that may happen next, as a call on the day."""
    free = [agent for agent in PEOPLE if day.agents.get(agent, {}).get("state") is AgentState.READY
            and not any(row["agent"] == agent and row["state"] in
                        (OfferState.PENDING, OfferState.ACCEPTED, OfferState.WRAPPING)
                        for row in day.offers.values())]
    found: list[tuple[Any, ...]] = []
    for agent in PEOPLE:
        state = day.agents.get(agent, {"state": AgentState.SIGNED_OUT})["state"]
        after = AgentState.READY if state is not AgentState.READY else AgentState.PAUSED
        found.append((day.agent, agent, after, f"seat-{agent}"))
    for caller in CALLERS:
        row = day.contacts.get(caller)
        if row is None:
            found.append((day.queue, caller, Channel.VOICE))
        elif row["state"] is ContactState.PENDING:
            found += [(day.offer, caller, agent) for agent in free]
        if row is not None and row["state"] in (ContactState.PENDING, ContactState.RESERVED):
            found += [(day.end, caller, outcome) for outcome in ENDS]
    for number, offer in day.offers.items():
        if offer["state"] is OfferState.PENDING:
            found += [(day.ring, number), (day.connect, number), (day.close, number, OfferState.TIMEOUT),
                      (day.close, number, OfferState.REJECTED), (day.close, number, OfferState.RESCINDED)]
        elif offer["state"] is OfferState.ACCEPTED:
            found += [(day.hold, number, offer["held_s"] + 1.5), (day.talk_over, number), (day.talk_over, number, True)]
        elif offer["state"] is OfferState.WRAPPING:
            found.append((day.wrap, number))
    return found


async def keep(path: Path, turns: list[Any]) -> LoadedState:
    store = await Store.open_store(path)
    for turn in turns:
        await store.commit(turn)
    kept = await store.facts_after(0)
    assert kept == [fact for turn in turns for fact in turn.facts]
    loaded = await store.load_state()
    await store.close()
    return loaded


@settings(max_examples=examples(40))
@given(st.lists(st.tuples(st.integers(0, 10_000), st.booleans()), min_size=1, max_size=60))
def test_rows_equal_the_model(choices: list[tuple[int, bool]]) -> None:
    day = Day()
    turns = []
    for number, last_of_turn in choices:
        moves = possible(day)
        call, *arguments = moves[number % len(moves)]
        call(*arguments)
        if last_of_turn:
            turns.append(day.turn())
    turns.append(day.turn())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "santral.db"
        loaded = asyncio.run(keep(path, turns))
        engine = create_engine(f"sqlite:///{path}")
        with engine.connect() as connection:
            assert {row.contact: (row.state, row.version, row.outcome)
                    for row in connection.execute(select(contacts))} \
                == {name: (row["state"], row["version"], row["outcome"]) for name, row in day.contacts.items()}
            assert {row.offer: (row.contact, row.agent, row.state, row.held_s)
                    for row in connection.execute(select(offers))} \
                == {name: (row["contact"], row["agent"], row["state"], row["held_s"])
                    for name, row in day.offers.items()}
            assert {row.agent: (row.state, row.version, row.seat) for row in connection.execute(select(agents))} \
                == {name: (row["state"], row["version"], row["seat"]) for name, row in day.agents.items()}
        engine.dispose()
    alive(loaded, day)


def alive(loaded: LoadedState, day: Day) -> None:
    """Check that the engine is rebuilt from exactly the contacts, offers and agents that are not over."""
    waiting: dict[str, StoredContact] = {row.contact: row for row in loaded.contacts}
    assert waiting.keys() == {name for name, row in day.contacts.items()
                              if row["state"] not in (ContactState.COMPLETED, ContactState.CANCELED)}
    assert {name: row.offer for name, row in waiting.items()} == {name: day.contacts[name]["offer"] for name in waiting}
    ringing: dict[int, StoredOffer] = {row.offer: row for row in loaded.offers}
    assert ringing.keys() == {number for number, row in day.offers.items()
                              if row["state"] in (OfferState.PENDING, OfferState.ACCEPTED, OfferState.WRAPPING)}
    assert set(loaded.ended_contacts) == {name for name, row in day.contacts.items() if row["outcome"] is not None}
    assert loaded.next_offer == day.next_offer
    assert loaded.next_fact == day.seq + 1
