"""Start an engine with a centre on a new store, as a node does before its first turn."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from routing.clock import Clock
from routing.core import events as e
from routing.core.engine import Engine
from routing.core.model.centre_model import Centre
from routing.core.model.ids import AgentId, SeatId
from routing.core.stored import Started
from routing.runner import Runner, RunnerTurn
from routing.store.store import Store


class StoredEngine(NamedTuple):
    """An engine whose beginning is stored, with what a runner needs besides."""

    engine: Engine
    store: Store
    clock: Clock


async def open_engine(folder: Path, centre: Centre) -> StoredEngine:
    """Start an engine, and store its beginning in a new database of the folder."""
    store = await Store.open_store(folder / "santral.db")
    await store.take_lease("bench")
    clock, engine = Clock(), Engine()
    began = Started(centre, (), (), (), (), (), 1, 1, ())
    engine.handle(began, clock())
    changes = engine.take_changes()
    await store.commit(RunnerTurn([(clock(), began)], engine.take_facts(), changes))
    return StoredEngine(engine, store, clock)


def sign_in_agents(runner: Runner, count: int) -> None:
    """Connect Asterisk, and sign in the agents `a0`, `a1` and so on at the phones `p0`, `p1` and so on."""
    runner.post(e.LinkChanged("", True))
    for number in range(count):
        runner.post(e.SeatChanged(SeatId(f"p{number}"), True, False))
        runner.post(e.AgentSignedIn(AgentId(f"a{number}"), SeatId(f"p{number}")))
